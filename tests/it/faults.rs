//! Random weather: requests fail in every way AWS and networks know, listings lag and lie about
//! the past, the source goes away, the process is restarted. When it is over, the world is what it
//! would have been in fair weather.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use conformd::domain::base::model::{PackName, Region};
use conformd::sim::api::Operation;
use conformd::sim::faults::{FaultEffect, FaultRule, FaultStage};
use conformd::sim::knobs::{Knobs, Paging};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::lab::manifests::{Manifest, file, packs};
use crate::support::lab::truth::Truth;
use crate::support::lab::{Lab, Setting, hours, in_virtual_time, minutes, start};

/// Everything is over by then.
const WEATHER: Duration = Duration::from_hours(4);
/// A liveness target: every pack is what it should be so long after the last fault, roll-out apart.
const CALM: Duration = Duration::from_hours(2);
/// How long roll-outs of three members take at most, lags included.
const ROLLOUT: Duration = Duration::from_mins(30);

#[derive(Debug, Clone)]
struct Weather {
    seed: u64,
    lag: Duration,
    paging: Paging,
    faults: Vec<Fault>,
    /// When the manifests change, twice.
    changes: [Duration; 2],
    /// When the source cannot be read, or is read no more.
    source: Option<(Duration, Duration, bool)>,
    /// When the process is killed.
    kills: Vec<Duration>,
}

#[derive(Debug, Clone)]
struct Fault {
    effect: FaultEffect,
    operation: Option<Operation>,
    is_everywhere: bool,
    from: Duration,
    lasts: Duration,
    percent: u8,
}

fn any_stage() -> impl Strategy<Value = FaultStage> {
    select(vec![FaultStage::Before, FaultStage::After])
}

fn any_effect() -> impl Strategy<Value = FaultEffect> {
    prop_oneof![
        3 => Just(FaultEffect::Throttled),
        2 => any_stage().prop_map(|stage| FaultEffect::InternalFailure { stage }),
        1 => any_stage().prop_map(|stage| FaultEffect::Unavailable { stage, html: true }),
        3 => any_stage().prop_map(|stage| FaultEffect::Reset { stage }),
        3 => any_stage().prop_map(|stage| FaultEffect::BlackHole { stage }),
        3 => (0_u64..10).prop_map(|by| FaultEffect::Stale { by: minutes(by) }),
        1 => Just(FaultEffect::ExpiredCredentials),
        1 => Just(FaultEffect::AccessDenied),
        1 => Just(FaultEffect::RegionOff),
        2 => Just(FaultEffect::BadToken),
        1 => Just(FaultEffect::Malformed),
        1 => Just(FaultEffect::Truncated),
        1 => Just(FaultEffect::UnknownStatus),
    ]
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let operations = vec![
        None,
        None,
        Some(Operation::DescribeOrganizationConformancePacks),
        Some(Operation::DescribeOrganizationConformancePackStatuses),
        Some(Operation::PutOrganizationConformancePack),
        Some(Operation::DeleteOrganizationConformancePack),
        Some(Operation::GetCallerIdentity),
    ];
    let (from, lasts) = (0_u64..180, 1_u64..60);
    let place = (select(operations), any::<bool>());
    (any_effect(), place, from, lasts, select(vec![20, 50, 100])).prop_map(
        |(effect, (operation, is_everywhere), from, lasts, percent)| {
            let (from, lasts) = (minutes(from), minutes(lasts));
            Fault { effect, operation, is_everywhere, from, lasts, percent }
        },
    )
}

fn any_paging() -> impl Strategy<Value = Paging> {
    let page_max = select(vec![None, Some(1), Some(2)]);
    let token_life = select(vec![None, None, Some(minutes(1))]);
    (page_max, any::<bool>(), any::<bool>(), token_life).prop_map(
        |(page_max, shuffled, empty_pages, token_life)| Paging {
            page_max,
            shuffled,
            empty_pages,
            token_life,
        },
    )
}

fn any_weather() -> impl Strategy<Value = Weather> {
    let changes = (5_u64..60, 60_u64..150).prop_map(|(one, other)| [minutes(one), minutes(other)]);
    let source = (0_u64..180, 1_u64..60, any::<bool>())
        .prop_map(|(from, lasts, fails)| (minutes(from), minutes(lasts), fails));
    let kills = prop::collection::vec((0_u64..240).prop_map(minutes), 0..3);
    (
        any::<u64>(),
        (0_u64..10).prop_map(minutes),
        any_paging(),
        prop::collection::vec(any_fault(), 1..6),
        changes,
        prop::option::of(source),
        kills,
    )
        .prop_map(|(seed, lag, paging, faults, changes, source, mut kills)| {
            kills.sort();
            Weather { seed, lag, paging, faults, changes, source, kills }
        })
}

/// What the manifests say at first and after each change: updates, a new pack, a pack less.
fn revisions() -> [String; 3] {
    let mut manifests = packs(&["a", "b", "c"]);
    manifests[1].excluded = 2;
    let first = file(&manifests);
    manifests[0].age = Some(30);
    manifests[1].version = 2;
    manifests.extend(packs(&["d"]));
    let second = file(&manifests);
    manifests[0].age = Some(60);
    manifests[1].excluded = 0;
    manifests.retain(|manifest: &Manifest| manifest.name != "c");
    [first, second, file(&manifests)]
}

/// What happens besides the faults.
enum Happening {
    Write(String),
    FailSource,
    FreezeSource,
    ReadSource,
    Restart,
}

impl Weather {
    fn setting(&self) -> Setting {
        let mut knobs = Knobs::default();
        (knobs.lag.packs, knobs.lag.statuses) = (self.lag, self.lag);
        knobs.paging = self.paging.clone();
        Setting { seed: self.seed, knobs, ..Setting::default() }
    }

    fn timetable(&self) -> Vec<(Duration, Happening)> {
        let [_, second, third] = revisions();
        let [one, other] = self.changes;
        let mut all = vec![(one, Happening::Write(second)), (other, Happening::Write(third))];
        if let Some((from, lasts, fails)) = self.source {
            all.push((from, if fails { Happening::FailSource } else { Happening::FreezeSource }));
            all.push((from + lasts, Happening::ReadSource));
        }
        all.extend(self.kills.iter().map(|at| (*at, Happening::Restart)));
        all.sort_by_key(|(at, _)| *at);
        all
    }

    async fn happens(&self) -> Lab {
        let [first, ..] = revisions();
        let mut lab = Lab::new(self.setting());
        for fault in &self.faults {
            let Fault { effect, operation, is_everywhere, from, lasts, percent } = fault.clone();
            let mut rule = FaultRule::always(effect).percent(percent);
            rule.operation = operation;
            if !is_everywhere {
                rule = rule.in_region(&"eu-west-1".parse().unwrap());
            }
            lab.fault(rule.between(start() + from, start() + from + lasts));
        }
        lab.write(&first);
        lab.boot();
        for (at, happening) in self.timetable() {
            lab.run_until(start() + at, std::future::pending()).await;
            match happening {
                Happening::Write(manifests) => lab.write(&manifests),
                Happening::FailSource => lab.fail_source("no route to host"),
                Happening::FreezeSource => lab.freeze_source(),
                Happening::ReadSource => lab.read_source(),
                Happening::Restart => lab.restart(),
            }
        }
        lab.run_until(start() + WEATHER + CALM + ROLLOUT, std::future::pending()).await;
        lab
    }
}

/// A day without clouds.
fn fair() -> Weather {
    Weather {
        seed: 1,
        lag: Duration::ZERO,
        paging: Paging::default(),
        faults: Vec::new(),
        changes: [minutes(30), minutes(90)],
        source: None,
        kills: Vec::new(),
    }
}

/// The world that every weather must end in.
static FAIR: OnceLock<BTreeMap<(Region, PackName), Truth>> = OnceLock::new();

/// Runs in continuous integration; `PROPTEST_CASES` asks for more.
const CASES: u32 = 256;

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: CASES.max(default.cases), ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_hours_after_any_weather_the_world_is_what_it_would_have_been(weather in any_weather()) {
        let fair = FAIR.get_or_init(|| in_virtual_time(async { fair().happens().await.truth() }));
        in_virtual_time(async {
            let mut lab = weather.happens().await;
            if lab.truth() != *fair {
                let truth = lab.truth();
                lab.book().fail(&format!("another world:\n{truth:#?}\ninstead of\n{fair:#?}"));
            }
            let before = lab.world().log().mutations();
            lab.run_for(hours(2)).await;
            if lab.world().log().mutations() != before {
                lab.book().fail("the world was converged, and was written to");
            }
        });
    }
}

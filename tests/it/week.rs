//! A week in the life of an organization: accounts join with recorders early, late and never, AWS
//! has bad hours, and conformd is killed and started again whenever it suits nobody.

#![expect(clippy::indexing_slicing, reason = "in a test an index is an assertion")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conformd::domain::base::limits::RETRY_WINDOW;
use conformd::domain::base::model::{AccountId, PackName, Region, Timestamp};
use conformd::domain::members::new_account::NewAccountPhase;
use conformd::domain::plan::redeploy::{AfterDeadline, Redeploy};
use conformd::sim::api::{Operation, RequestOrigin};
use conformd::sim::event::{SetRecorder, WorldEvent};
use conformd::sim::faults::{FaultEffect, FaultRule};
use conformd::sim::knobs::{Knobs, WaitingRow};
use conformd::sim::setup::RecorderSetup;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::lab::crew::Knowledge;
use crate::support::lab::manifests::{file, packs};
use crate::support::lab::{Lab, Setting, hours, in_virtual_time, joins, minutes, start};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const PACKS: [&str; 2] = ["cis", "iam"];

/// Weeks of either kind; `PROPTEST_CASES` asks for more, as continuous integration does.
const WEEKS: u32 = 16;

/// The last account joins within five days, so that the week ends in peace.
const JOINS_END: u64 = 5 * 24 * 60;

/// When a new account gets its recorder, counted from its joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rollout {
    /// It brings one.
    Early,
    /// So many minutes later, within the 7 hours.
    InTime(u64),
    /// So many minutes later, past them.
    Late(u64),
    /// Nobody ever makes one.
    Never,
}

#[derive(Debug, Clone, Copy)]
struct Join {
    /// Minutes from the start of the week.
    at: u64,
    rollout: Rollout,
}

#[derive(Debug, Clone)]
struct Week {
    seed: u64,
    joins: Vec<Join>,
    /// Minutes of the week at which the process is killed, and for how many it stays away.
    outages: Vec<(u64, u64)>,
    /// Minutes of the week from which AWS throttles, and for how many.
    throttled: Vec<(u64, u64)>,
    waiting: WaitingRow,
    moves_aggregate: bool,
    moves_last_update: bool,
    after_deadline: AfterDeadline,
}

fn any_join() -> impl Strategy<Value = Join> {
    let rollout = prop_oneof![
        Just(Rollout::Early),
        (5_u64..400).prop_map(Rollout::InTime),
        (430_u64..1_500).prop_map(Rollout::Late),
        Just(Rollout::Never),
    ];
    (60..JOINS_END, rollout).prop_map(|(at, rollout)| Join { at, rollout })
}

fn any_week(after_deadline: AfterDeadline) -> impl Strategy<Value = Week> {
    let spans = |most, longest| prop::collection::vec((60_u64..JOINS_END, 5_u64..longest), 0..most);
    let aws = (
        select(vec![WaitingRow::InProgress, WaitingRow::Failed, WaitingRow::Absent]),
        any::<bool>(),
        any::<bool>(),
    );
    (any::<u64>(), prop::collection::vec(any_join(), 1..6), spans(6, 500), spans(4, 120), aws)
        .prop_map(move |(seed, joins, outages, throttled, aws)| {
            let (waiting, moves_aggregate, moves_last_update) = aws;
            Week {
                seed,
                joins,
                outages,
                throttled,
                waiting,
                moves_aggregate,
                moves_last_update,
                after_deadline,
            }
        })
}

impl Week {
    fn setting(&self) -> Setting {
        let mut knobs = Knobs { log_entries_max: usize::MAX, ..Knobs::default() };
        knobs.joining.waiting = self.waiting;
        knobs.joining.moves_aggregate = self.moves_aggregate;
        knobs.joining.moves_last_update = self.moves_last_update;
        Setting {
            seed: self.seed,
            knobs,
            regions: REGIONS.to_vec(),
            redeploy: Redeploy { after_deadline: self.after_deadline, ..Redeploy::default() },
            knowledge: Knowledge::Recorders,
            ..Setting::default()
        }
    }

    fn account(number: usize) -> AccountId {
        format!("{:012}", 510_000_000_000 + number).parse().unwrap()
    }

    /// Everything that happens, by minute of the week.
    fn script(&self) -> Vec<(u64, Happening)> {
        let mut script = Vec::new();
        for (number, join) in self.joins.iter().enumerate() {
            let account = Self::account(number);
            let recorder = match join.rollout {
                Rollout::Early => RecorderSetup::Recording,
                Rollout::InTime(_) | Rollout::Late(_) | Rollout::Never => RecorderSetup::Missing,
            };
            script.push((join.at, Happening::Joins(account, recorder)));
            if let Rollout::InTime(after) | Rollout::Late(after) = join.rollout {
                script.push((join.at + after, Happening::Records(account)));
            }
        }
        for (at, away) in &self.outages {
            script.push((*at, Happening::Dies));
            script.push((at + away, Happening::Boots));
        }
        for (at, away) in &self.throttled {
            script.push((*at, Happening::Throttled));
            script.push((at + away, Happening::Heals));
        }
        script.sort_by_key(|(at, _)| *at);
        script
    }

    async fn live_through(&self) -> (Lab, Presence) {
        let mut lab = Lab::with(self.setting(), &file(&packs(&PACKS)));
        let mut presence = Presence { up: vec![(lab.now(), None)], dead: 0 };
        for (at, happening) in self.script() {
            let until = start() + minutes(at);
            lab.run_until(until, std::future::pending()).await;
            happening.happen(&mut lab, &mut presence);
        }
        lab.run_until(start() + hours(6 * 24 + 12), std::future::pending()).await;
        (lab, presence)
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Joins(AccountId, RecorderSetup),
    Records(AccountId),
    Dies,
    Boots,
    Throttled,
    Heals,
}

/// When conformd was there.
#[derive(Debug)]
struct Presence {
    up: Vec<(Timestamp, Option<Timestamp>)>,
    /// Outages that are on: they may overlap.
    dead: u32,
}

impl Presence {
    /// Whether it was there, without a break, from one moment to the other.
    fn spans(&self, from: Timestamp, to: Timestamp) -> bool {
        self.up.iter().any(|(begin, end)| *begin <= from && end.is_none_or(|end| end >= to))
    }
}

impl Happening {
    fn happen(self, lab: &mut Lab, presence: &mut Presence) {
        let now = lab.now();
        match self {
            Self::Joins(account, recorder) => lab.event(&joins(account, recorder)),
            Self::Records(account) => {
                let recorder = RecorderSetup::Recording;
                lab.event(&WorldEvent::Recorder(SetRecorder { account, region: None, recorder }));
            }
            Self::Dies => {
                presence.dead += 1;
                if presence.dead == 1 {
                    lab.kill();
                    presence.up.last_mut().unwrap().1 = Some(now);
                }
            }
            Self::Boots => {
                presence.dead -= 1;
                if presence.dead == 0 {
                    lab.boot();
                    presence.up.push((now, None));
                }
            }
            Self::Throttled => lab.fault(FaultRule::always(FaultEffect::Throttled)),
            Self::Heals => lab.heal(),
        }
    }
}

/// The Puts of ours with effect, by place and pack.
fn puts(lab: &Lab) -> BTreeMap<(Region, PackName), Vec<Timestamp>> {
    let mut puts = BTreeMap::<_, Vec<Timestamp>>::new();
    for entry in lab.world().log().entries() {
        let is_ours = entry.origin == RequestOrigin::Client
            && entry.operation == Operation::PutOrganizationConformancePack
            && entry.took_effect;
        if let Some(pack) = entry.subject.as_ref().filter(|_| is_ours) {
            let key = (entry.region.clone(), pack.parse().unwrap());
            puts.entry(key).or_default().push(entry.at);
        }
    }
    puts
}

/// Every new account ends complete, or missed for good reason.
fn assert_everybody_is_accounted_for(week: &Week, lab: &Lab) {
    for region in REGIONS {
        let new_accounts = lab.report(region).tracking.new_accounts;
        for (number, join) in week.joins.iter().enumerate() {
            let account = Week::account(number);
            let joined = start() + minutes(join.at);
            if joined + hours(7 * 24) <= lab.now() {
                continue;
            }
            let new_account = new_accounts.iter().find(|it| it.account == account);
            let phase = new_account.map(|it| it.phase);
            let fits = match join.rollout {
                Rollout::Early | Rollout::InTime(_) | Rollout::Late(_) => {
                    phase == Some(NewAccountPhase::Complete)
                }
                Rollout::Never => phase == Some(NewAccountPhase::Missed),
            };
            if !fits {
                lab.book().fail(&format!("{account} in {region} ends as {phase:?}: {join:?}"));
            }
        }
    }
}

/// Whoever missed its deadline was spoken of an hour before, if conformd was there to speak.
fn assert_warned(week: &Week, lab: &Lab, presence: &Presence) {
    let tellings = lab.book().tellings.clone();
    let missed: BTreeSet<_> = tellings
        .iter()
        .filter(|(_, _, _, told)| told.phase == NewAccountPhase::Missed)
        .map(|(_, region, _, told)| (region.clone(), told.account, told.deadline))
        .collect();
    for (region, account, deadline) in missed {
        let late = deadline - hours(1);
        let hour = late - hours(1);
        let throttled = week.throttled.iter().any(|(at, for_minutes)| {
            let from = start() + minutes(*at);
            from < late && from + minutes(*for_minutes) > hour - minutes(30)
        });
        if throttled || !presence.spans(hour, late) {
            continue;
        }
        let warned = tellings.iter().any(|(_, place, at, told)| {
            *place == region
                && (told.account, told.deadline) == (account, deadline)
                && *at <= late
                && told.phase == NewAccountPhase::Waiting
        });
        if !warned {
            lab.book().fail(&format!("nobody spoke of {account} in {region} by {late}"));
        }
    }
}

/// No miss is declared before its time, and the deadline is always that of AWS.
fn assert_deadlines(week: &Week, lab: &Lab) {
    for (_, region, at, told) in &lab.book().tellings {
        let number = (0..week.joins.len()).find(|number| Week::account(*number) == told.account);
        let joined = start() + minutes(week.joins[number.unwrap()].at);
        assert!(
            told.deadline.duration_since(joined).as_secs().abs_diff(7 * 3_600) <= 1,
            "{told:?}"
        );
        let is_over = matches!(told.phase, NewAccountPhase::Missed | NewAccountPhase::Late);
        assert!(!is_over || *at >= joined + RETRY_WINDOW, "{told:?} in {region} at {at}");
    }
}

/// Puts of one pack in one place are a cooldown apart, once it is there.
fn assert_redeploys_are_rare(lab: &Lab) {
    let cooldown = Redeploy::default().cooldown;
    for (key, puts) in puts(lab) {
        for pair in puts.windows(2) {
            let apart = Duration::try_from(pair[1].duration_since(pair[0])).unwrap();
            if apart < cooldown {
                lab.book().fail(&format!("{key:?} was put twice within {apart:?}"));
            }
        }
    }
}

/// Lives through as many weeks as are asked for.
fn check(after_deadline: AfterDeadline) {
    #[expect(clippy::disallowed_methods, reason = "tells what was asked for from a default")]
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig { cases: asked.unwrap_or(WEEKS), ..ProptestConfig::default() };
    proptest!(config, |(week in any_week(after_deadline))| {
        in_virtual_time(async {
            let (mut lab, presence) = week.live_through().await;
            assert_everybody_is_accounted_for(&week, &lab);
            assert_warned(&week, &lab, &presence);
            assert_deadlines(&week, &lab);
            assert_redeploys_are_rare(&lab);
            let before = lab.world().log().mutations();
            lab.run_until(start() + hours(7 * 24), std::future::pending()).await;
            if after_deadline == AfterDeadline::RecorderSeen {
                assert_eq!(lab.world().log().mutations(), before, "the week ends in peace");
            }
        });
    });
}

#[test]
fn a_week_ends_with_every_account_accounted_for_and_puts_only_where_they_help() {
    check(AfterDeadline::RecorderSeen);
}

#[test]
fn a_week_of_blind_redeploys_ends_the_same_and_no_put_comes_before_its_cooldown() {
    check(AfterDeadline::Always);
}

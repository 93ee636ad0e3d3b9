//! Properties over any short history of a small organization.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::{Bench, MINUTE, account, plain};
use crate::domain::base::model::{AccountState, PackName};
use crate::domain::observed::packs::{PackPhase, RolloutStatus, Verb};
use crate::sim::api::packs::{DetailFilters, PutPack};
use crate::sim::failures::Failure;
use crate::sim::faults::{FaultEffect, FaultRule};
use crate::sim::knobs::{Knobs, Paging, WaitingRow};
use crate::sim::setup::RecorderSetup;
use crate::sim::timeline::earlier;

/// Worlds per property; all properties take less than two seconds together.
const CASES: u32 = 64;

/// Something that may happen.
#[derive(Debug, Clone)]
enum RandomStep {
    Put { pack: u8, excluded: Vec<u8> },
    Delete(u8),
    Join(u8, bool),
    Leave(u8),
    Suspend(u8),
    Recorder(u8, bool),
    Fail(u8),
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<RandomStep>> {
    let member = 0_u8..8;
    let step = prop_oneof![
        3 => (0_u8..3, prop::collection::vec(member.clone(), 0..3))
            .prop_map(|(pack, excluded)| RandomStep::Put { pack, excluded }),
        1 => (0_u8..3).prop_map(RandomStep::Delete),
        1 => (member.clone(), any::<bool>())
            .prop_map(|(one, recorder)| RandomStep::Join(one, recorder)),
        1 => member.clone().prop_map(RandomStep::Leave),
        1 => member.clone().prop_map(RandomStep::Suspend),
        1 => (member.clone(), any::<bool>())
            .prop_map(|(one, there)| RandomStep::Recorder(one, there)),
        1 => member.prop_map(RandomStep::Fail),
        4 => (1_u16..600).prop_map(RandomStep::Wait),
    ];
    prop::collection::vec(step, 1..25)
}

fn any_knobs() -> impl Strategy<Value = Knobs> {
    let waiting = prop_oneof![
        Just(WaitingRow::InProgress),
        Just(WaitingRow::Failed),
        Just(WaitingRow::Absent)
    ];
    (waiting, 1_u32..5, 0_u64..20, any::<bool>(), any::<bool>()).prop_map(
        |(waiting, parallelism, lag, shuffled, empty_pages)| {
            let mut knobs = Knobs::default();
            knobs.joining.waiting = waiting;
            knobs.fan_out.parallelism = parallelism;
            knobs.lag.packs = Duration::from_mins(lag);
            knobs.lag.rows = Duration::from_mins(lag);
            knobs.paging.shuffled = shuffled;
            knobs.paging.empty_pages = empty_pages;
            knobs.paging.page_max = Some(3);
            knobs
        },
    )
}

impl Bench {
    /// Does it and says what came of it.
    fn act(&mut self, step: &RandomStep) -> String {
        let name = |pack: &u8| format!("pack{pack}");
        match step {
            RandomStep::Put { pack, excluded } => {
                let excluded = excluded.iter().map(|one| account(u64::from(*one)).to_string());
                let put = PutPack {
                    organization_conformance_pack_name: Some(name(pack)),
                    excluded_accounts: Some(excluded.collect()),
                    ..plain()
                };
                format!("{:?}", self.put_with(put))
            }
            RandomStep::Delete(pack) => format!("{:?}", self.delete(&name(pack))),
            RandomStep::Join(one, recorder) => {
                let kind =
                    if *recorder { RecorderSetup::Recording } else { RecorderSetup::Missing };
                self.join(&account(u64::from(*one)), kind);
                String::new()
            }
            RandomStep::Leave(one) => {
                self.world.leave(self.now, &account(u64::from(*one))).to_string()
            }
            RandomStep::Suspend(one) => {
                let id = account(u64::from(*one));
                self.world.set_state(self.now, &id, AccountState::Suspended).to_string()
            }
            RandomStep::Recorder(one, there) => {
                let kind = if *there { RecorderSetup::Recording } else { RecorderSetup::Missing };
                let (id, region) = (account(u64::from(*one)), self.place.region.clone());
                self.world.set_recorder(self.now, &id, &region, kind).to_string()
            }
            RandomStep::Fail(one) => {
                let failure = Failure {
                    account: Some(account(u64::from(*one))),
                    code: "Broken".into(),
                    times: Some(1),
                    ..Failure::default()
                };
                format!("{:?}", self.world.fail(self.now, failure))
            }
            RandomStep::Wait(minutes) => {
                self.pass(Duration::from_mins(u64::from(*minutes)));
                String::new()
            }
        }
    }

    fn trace(&mut self, steps: &[RandomStep]) -> Vec<String> {
        let mut trace = Vec::new();
        for step in steps {
            trace.push(self.act(step));
            trace.push(format!("{:?}", self.list()));
            for pack in ["pack0", "pack1", "pack2"] {
                trace.push(self.status(pack));
                trace.push(format!("{:?}", self.rows(pack, &DetailFilters::default())));
            }
        }
        trace
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn equal_setups_and_calls_give_equal_traces(steps in steps(), knobs in any_knobs()) {
        let trace = |knobs| Bench::of(5, knobs).trace(&steps);
        prop_assert_eq!(trace(knobs.clone()), trace(knobs));
    }

    #[test]
    fn the_aggregate_follows_from_the_rows(steps in steps(), knobs in any_knobs()) {
        let mut bench = Bench::of(5, knobs);
        for step in &steps {
            bench.act(step);
            let world = &mut bench.world;
            world.advance_to(bench.now);
            for name in ["pack0", "pack1", "pack2"] {
                let name: PackName = name.parse().unwrap();
                let Some(aggregate) = world.aggregate(&bench.place, &name) else { continue };
                let rows: Vec<_> = (0..8)
                    .filter_map(|one| world.row(&bench.place, &name, &account(one)))
                    .collect();
                let any = |phase| rows.iter().any(|row| row.phase == phase);
                if any(PackPhase::InProgress) {
                    prop_assert_eq!(aggregate.phase, PackPhase::InProgress);
                } else if aggregate.phase != PackPhase::InProgress {
                    prop_assert_eq!(aggregate.phase == PackPhase::Failed, any(PackPhase::Failed));
                    prop_assert_eq!(aggregate.cause.is_some(), any(PackPhase::Failed));
                }
            }
        }
    }

    #[test]
    fn filtered_rows_are_exactly_those_of_the_whole_list(steps in steps(), knobs in any_knobs()) {
        let mut bench = Bench::of(5, knobs);
        for step in &steps {
            bench.act(step);
        }
        for pack in ["pack0", "pack1", "pack2"] {
            let whole: BTreeSet<_> =
                bench.rows(pack, &DetailFilters::default()).into_iter().collect();
            let mut parts = BTreeSet::new();
            for verb in [Verb::Create, Verb::Update, Verb::Delete] {
                for phase in [PackPhase::InProgress, PackPhase::Successful, PackPhase::Failed] {
                    let status = Some(RolloutStatus::Known(verb, phase).to_string());
                    let filters = DetailFilters { account_id: None, status };
                    parts.extend(bench.rows(pack, &filters));
                }
            }
            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn a_stale_read_is_what_was_read_then(steps in steps(), knobs in any_knobs()) {
        let knobs = Knobs { paging: Paging::default(), ..knobs };
        let mut bench = Bench::of(5, knobs);
        let mut seen = Vec::new();
        for step in &steps {
            bench.act(step);
            if matches!(step, RandomStep::Wait(_)) {
                seen.push((bench.now, bench.list(), bench.status("pack0")));
            }
        }
        bench.pass(MINUTE);
        for (then, list, status) in seen {
            let by = bench.now.duration_since(then);
            let by = Duration::try_from(by).unwrap();
            prop_assert!(earlier(bench.now, by) == then);
            bench.world.clear_faults();
            bench.world.add_fault(FaultRule::always(FaultEffect::Stale { by }));
            prop_assert_eq!(bench.list(), list);
            prop_assert_eq!(bench.status("pack0"), status);
        }
    }
}

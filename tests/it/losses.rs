//! I-S4: in any 24 hours the loss that is measured on the world stays within the limits, unless an
//! approval in force covers it, whatever is done to manifests, processes, the record and the clock.
//!
//! Each mutation of each lab is measured ([`crate::support::lab::toll`]); here random lives are
//! led, and a search looks for the life in which most is lost.

#![expect(clippy::indexing_slicing, reason = "in a test it is an assertion")]

mod estate;

use std::fmt;

use conformd::domain::declared::snapshot::Absence;
use conformd::sim::event::{ExternalDelete, WorldEvent};
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::lab::crew::Knowledge;
use crate::support::lab::{Lab, Setting, hours, in_virtual_time, minutes};
use estate::{Edit, Estate};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// Lives in continuous integration; `PROPTEST_CASES` asks for more.
const CASES: u32 = 8;

/// How many lives the search leads; `PROPTEST_CASES` asks for more.
const TRIES: u32 = 16;

fn cases() -> u32 {
    // Without the variable it is 256, which is for properties that take no time.
    let asked = std::env::var_os("PROPTEST_CASES").map(|_| ProptestConfig::default().cases);
    asked.unwrap_or(CASES)
}

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Manifests of some packs are edited, in one commit.
    Edit(usize, usize, Edit),
    /// Whatever waits for an approval gets one, which stays in the source.
    Approve,
    /// Approvals leave the source.
    Withdraw,
    /// The process is killed, and another one goes on with the record.
    Restart,
    /// The daemon stops; a process runs as long as `apply` takes, and the daemon starts again.
    Apply,
    /// The record is lost, and the process is killed.
    LoseRecord,
    /// Another process begins beside those that run; it has no record.
    Beside,
    /// The time of day of the last process jumps by so many days.
    Jump(i64),
    /// Somebody else deletes a pack.
    OtherPack(usize),
    Nothing,
}

/// What happens, and how long it is left alone.
#[derive(Clone, Copy)]
struct Turn {
    deed: Deed,
    minutes: u64,
}

impl fmt::Debug for Turn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}, {} min", self.deed, self.minutes)
    }
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let packs = 0..estate::PACKS;
    prop_oneof![
        10 => (packs.clone(), select(vec![1, 1, 1, 1, 1, 1, 2, 8]), estate::any_edit())
            .prop_map(|(first, count, edit)| Deed::Edit(first, count, edit)),
        1 => Just(Deed::Approve),
        1 => Just(Deed::Withdraw),
        2 => Just(Deed::Restart),
        1 => Just(Deed::Apply),
        1 => Just(Deed::LoseRecord),
        1 => Just(Deed::Beside),
        2 => select(vec![-30, -1, 1, 2, 30]).prop_map(Deed::Jump),
        1 => packs.prop_map(Deed::OtherPack),
        1 => Just(Deed::Nothing),
    ]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let minutes = select(vec![1, 16, 16, 16, 31, 31, 31, 125, 300, 1_450]);
    (any_deed(), minutes).prop_map(|(deed, minutes)| Turn { deed, minutes })
}

fn any_life() -> impl Strategy<Value = (Absence, Vec<Turn>)> {
    let absence = select(vec![Absence::Atomic, Absence::Declared]);
    (absence, prop::collection::vec(any_turn(), 1..16))
}

/// Leads a life; every mutation in it is held to the limits.
fn live(absence: Absence, turns: &[Turn]) -> Lab {
    in_virtual_time(async {
        let setting = Setting {
            absence,
            regions: REGIONS.to_vec(),
            others: 40,
            knowledge: Knowledge::List,
            ..Setting::instant()
        };
        let (mut estate, mut approvals) = (Estate::new(), String::new());
        let mut lab = Lab::with(setting, &estate.to_string());
        lab.run_for(hours(2)).await;
        for turn in turns {
            lab.note(&format!("{turn:?}"));
            act(&mut lab, &mut estate, &mut approvals, turn.deed).await;
            lab.run_for(minutes(turn.minutes)).await;
        }
        lab.run_for(hours(1)).await;
        lab.book().settle_toll();
        lab
    })
}

async fn act(lab: &mut Lab, estate: &mut Estate, approvals: &mut String, deed: Deed) {
    match deed {
        Deed::Edit(first, count, edit) => {
            for pack in first..first + count {
                estate.edit(pack % estate::PACKS, edit);
            }
        }
        Deed::Approve => *approvals = REGIONS.map(|it| lab.approval_of_pending(it)).concat(),
        Deed::Withdraw => approvals.clear(),
        Deed::Restart => lab.restart(),
        Deed::Apply => {
            lab.kill();
            lab.boot();
            lab.run_for(minutes(17)).await;
            lab.restart();
        }
        Deed::LoseRecord => {
            lab.lose_record();
            lab.restart();
        }
        Deed::Beside => lab.boot_without_record(),
        Deed::Jump(days) => lab.stray(SignedDuration::from_hours(24 * days)),
        Deed::OtherPack(pack) => {
            let name = estate.name(pack).parse().unwrap();
            let region = REGIONS[0].parse().unwrap();
            // There may be nothing of this name.
            let now = lab.now();
            let event = WorldEvent::Delete(ExternalDelete { account: None, region, name });
            drop(event.happen(&mut lab.world(), now));
        }
        Deed::Nothing => {}
    }
    lab.write(&format!("{estate}{approvals}"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..Default::default() })]

    #[test]
    fn in_any_24_hours_the_world_loses_no_more_than_the_limits((absence, turns) in any_life()) {
        live(absence, &turns);
    }
}

/// A life that uses up what it may, limit by limit: the search begins there.
fn greedy(absence: Absence) -> Vec<Turn> {
    let fewer = |pack| Deed::Edit(pack, 1, Edit::Fewer(1));
    let exclude = |pack| Deed::Edit(pack, 1, Edit::Exclude(1));
    // In a plain directory a file that is gone says nothing.
    let lost = (absence == Absence::Declared).then_some(Deed::Edit(5, 1, Edit::Remove));
    let deeds = [
        Deed::Edit(7, 1, Edit::Absent),
        fewer(0),
        fewer(6),
        exclude(1),
        fewer(0),
        exclude(1),
        Deed::Restart,
        fewer(0),
        exclude(1),
        fewer(3),
        exclude(1),
        exclude(1),
        fewer(0),
        Deed::Edit(1, 1, Edit::Replace),
        exclude(2),
        // More than what is left, by a parameter; then by a process that knows nothing.
        Deed::Edit(1, 1, Edit::Revert),
        Deed::Edit(2, 1, Edit::Switch),
        Deed::Edit(2, 1, Edit::Revert),
        Deed::LoseRecord,
        fewer(3),
    ];
    lost.into_iter().chain(deeds).map(|deed| Turn { deed, minutes: 16 }).collect()
}

/// How much of all limits together was used in the worst day of each, in percent.
fn score(lab: &Lab) -> u64 {
    lab.worst().values().map(|(share, _)| share).sum()
}

/// Another life, close to this one.
fn neighbor(turns: &[Turn], runner: &mut TestRunner) -> Vec<Turn> {
    let mut pick = |below: usize| (0..below).new_tree(runner).unwrap().current();
    let (at, way) = (pick(turns.len()), pick(4));
    let other = pick(turns.len());
    let mut turns = turns.to_vec();
    let new = any_turn().new_tree(runner).unwrap().current();
    match way {
        0 => turns[at] = new,
        1 if turns.len() > 1 => drop(turns.remove(at)),
        2 => turns.insert(at, turns[other]),
        _ => turns.insert(at, new),
    }
    turns.truncate(26);
    turns
}

#[test]
fn a_search_for_the_life_that_loses_most_finds_none_beyond_the_limits() {
    let mut runner = TestRunner::deterministic();
    for absence in [Absence::Atomic, Absence::Declared] {
        let mut best = greedy(absence);
        let mut lab = live(absence, &best);
        let mut most = score(&lab);
        for _ in 0..TRIES.max(cases()) / 2 {
            let turns = neighbor(&best, &mut runner);
            let tried = live(absence, &turns);
            if score(&tried) >= most {
                (best, most, lab) = (turns, score(&tried), tried);
            }
        }
        println!("{absence:?}: {most} % of all limits together, of {} %", 100 * lab.worst().len());
        // A search in which nothing can be lost proves nothing.
        assert!(most >= 200, "{absence:?}: only {most} % of all limits were used");
        for (share, what) in lab.worst().values() {
            println!("  {share:3} % {what}");
        }
        println!("  by {best:#?}");
    }
}

//! What the guard lets through: every limit at its edge, approvals, the window of 24 hours.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use std::collections::BTreeMap;

use conformd::domain::diagnostic::Span;
use conformd::domain::guard::{Ledger, Limits, Ruling, Terms, approve};
use conformd::domain::manifest::{Approval, Origin};
use conformd::domain::mode::Mode;
use conformd::domain::model::{Digest, PackName, Timestamp};
use conformd::domain::organization::Shrink;
use conformd::domain::plan::Plan;
use conformd::domain::snapshot::SourcePath;
use insta::assert_snapshot;

use crate::lines::{account, at, first_plan, second_plan, text};

/// A process that started long ago.
fn old_ledger() -> Ledger {
    Ledger::new("2026-10-01T00:00:00Z".parse().unwrap())
}

struct Court {
    mode: Mode,
    limits: Limits,
    approvals: BTreeMap<String, Approval>,
    members: Option<usize>,
    shrink: Option<Shrink>,
    now: Timestamp,
    ledger: Ledger,
}

impl Court {
    fn new() -> Self {
        Self {
            mode: Mode::Sync,
            limits: Limits::default(),
            approvals: BTreeMap::new(),
            members: None,
            shrink: None,
            now: at("12:00"),
            ledger: old_ledger(),
        }
    }

    fn rule(&mut self, plan: Plan) -> Ruling {
        let Self { mode, limits, approvals, members, shrink, now, ledger } = self;
        let (mode, members, shrink, now) = (*mode, *members, shrink.as_ref(), *now);
        let terms = Terms { mode, limits, approvals, members, shrink, now };
        approve(plan, &terms, ledger)
    }

    fn approve(&mut self, plan: Digest, expires: Timestamp) {
        let approval = Approval {
            name: "drop-old".to_owned(),
            origin: Origin {
                path: SourcePath::new("approvals/drop-old.yaml").unwrap(),
                span: Span { line: 1, column: 1, start: 0, end: 1 },
            },
            plan,
            expires,
            reason: "retired".to_owned(),
        };
        self.approvals.insert(approval.name.clone(), approval);
    }
}

/// What the guard decides, on one line a fact.
fn verdict(ruling: &Ruling) -> String {
    let names = |packs: Vec<&PackName>| {
        let names: Vec<&str> = packs.into_iter().map(PackName::as_str).collect();
        names.join(" ")
    };
    let plan = ruling.approved.plan();
    let going = names(plan.steps.iter().map(|step| &step.pack).collect());
    let mut lines =
        vec![if going.is_empty() { "go: -".to_owned() } else { format!("go: {going}") }];
    if let Some(blocked) = &ruling.blocked {
        for trip in &blocked.trips {
            lines.push(format!("{}: {}", trip.reason, trip.why));
        }
        lines.push(format!("blocked: {}", names(blocked.packs.iter().collect())));
    }
    if let Some(approval) = &ruling.approval {
        lines.push(format!("approved by {approval}"));
    }
    lines.join("\n")
}

/// What an old process in mode sync is allowed to do.
fn check(plan: Plan) -> String {
    verdict(&Court::new().rule(plan))
}

/// Lines of `count` packs, named with this letter.
fn packs(letter: char, count: usize) -> String {
    let lines: Vec<String> = (1..=count).map(|number| format!("{letter}{number:02} v1;")).collect();
    lines.join(" ")
}

/// The plan in which this many of the region's packs are not wanted any more.
fn dropping(gone: usize, of: usize) -> Plan {
    let kept = packs('k', of - gone);
    second_plan(&kept, &format!("{kept}{}", packs('g', gone).replace("v1", "v2")))
}

#[test]
fn one_pack_may_always_go_and_a_tenth_of_many() {
    assert_snapshot!(check(dropping(1, 2)), @"go: g01");
    assert_snapshot!(check(dropping(2, 20)), @"go: g01 g02");
    assert_snapshot!(check(dropping(3, 29)), @"
    go: -
    ratio: 3 of 29 owned packs, at most 2
    blocked: g01 g02 g03
    ");
    assert_snapshot!(check(dropping(3, 30)), @"go: g01 g02 g03");
}

#[test]
fn five_names_may_go_within_a_day() {
    assert_snapshot!(check(dropping(5, 60)), @"go: g01 g02 g03 g04 g05");
    assert_snapshot!(check(dropping(6, 60)), @"
    go: -
    window: 6 names within 24 hours, at most 5
    blocked: g01 g02 g03 g04 g05 g06
    ");
}

#[test]
fn nothing_goes_when_less_than_half_of_what_we_own_is_still_wanted() {
    assert_snapshot!(check(second_plan("a v1", "a v1; b v2")), @"go: b");
    assert_snapshot!(check(second_plan("a v1", "a v1; b v2; c v3")), @"
    go: -
    overlap: only 1 of 3 owned packs are still wanted; is this the right directory?
    ratio: 2 of 3 owned packs, at most 1
    blocked: b c
    ");
    assert_snapshot!(check(second_plan("x v1", "only v2")), @"
    go: x
    overlap: only 0 of 1 owned packs are still wanted; is this the right directory?
    blocked: only
    ");
}

#[test]
fn packs_that_were_orphaned_on_purpose_do_not_look_like_a_wrong_directory() {
    let observed = "a v1; b v2; x v3 orphan; y v4 orphan; z v5 orphan";
    assert_snapshot!(check(second_plan("a v1", observed)), @"go: b");
}

#[test]
fn an_empty_source_never_takes_anything_away() {
    assert_snapshot!(check(second_plan("#empty", "a v1")), @"
    go: -
    empty_source: the source declares no pack at all
    overlap: only 0 of 1 owned packs are still wanted; is this the right directory?
    blocked: a
    ");
}

#[test]
fn five_accounts_may_be_excluded_anew_or_a_twentieth_of_the_members() {
    assert_snapshot!(check(first_plan("a v1 -5x", "a v1")), @"go: a");
    assert_snapshot!(check(first_plan("a v1 -6x; b v2", "a v1; b v1")), @"
    go: b
    exclusions: a loses 6 accounts, at most 5
    blocked: a
    ");
    for (members, expected) in [(119, "go: -"), (120, "go: a")] {
        let mut court = Court { members: Some(members), ..Court::new() };
        let ruling = court.rule(first_plan("a v1 -6x", "a v1"));
        assert_eq!(verdict(&ruling).lines().next(), Some(expected), "{members} members");
    }
}

#[test]
fn accounts_excluded_from_the_start_or_included_again_are_no_loss() {
    assert_snapshot!(check(first_plan("a v1 -100x; b v1", "b v1 -100x")), @"go: a b");
}

#[test]
fn an_adoption_may_not_exclude_many_accounts_unasked() {
    assert_snapshot!(check(first_plan("a v1 adopt -6x", "a unmanaged")), @"
    go: -
    exclusions: a loses 6 accounts, at most 5
    blocked: a
    ");
}

#[test]
fn while_the_account_list_shrinks_nobody_is_excluded_anew_and_everything_else_goes_on() {
    let shrink = Shrink {
        digest: Digest::of([b"gone".as_slice()]),
        before: 100,
        after: 80,
        since: at("11:00"),
        gone: [account(7)].into(),
    };
    let mut court = Court { shrink: Some(shrink), ..Court::new() };
    let plan = || first_plan("a v1 -1x; b v2; c v1", "a v1; b v1; c v1 -1x");
    assert_snapshot!(verdict(&court.rule(plan())), @"
    go: b c
    membership: the account list shrank from 100 to 80 active accounts
    blocked: a
    ");
    let digest = court.rule(plan()).blocked.unwrap().digest;
    court.approve(digest, at("13:00"));
    assert_snapshot!(verdict(&court.rule(plan())), @"
    go: a b c
    approved by drop-old
    ");
}

#[test]
fn an_approval_of_exclusions_is_about_who_loses_and_not_why() {
    let digest = |desired: &str, observed: &str| {
        let list = "#account 200000000001; #account 200000000002 SUSPENDED";
        let plan = first_plan(&format!("{list}; {desired}"), observed);
        Court::new().rule(plan).approved.digest().unwrap()
    };
    let one = digest("a v1 -200000000001", "a v1");
    assert_eq!(one, digest("a v1 -200000000001@ou-ab12-aaaaaaaa", "a v1"));
    assert_eq!(one, digest("a v1 -200000000001 -200000000002", "a v1 -300000000001"));
    assert_ne!(one, digest("a v1 -200000000001 -200000000003; #account 200000000003", "a v1"));
}

#[test]
fn a_template_that_loses_most_of_its_rules_waits() {
    let stripped = |old: u32, new: u32| {
        let (desired, observed) = (format!("a v2/{new}"), format!("a v1/{old}"));
        check(first_plan(&desired, &observed))
    };
    assert_snapshot!(stripped(10, 5), @"go: a");
    assert_snapshot!(stripped(10, 4), @"
    go: -
    rule_loss: a keeps 4 of 10 rules
    blocked: a
    ");
    assert_snapshot!(stripped(5, 1), @"go: a");
    assert_snapshot!(stripped(5, 0), @"
    go: -
    rule_loss: a keeps 0 of 5 rules
    blocked: a
    ");
}

#[test]
fn when_something_waits_ordinary_puts_go_on() {
    let plan =
        second_plan("a v1; b v2; new v1; cut v2/1", "a v1; b v1; cut v1/20; x v7; y v7; z v7");
    let ruling = Court::new().rule(plan);
    assert_snapshot!(verdict(&ruling), @"
    go: b new
    ratio: 4 of 6 owned packs, at most 1
    rule_loss: cut keeps 1 of 20 rules
    blocked: cut x y z
    ");
    assert_snapshot!(text(ruling.approved.plan()), @"
    ~ b update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    + new create
        template   b7d7d13d (10 rules)
    ! cut held, would update
        template   b7d7d13d (20 rules) → 662788a9 (1 rule)
        guard: the guard wants a person to approve this (ratio: 4 of 6 owned packs, at most 1; rule_loss: cut keeps 1 of 20 rules); commit an Approval manifest with `plan: 67508d2769fed443fe0c92e9a8d0d710`, or revert
    ! x held, would delete: no manifest wants it
        guard: the guard wants a person to approve this (ratio: 4 of 6 owned packs, at most 1; rule_loss: cut keeps 1 of 20 rules); commit an Approval manifest with `plan: 67508d2769fed443fe0c92e9a8d0d710`, or revert
    ! y held, would delete: no manifest wants it
        guard: the guard wants a person to approve this (ratio: 4 of 6 owned packs, at most 1; rule_loss: cut keeps 1 of 20 rules); commit an Approval manifest with `plan: 67508d2769fed443fe0c92e9a8d0d710`, or revert
    ! z held, would delete: no manifest wants it
        guard: the guard wants a person to approve this (ratio: 4 of 6 owned packs, at most 1; rule_loss: cut keeps 1 of 20 rules); commit an Approval manifest with `plan: 67508d2769fed443fe0c92e9a8d0d710`, or revert
    Plan: 1 to create, 1 to update, 0 to delete; 4 held.
    ");
}

#[test]
fn the_guard_speaks_at_the_first_look_already_and_its_digest_stays() {
    let (desired, observed) = ("a v1; b v1; c v1", "a v1; b v1; c v1; x v7; y v7");
    let first = Court::new().rule(first_plan(desired, observed));
    let second = Court::new().rule(second_plan(desired, observed));
    assert_snapshot!(verdict(&first), @"
    go: -
    ratio: 2 of 5 owned packs, at most 1
    blocked: x y
    ");
    assert_eq!(first.blocked, second.blocked);
}

#[test]
fn the_digest_does_not_depend_on_which_pack_is_busy() {
    let desired = "a v1; b v1; c v1";
    let digest = |observed: &str| {
        let ruling = Court::new().rule(second_plan(desired, observed));
        ruling.blocked.map(|blocked| blocked.digest.to_string()).unwrap_or_default()
    };
    let quiet = digest("a v1; b v1; c v1; x v7; y v7");
    let busy = digest("a v1; b v1; c v1; x v7 10:00 UPDATE_IN_PROGRESS; y v7");
    assert_eq!(quiet, busy);
    assert_snapshot!(quiet, @"7b18746f91d38247c2e1469dc6557943");
}

#[test]
fn an_approval_that_names_the_plan_lets_it_through_until_it_expires() {
    let mut court = Court::new();
    let digest = court.rule(dropping(2, 4)).blocked.unwrap().digest;
    court.approve(digest, at("12:01"));
    assert_snapshot!(verdict(&court.rule(dropping(2, 4))), @"
    go: g01 g02
    approved by drop-old
    ");
    let mut late = Court { now: at("12:01"), ..Court::new() };
    late.approve(digest, at("12:01"));
    assert_snapshot!(verdict(&late.rule(dropping(2, 4))), @"
    go: -
    ratio: 2 of 4 owned packs, at most 1
    blocked: g01 g02
    ");
}

#[test]
fn an_approval_is_void_when_the_targets_change_and_not_when_other_packs_do() {
    let mut court = Court::new();
    let digest =
        court.rule(second_plan("a v1; b v1", "a v1; b v1; x v7; y v7")).blocked.unwrap().digest;
    court.approve(digest, at("13:00"));
    let other_target = second_plan("a v1; b v1", "a v1; b v1; x v8; y v7");
    let one_more = second_plan("a v1; b v1; c v1", "a v1; b v1; c v1; x v7; y v7; z v7");
    let other_action = second_plan("a v1; b v1; y v7 -6x", "a v1; b v1; x v7; y v7");
    for plan in [other_target, one_more, other_action] {
        assert_eq!(court.rule(plan).approval, None);
    }
    let mut other_revision = second_plan("a v2; b v1 p=1; new v3", "a v1; b v1; x v7; y v7");
    other_revision.revision = None;
    assert_eq!(court.rule(other_revision).approval.as_deref(), Some("drop-old"));
}

#[test]
fn an_approval_covers_what_is_left_of_its_plan_and_nothing_more() {
    let mut court = Court::new();
    let digest = court.rule(dropping(4, 6)).blocked.unwrap().digest;
    court.approve(digest, at("13:00"));
    assert_eq!(court.rule(dropping(4, 6)).approval.as_deref(), Some("drop-old"));
    // Two are gone, one of the rest is busy.
    let kept = packs('k', 2);
    let rest = second_plan(&kept, &format!("{kept} g03 v2 11:30 UPDATE_IN_PROGRESS; g04 v2"));
    assert_snapshot!(verdict(&court.rule(rest)), @"
    go: g04
    approved by drop-old
    ");
    let more = second_plan(&kept, &format!("{kept} g04 v2; g05 v2"));
    assert_snapshot!(verdict(&court.rule(more)), @"
    go: -
    ratio: 2 of 4 owned packs, at most 1
    blocked: g04 g05
    ");
}

#[test]
fn mode_observe_does_nothing_and_shows_the_digest_that_sync_would_act_on() {
    let plan = || second_plan("a v2; b v1", "a v1; b v1; x v7; y v7");
    let sync = Court::new().rule(plan());
    let observe = Court { mode: Mode::Observe, ..Court::new() }.rule(plan());
    assert_eq!(observe.blocked, sync.blocked);
    assert_snapshot!(verdict(&observe), @"
    go: -
    ratio: 2 of 4 owned packs, at most 1
    blocked: x y
    ");
    assert_snapshot!(text(observe.approved.plan()), @"
    ! a held, would update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
        mode: mode observe never writes
    ! x held, would delete: no manifest wants it
        guard: the guard wants a person to approve this (ratio: 2 of 4 owned packs, at most 1); commit an Approval manifest with `plan: 7b18746f91d38247c2e1469dc6557943`, or revert
    ! y held, would delete: no manifest wants it
        guard: the guard wants a person to approve this (ratio: 2 of 4 owned packs, at most 1); commit an Approval manifest with `plan: 7b18746f91d38247c2e1469dc6557943`, or revert
    No changes; 3 held.
    ");
}

#[test]
fn mode_upsert_never_deletes_and_guards_its_other_losses() {
    let mut court = Court { mode: Mode::Upsert, ..Court::new() };
    let plan = second_plan("a v2; b v1 -6x", "a v1; b v1; x v7; y v7 UPDATE_IN_PROGRESS");
    let ruling = court.rule(plan);
    assert_snapshot!(verdict(&ruling), @"
    go: a
    exclusions: b loses 6 accounts, at most 5
    blocked: b
    ");
    assert_snapshot!(text(ruling.approved.plan()), @"
    ~ a update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    ! b held, would update
        excluded   + 200000000001 (exclude.accounts)
        excluded   + 200000000002 (exclude.accounts)
        excluded   + 200000000003 (exclude.accounts)
        excluded   + 200000000004 (exclude.accounts)
        excluded   + 200000000005 (exclude.accounts)
        excluded   + 200000000006 (exclude.accounts)
        guard: the guard wants a person to approve this (exclusions: b loses 6 accounts, at most 5); commit an Approval manifest with `plan: eec337614b1f635807a3239205290797`, or revert
    ! x held, would delete: no manifest wants it
        mode: mode upsert never deletes
    ! y held, would delete: no manifest wants it
        mode: mode upsert never deletes
    Plan: 0 to create, 1 to update, 0 to delete; 3 held.
    ");
}

#[test]
fn names_leave_the_window_after_24_hours_to_the_second() {
    let drop = |name: &str| second_plan("a v1; b v1", &format!("a v1; b v1; {name} v7"));
    let limits = Limits { names_per_window: 1, ..Limits::default() };
    let mut court = Court { limits, ..Court::new() };
    assert_snapshot!(verdict(&court.rule(drop("x"))), @"go: x");
    assert_snapshot!(verdict(&court.rule(drop("x"))), @"go: x");
    assert_snapshot!(verdict(&court.rule(drop("y"))), @"
    go: -
    window: 2 names within 24 hours, at most 1
    blocked: y
    ");
    court.now = at("d2/11:59:59");
    assert_snapshot!(verdict(&court.rule(drop("y"))), @"
    go: -
    window: 2 names within 24 hours, at most 1
    blocked: y
    ");
    court.now = at("d2/12:00:00");
    assert_snapshot!(verdict(&court.rule(drop("y"))), @"go: y");
}

#[test]
fn a_process_younger_than_24_hours_takes_away_one_name_only() {
    let drop = |names: &str| {
        let kept = packs('k', 20);
        second_plan(&kept, &format!("{kept}{names}"))
    };
    let mut court = Court { ledger: Ledger::new(at("12:00")), ..Court::new() };
    assert_snapshot!(verdict(&court.rule(drop("x v7; y v7"))), @"
    go: -
    window: 2 names within 24 hours, at most 1
    blocked: x y
    ");
    assert_snapshot!(verdict(&court.rule(drop("x v7"))), @"go: x");
    court.now = at("d2/11:59:59");
    assert_snapshot!(verdict(&court.rule(drop("y v7"))), @"
    go: -
    window: 2 names within 24 hours, at most 1
    blocked: y
    ");
    court.now = at("d2/12:00:00");
    assert_snapshot!(verdict(&court.rule(drop("y v7; z v7"))), @"go: y z");
}

#[test]
fn what_is_held_or_only_looked_at_does_not_use_up_the_window() {
    let limits = Limits { names_per_window: 1, ..Limits::default() };
    let drop = |name: &str| ("a v1; b v1", format!("a v1; b v1; {name} v7"));
    let mut court = Court { limits, mode: Mode::Observe, ..Court::new() };
    let (desired, observed) = drop("x");
    court.rule(second_plan(desired, &observed));
    court.mode = Mode::Sync;
    court.rule(first_plan(desired, &observed));
    let (desired, observed) = drop("y");
    assert_snapshot!(verdict(&court.rule(second_plan(desired, &observed))), @"go: y");
}

#[test]
fn one_pack_that_goes_in_every_region_counts_once() {
    let limits = Limits { names_per_window: 1, ..Limits::default() };
    let mut court = Court { limits, ..Court::new() };
    for region in ["eu-west-1", "us-east-1", "ap-south-1"] {
        let mut plan = second_plan("a v1", "a v1; x v7");
        plan.place.region = region.parse().unwrap();
        assert_eq!(verdict(&court.rule(plan)), "go: x");
    }
}

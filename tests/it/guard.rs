//! What the guard lets through: every limit at its edge, approvals, the window of 24 hours.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

mod approvals;
mod over_time;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::{Digest, PackName, Timestamp};
use conformd::domain::declared::approval::{Approval, Approvals, Permit, Permitted};
use conformd::domain::observed::packs::Observed;
use conformd::domain::organization::membership::Shrink;
use conformd::domain::plan::guard::{GuardTerms, LossLimits, Ruling, approve};
use conformd::domain::plan::history::History;
use conformd::domain::plan::loss::{Loss, LossAt};
use conformd::domain::plan::region_plan::Plan;
use conformd::domain::plan::window::{Intended, LossWindow, Noticed, ObservedPut};
use insta::assert_snapshot;

use crate::support::lines::{
    account, at, desired, first_plan, held_rules, look_knowing, observed, old_window, origin,
    place, second_plan, templates, text,
};
use crate::support::members::Members;

/// A plan, and the observation that it was made from.
struct Case {
    plan: Plan,
    observed: Observed,
}

/// Seen for the first time.
fn first(desired: &str, shown: &str) -> Case {
    Case { plan: first_plan(desired, shown), observed: observed(shown) }
}

/// Seen twice, one interval apart.
fn second(desired: &str, shown: &str) -> Case {
    Case { plan: second_plan(desired, shown), observed: observed(shown) }
}

struct Court {
    mode: Mode,
    limits: LossLimits,
    approvals: BTreeMap<String, Approval>,
    members: Option<usize>,
    shrink: Option<Shrink>,
    now: Timestamp,
    /// How far the time of day has jumped.
    jump: Duration,
    window: LossWindow,
}

impl Court {
    fn new() -> Self {
        Self {
            mode: Mode::Sync,
            limits: LossLimits::default(),
            approvals: BTreeMap::new(),
            members: Some(100),
            shrink: None,
            now: at("12:00"),
            jump: Duration::ZERO,
            window: old_window(),
        }
    }

    /// The clock of the window: it begins with the month.
    fn elapsed(&self) -> Duration {
        self.now.duration_since(at("00:00")).try_into().unwrap()
    }

    /// Rules, and takes what may be taken as sent.
    fn rule(&mut self, case: Case) -> Ruling {
        let Case { plan, observed } = case;
        let (elapsed, now, templates) = (self.elapsed(), self.now + self.jump, templates());
        let here = place();
        let terms = GuardTerms {
            mode: self.mode,
            limits: &self.limits,
            approvals: Approvals { all: &self.approvals, now, aws_now: self.now },
            rules: &held_rules(&here, &observed, &templates),
            members: self.members,
            shrink: self.shrink.as_ref(),
            elapsed,
        };
        let ruling = approve(plan, &terms, &self.window);
        if self.mode.may_put() {
            self.window.commit(&ruling, elapsed, now);
            for (lost, _) in ruling.approved.losses() {
                self.window.confirm(&lost);
            }
        }
        ruling
    }

    /// The same of a plan that goes by approvals itself, seen twice.
    fn rule_knowing(&mut self, wanted: &str, shown: &str) -> Ruling {
        let (desired, observed, mut history) =
            (desired(wanted), observed(shown), History::default());
        self.window.note_read(self.approvals.values(), self.now);
        let looked = (&observed, &Members::default());
        let known = (&self.approvals, &self.window);
        look_knowing(&mut history, &desired, looked, known, self.now - Duration::from_mins(15));
        let plan = look_knowing(&mut history, &desired, looked, known, self.now);
        self.rule(Case { plan, observed })
    }

    fn permit(&mut self, expires: Timestamp, permits: Vec<Permitted>) {
        let approval = Approval {
            name: "drop-old".to_owned(),
            origin: origin("approvals/drop-old.yaml"),
            reason: "retired".to_owned(),
            expires,
            permits: permits.into_iter().map(|what| Permit { what, regions: None }).collect(),
        };
        self.approvals.insert(approval.name.clone(), approval);
    }

    /// The region shows these packs, which AWS changed last at this time of day.
    fn shows(&mut self, packs: &str, last_update: &str) -> Noticed {
        let observation = ObservedPut { last_update: at(last_update), ..observation(1) };
        let packs: Vec<PackName> = names(packs);
        self.sees(packs.iter().map(|pack| (pack.as_str(), observation.clone())))
    }

    /// The region shows these.
    fn sees<'a>(&mut self, packs: impl Iterator<Item = (&'a str, ObservedPut)>) -> Noticed {
        let packs = packs.map(|(pack, observation)| (pack.parse().unwrap(), observation)).collect();
        self.window.observe(&place().region, packs, self.elapsed(), self.now)
    }

    /// This process is about to put a pack so that it will show like this.
    fn intends(&mut self, pack: &str, own: &ObservedPut) {
        let (pack, marker, echo) = (&pack.parse().unwrap(), own.marker.clone(), own.echo);
        let intended = Intended { pack, marker, echo, excluded: &own.excluded };
        self.window.intend(&place().region, &intended, self.elapsed());
    }

    /// What was sent did not happen.
    fn refused(&mut self, packs: &str) {
        for pack in names::<Vec<PackName>>(packs) {
            let loss = Loss::Pack;
            self.window.retract(&LossAt { region: place().region, pack, loss });
        }
    }
}

/// A pack of ours with so many effective rules.
fn observation(rules: u32) -> ObservedPut {
    ObservedPut {
        marker: "v1.main.00000000000000000000000000000000-1-d-00000000".parse().unwrap(),
        last_update: at("00:00"),
        echo: Digest::of([]),
        rules,
        excluded: BTreeSet::new(),
    }
}

fn names<T: FromIterator<PackName>>(text: &str) -> T {
    text.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

fn deletes(packs: &str) -> Vec<Permitted> {
    vec![Permitted::Packs(names(packs))]
}

fn rules(pack: &str, rules: &str) -> Vec<Permitted> {
    let rules = rules.split_whitespace().map(ToOwned::to_owned).collect();
    vec![Permitted::Rules { pack: pack.parse().unwrap(), rules }]
}

fn accounts(pack: &str, numbers: impl IntoIterator<Item = u32>) -> Vec<Permitted> {
    let accounts = numbers.into_iter().map(account).collect();
    vec![Permitted::Accounts { pack: pack.parse().unwrap(), accounts }]
}

/// What the guard decides, on one line a fact.
fn decision(ruling: &Ruling) -> String {
    let plan = ruling.approved.plan();
    let going: Vec<&str> = plan.steps.iter().map(|step| step.pack.as_str()).collect();
    let going = going.join(" ");
    let mut lines =
        vec![if going.is_empty() { "go: -".to_owned() } else { format!("go: {going}") }];
    if let Some(pending) = &ruling.pending {
        for trip in &pending.trips {
            lines.push(format!("{}: {}", trip.reason(), trip));
        }
        lines.push(format!("waits: {}", pending.summary()));
    }
    let approvals: Vec<&str> = ruling.approved.approval_names().into_iter().collect();
    if !approvals.is_empty() {
        lines.push(format!("approved by {}", approvals.join(", ")));
    }
    lines.join("\n")
}

/// What an old process in mode sync is allowed to do.
fn check(case: Case) -> String {
    decision(&Court::new().rule(case))
}

/// Lines of `count` packs, named with this letter.
fn packs(letter: char, count: usize) -> String {
    let lines: Vec<String> = (1..=count).map(|number| format!("{letter}{number:02} v1;")).collect();
    lines.join(" ")
}

/// This many of the region's packs are not wanted any more.
fn dropping(gone: usize, of: usize) -> Case {
    let kept = packs('k', of - gone);
    second(&kept, &format!("{kept}{}", packs('g', gone).replace("v1", "v2")))
}

/// `v1[r01,r02,…]`: so many rules, named with this letter.
fn ruled(version: &str, letter: char, rules: std::ops::RangeInclusive<usize>) -> String {
    let rules: Vec<String> = rules.map(|rule| format!("{letter}{rule:02}")).collect();
    format!("{version}[{}]", rules.join(","))
}

#[test]
fn one_pack_may_always_go_and_a_tenth_of_many() {
    assert_snapshot!(check(dropping(1, 2)), @"go: g01");
    assert_snapshot!(check(dropping(2, 20)), @"go: g01 g02");
    assert_snapshot!(check(dropping(3, 29)), @"
    go: -
    ratio: deleting 3 of 29 packs in eu-west-1 within 24 h (limit 2)
    waits: delete 3 packs
    ");
    assert_snapshot!(check(dropping(3, 30)), @"go: g01 g02 g03");
}

#[test]
fn five_names_may_go_within_a_day() {
    assert_snapshot!(check(dropping(5, 60)), @"go: g01 g02 g03 g04 g05");
    assert_snapshot!(check(dropping(6, 60)), @"
    go: -
    window: 6 packs deleted or stripped of rules within 24 h, all regions together (limit 5)
    waits: delete 6 packs
    ");
}

#[test]
fn nothing_goes_when_less_than_half_of_what_we_own_is_still_wanted() {
    assert_snapshot!(check(second("a v1", "a v1; b v2")), @"go: b");
    assert_snapshot!(check(second("a v1", "a v1; b v2; c v3")), @"
    go: -
    overlap: only 1 of 3 packs owned here are still desired (at least 50 %); check that source.directory is the right directory
    ratio: deleting 2 of 3 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 2 packs
    ");
    assert_snapshot!(check(second("x v1", "only v2")), @"
    go: x
    overlap: only 0 of 1 pack owned here are still desired (at least 50 %); check that source.directory is the right directory
    waits: delete 1 pack
    ");
}

#[test]
fn packs_that_were_orphaned_on_purpose_do_not_look_like_a_wrong_directory() {
    let observed = "a v1; b v2; x v3 orphan; y v4 orphan; z v5 orphan";
    assert_snapshot!(check(second("a v1", observed)), @"go: b");
}

#[test]
fn an_empty_source_never_takes_anything_away() {
    assert_snapshot!(check(second("#empty", "a v1")), @"
    go: -
    empty_source: the source declares no pack at all
    overlap: only 0 of 1 pack owned here are still desired (at least 50 %); check that source.directory is the right directory
    waits: delete 1 pack
    ");
}

#[test]
fn five_accounts_may_be_excluded_anew_or_a_twentieth_of_the_members() {
    assert_snapshot!(check(first("a v1 -5x", "a v1")), @"go: a");
    assert_snapshot!(check(first("a v1 -6x; b v2", "a v1; b v1")), @"
    go: b
    exclusions: 6 active accounts newly excluded within 24 h, all packs together (limit 5)
    waits: exclude 6 accounts
    ");
    for (members, expected) in [(119, "go: -"), (120, "go: a")] {
        let mut court = Court { members: Some(members), ..Court::new() };
        let ruling = court.rule(first("a v1 -6x", "a v1"));
        assert_eq!(decision(&ruling).lines().next(), Some(expected), "{members} members");
    }
}

#[test]
fn an_account_counts_once_over_all_packs_and_all_changes_of_a_day() {
    assert_snapshot!(check(first("a v1 -5x; b v1 -5x", "a v1; b v1")), @"go: a b");
    let (one, other) = ("-200000000001 -200000000002 -200000000003", "-4x -200000000005");
    assert_snapshot!(check(first(&format!("a v1 {one}; b v1 {other}"), "a v1; b v1")), @"go: a b");
    let others = "-200000000006 -200000000007 -200000000008";
    assert_snapshot!(check(first(&format!("a v1 {one}; b v1 {others}"), "a v1; b v1")), @"
    go: -
    exclusions: 6 active accounts newly excluded within 24 h, all packs together (limit 5)
    waits: exclude 6 accounts
    ");
    // Five a commit, as in twelve commits that exclude sixty.
    let mut court = Court::new();
    assert_snapshot!(decision(&court.rule(first("a v1 -5x", "a v1"))), @"go: a");
    court.now = at("23:00");
    assert_snapshot!(decision(&court.rule(first("a v1 -6x", "a v1 -5x"))), @"
    go: -
    exclusions: 6 active accounts newly excluded within 24 h, all packs together (limit 5)
    waits: exclude 1 account
    ");
}

#[test]
fn no_pack_comes_to_exclude_more_than_a_fifth_of_all_accounts_by_and_by() {
    assert_snapshot!(check(first("a v1 -20x", "a v1 -15x")), @"go: a");
    assert_snapshot!(check(first("a v1 -21x", "a v1 -16x")), @"
    go: -
    exclusions: a would exclude 21 of 100 active accounts (limit 20 %)
    waits: exclude 5 accounts
    ");
}

#[test]
fn nobody_is_excluded_anew_by_name_while_the_number_of_accounts_is_not_known() {
    let mut court = Court { members: None, ..Court::new() };
    assert_snapshot!(decision(&court.rule(first("a v1 -1x; b v2", "a v1; b v1"))), @"
    go: b
    membership: the account list is unknown, so the share of excluded accounts is unknown
    waits: exclude 1 account
    ");
}

#[test]
fn accounts_excluded_from_the_start_or_included_again_are_no_loss() {
    assert_snapshot!(check(first("a v1 -100x; b v1", "b v1 -100x")), @"go: a b");
}

#[test]
fn an_adoption_always_waits_since_nobody_knows_what_it_takes_away() {
    assert_snapshot!(check(first("a v1 adopt; b v2", "a unmanaged; b v1")), @"
    go: b
    adoption: adopting a may lose rules or accounts: AWS does not return the template of an unmanaged pack
    waits: adopt 1 pack
    ");
    let mut court = Court::new();
    court.permit(at("13:00"), vec![Permitted::Adoptions(names("a"))]);
    assert_snapshot!(decision(&court.rule(first("a v1 adopt", "a unmanaged"))), @"
    go: a
    approved by drop-old
    ");
    let mut court = Court::new();
    court.permit(at("13:00"), deletes("a"));
    let ruling = court.rule(first("a v1 adopt", "a unmanaged"));
    assert_eq!(decision(&ruling).lines().next(), Some("go: -"), "leave to delete is not to adopt");
}

#[test]
fn while_the_account_list_shrinks_nobody_is_excluded_anew_and_everything_else_goes_on() {
    let shrink = Shrink { before: 100, after: 80, since: at("11:00"), gone: [account(7)].into() };
    let mut court = Court { shrink: Some(shrink), ..Court::new() };
    let case = || first("a v1 -1x; b v2; c v1", "a v1; b v1; c v1 -1x");
    assert_snapshot!(decision(&court.rule(case())), @"
    go: b c
    membership: the account list shrank from 100 to 80 active accounts
    waits: exclude 1 account
    ");
    court.permit(at("13:00"), accounts("a", [1]));
    assert_snapshot!(decision(&court.rule(case())), @"
    go: a b c
    approved by drop-old
    ");
}

#[test]
fn half_of_the_rules_of_a_pack_may_go_and_five_of_a_region_or_a_tenth() {
    let fewer = |old: u32, new: u32| check(first(&format!("a v2/{new}"), &format!("a v1/{old}")));
    assert_snapshot!(fewer(10, 5), @"go: a");
    assert_snapshot!(fewer(10, 4), @"
    go: -
    rule_loss: a loses 6 of 10 effective rules within 24 h (limit 5)
    rule_loss: eu-west-1 loses 6 of 10 effective rules within 24 h (limit 5)
    waits: lose 6 rules
    ");
    assert_snapshot!(fewer(9, 4), @"
    go: -
    rule_loss: a loses 5 of 9 effective rules within 24 h (limit 4)
    waits: lose 5 rules
    ");
    assert_snapshot!(fewer(4, 3), @"go: a");
    assert_snapshot!(fewer(4, 2), @"
    go: -
    rule_loss: a loses 2 of 4 effective rules within 24 h (limit 1)
    waits: lose 2 rules
    ");
    assert_snapshot!(fewer(1, 0), @"go: a");
    let many = |lost: usize| {
        let kept = ruled("v2", 'r', 1 + lost..=70);
        check(first(&format!("a {kept}"), &format!("a {}", ruled("v1", 'r', 1..=70))))
    };
    assert_snapshot!(many(7), @"go: a");
    assert_snapshot!(many(8), @"
    go: -
    rule_loss: eu-west-1 loses 8 of 70 effective rules within 24 h (limit 7)
    waits: lose 8 rules
    ");
}

#[test]
fn all_rules_of_a_template_that_is_not_known_are_lost() {
    assert_snapshot!(check(first("a v2", "a u1")), @"
    go: -
    rule_loss: a loses 10 of 10 effective rules within 24 h (limit 5)
    rule_loss: eu-west-1 loses 10 of 10 effective rules within 24 h (limit 5)
    waits: lose 10 rules
    ");
    // The same template, which its manifest declares.
    assert_snapshot!(check(first("a u1 p=1", "a u1")), @"go: a");
    assert_snapshot!(check(first("a v2/9", "a u1/1")), @"go: a");
}

#[test]
fn rules_are_compared_by_name_and_by_what_they_evaluate() {
    let check = |new: &str, old: &str| {
        let limits = LossLimits { rules_max: 0, rules_percent: 0, ..LossLimits::default() };
        let mut court = Court { limits, ..Court::new() };
        let ruling = court.rule(first(&format!("a {new}"), &format!("a {old}")));
        ruling.pending.map_or("loses nothing".to_owned(), |pending| {
            format!("{:?}", pending.losses.into_values().next().unwrap())
        })
    };
    assert_snapshot!(check("v2[p,q]", "v1[p,q]"), @"loses nothing");
    // As many rules as before, and others.
    assert_snapshot!(check("v2[p,x]", "v1[p,q]"), @r#"{Rule("q")}"#);
    assert_snapshot!(check("v2[p,new=Q]", "v1[p,q=Q]"), @"loses nothing");
    assert_snapshot!(check("v2[p,q=X]", "v1[p,q=Q]"), @"loses nothing");
    // The template stays, and a parameter switches rules off, or on.
    assert_snapshot!(check("v1[p,q?,r?] isOn=false", "v1[p,q?,r?]"), @r#"{Rule("q"), Rule("r")}"#);
    assert_snapshot!(check("v1[p,q?,r?] isOn=true", "v1[p,q?,r?] isOn=false"), @"loses nothing");
    // A rule becomes conditional, and its condition holds.
    assert_snapshot!(check("v2[p,q?]", "v1[p,q]"), @"loses nothing");
}

#[test]
fn rules_lost_by_the_packs_of_a_region_are_summed_up() {
    let (old, new) = (ruled("v1", 'r', 1..=9), ruled("v2", 'r', 1..=8));
    let lines = |version: &str, names: &str| {
        let lines: Vec<String> = names.chars().map(|name| format!("{name} {version}")).collect();
        lines.join("; ")
    };
    let case = |names: &str| first(&lines(&new, names), &lines(&old, names));
    assert_snapshot!(check(case("abcde")), @"go: a b c d e");
    assert_snapshot!(check(case("abcdef")), @"
    go: -
    rule_loss: eu-west-1 loses 6 of 54 effective rules within 24 h (limit 5)
    waits: lose 6 rules
    ");
}

#[test]
fn when_something_waits_ordinary_puts_go_on() {
    let case = second("a v1; b v2; new v1; cut v2/1", "a v1; b v1; cut v1/20; x v7; y v7; z v7");
    let ruling = Court::new().rule(case);
    assert_snapshot!(decision(&ruling), @"
    go: b new
    ratio: deleting 3 of 6 packs in eu-west-1 within 24 h (limit 1)
    rule_loss: cut loses 19 of 20 effective rules within 24 h (limit 10)
    rule_loss: eu-west-1 loses 19 of 70 effective rules within 24 h (limit 7)
    waits: delete 3 packs, lose 19 rules
    ");
    assert_snapshot!(text(ruling.approved.plan()), @"
    ~ b update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    + new create
        template   b7d7d13d (10 rules)
    ! cut held, would update
        template   b48cd472 (20 rules) → 2bca36cf (1 rule)
          rule - rule10
          rule - rule11
          rule - rule12
          rule - rule13
          rule - rule14
          rule - rule15
          rule - rule16
          rule - rule17
          rule - rule18
          rule - rule19
          rule - rule2
          rule - rule20
          rule - rule3
          rule - rule4
          rule - rule5
          rule - rule6
          rule - rule7
          rule - rule8
          rule - rule9
        guard: waiting for approval: delete 3 packs, lose 19 rules in eu-west-1 (deleting 3 of 6 packs in eu-west-1 within 24 h (limit 1); cut loses 19 of 20 effective rules within 24 h (limit 10); eu-west-1 loses 19 of 70 effective rules within 24 h (limit 7)); commit the document that `conformd approve` prints, or revert the change
    ! x held, would delete: no manifest declares it
        guard: waiting for approval: delete 3 packs, lose 19 rules in eu-west-1 (deleting 3 of 6 packs in eu-west-1 within 24 h (limit 1); cut loses 19 of 20 effective rules within 24 h (limit 10); eu-west-1 loses 19 of 70 effective rules within 24 h (limit 7)); commit the document that `conformd approve` prints, or revert the change
    ! y held, would delete: no manifest declares it
        guard: waiting for approval: delete 3 packs, lose 19 rules in eu-west-1 (deleting 3 of 6 packs in eu-west-1 within 24 h (limit 1); cut loses 19 of 20 effective rules within 24 h (limit 10); eu-west-1 loses 19 of 70 effective rules within 24 h (limit 7)); commit the document that `conformd approve` prints, or revert the change
    ! z held, would delete: no manifest declares it
        guard: waiting for approval: delete 3 packs, lose 19 rules in eu-west-1 (deleting 3 of 6 packs in eu-west-1 within 24 h (limit 1); cut loses 19 of 20 effective rules within 24 h (limit 10); eu-west-1 loses 19 of 70 effective rules within 24 h (limit 7)); commit the document that `conformd approve` prints, or revert the change
    Plan: 1 to create, 1 to update, 0 to delete; 4 changes held.
    ");
}

#[test]
fn the_guard_speaks_at_the_first_look_already() {
    let (desired, observed) = ("a v1; b v1; c v1", "a v1; b v1; c v1; x v7; y v7");
    let one = Court::new().rule(first(desired, observed));
    let two = Court::new().rule(second(desired, observed));
    assert_snapshot!(decision(&one), @"
    go: -
    ratio: deleting 2 of 5 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 2 packs
    ");
    assert_eq!(one.pending, two.pending);
}

#[test]
fn what_waits_does_not_depend_on_which_pack_is_busy() {
    let desired = "a v1; b v1; c v1";
    let pending = |observed: &str| Court::new().rule(second(desired, observed)).pending.unwrap();
    let quiet = pending("a v1; b v1; c v1; x v7; y v7");
    let busy = pending("a v1; b v1; c v1; x v7 10:00 UPDATE_IN_PROGRESS; y v7");
    assert_eq!(quiet, busy);
    assert_snapshot!(quiet.summary(), @"delete 2 packs");
}

#[test]
fn mode_observe_does_nothing_and_shows_what_would_wait_in_sync() {
    let case = || second("a v2; b v1", "a v1; b v1; x v7; y v7");
    let sync = Court::new().rule(case());
    let observe = Court { mode: Mode::Observe, ..Court::new() }.rule(case());
    assert_eq!(observe.pending, sync.pending);
    assert_snapshot!(decision(&observe), @"
    go: -
    ratio: deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 2 packs
    ");
    assert_snapshot!(text(observe.approved.plan()), @"
    ~ a would update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
        mode: mode observe never writes
    ! x held, would delete: no manifest declares it
        guard: waiting for approval: delete 2 packs in eu-west-1 (deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
    ! y held, would delete: no manifest declares it
        guard: waiting for approval: delete 2 packs in eu-west-1 (deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)); commit the document that `conformd approve` prints, or revert the change
    3 changes held.
    ");
}

#[test]
fn mode_upsert_never_deletes_and_guards_its_other_losses() {
    let mut court = Court { mode: Mode::Upsert, ..Court::new() };
    let case = second("a v2; b v1 -6x", "a v1; b v1; x v7; y v7 UPDATE_IN_PROGRESS");
    let ruling = court.rule(case);
    assert_snapshot!(decision(&ruling), @"
    go: a
    exclusions: 6 active accounts newly excluded within 24 h, all packs together (limit 5)
    waits: exclude 6 accounts
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
        guard: waiting for approval: exclude 6 accounts in eu-west-1 (6 active accounts newly excluded within 24 h, all packs together (limit 5)); commit the document that `conformd approve` prints, or revert the change
    - x would delete: no manifest declares it
        mode: mode upsert never deletes
    - y would delete: no manifest declares it
        mode: mode upsert never deletes
    Plan: 0 to create, 1 to update, 0 to delete; 3 changes held.
    ");
}

//! What approvals permit, and what they do not.

use std::time::Duration;

use conformd::domain::declared::approval::Permitted;
use conformd::domain::plan::guard::LossLimits;
use conformd::domain::plan::window::LossWindow;
use insta::assert_snapshot;

use super::{
    Case, Court, accounts, decision, deletes, dropping, first, packs, ruled, rules, second,
};
use crate::support::lines::{at, place, text};

#[test]
fn an_approval_of_exclusions_is_about_who_loses_and_not_why() {
    let limits = LossLimits { exclusions_max: 0, exclusions_percent: 0, ..LossLimits::default() };
    let list = "#account 200000000001; #account 200000000002 SUSPENDED; #account 200000000003";
    let goes = |desired: &str, observed: &str| {
        let mut court = Court { limits, ..Court::new() };
        court.permit(at("13:00"), accounts("a", [1]));
        let ruling = court.rule(first(&format!("{list}; {desired}"), observed));
        ruling.pending.is_none()
    };
    assert!(goes("a v1 -200000000001", "a v1"));
    assert!(goes("a v1 -200000000001@ou-ab12-aaaaaaaa", "a v1"));
    assert!(goes("a v1 -200000000001 -200000000002", "a v1 -300000000001"), "one is suspended");
    assert!(!goes("a v1 -200000000001 -200000000003", "a v1"));
    assert!(!goes("b v1 -200000000001", "b v1"));
}

#[test]
fn an_approval_names_the_rules_that_may_go() {
    let case = || {
        let (old, new) = (ruled("v1", 'r', 1..=10), ruled("v2", 'r', 7..=10));
        first(&format!("a {new}"), &format!("a {old}"))
    };
    let mut court = Court::new();
    court.permit(at("13:00"), rules("a", "r01 r02 r03 r04 r05 r06"));
    assert_snapshot!(decision(&court.rule(case())), @"
    go: a
    approved by drop-old
    ");
    // One that is not named stays within the limits by itself.
    let mut court = Court::new();
    court.permit(at("13:00"), rules("a", "r01 r02 r03 r04 r05"));
    assert_snapshot!(decision(&court.rule(case())), @"
    go: a
    approved by drop-old
    ");
    let mut court = Court::new();
    court.permit(at("13:00"), rules("b", "r01 r02 r03 r04 r05 r06"));
    assert_eq!(decision(&court.rule(case())).lines().next(), Some("go: -"));
    let unnamed = || first("a v2/1", "a u1/9");
    for (count, expected) in [(8, "go: -"), (9, "go: a")] {
        let mut court = Court::new();
        let pack = "a".parse().unwrap();
        court.permit(at("13:00"), vec![Permitted::RuleCount { pack, count }]);
        assert_eq!(decision(&court.rule(unnamed())).lines().next(), Some(expected), "{count}");
    }
}

#[test]
fn an_approval_counts_until_it_expires_and_lives_for_seven_days_at_most() {
    let rule = |expires: &str, now: &str| {
        let mut court = Court { now: at(now), ..Court::new() };
        court.permit(at(expires), deletes("g01 g02"));
        decision(&court.rule(dropping(2, 4)))
    };
    assert_snapshot!(rule("12:01", "12:00"), @"
    go: g01 g02
    approved by drop-old
    ");
    assert_snapshot!(rule("12:01", "12:01"), @"
    go: -
    ratio: deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 2 packs
    ");
    assert_eq!(rule("d8/12:00", "12:00"), rule("12:01", "12:00"));
    assert_eq!(rule("d8/12:00:01", "12:00"), rule("12:01", "12:01"));
}

#[test]
fn a_time_of_day_that_jumps_makes_no_approval_live_longer() {
    for (days, expires) in [(30, "d2/12:00"), (0, "d9/12:00")] {
        let jump = Duration::from_hours(24 * days);
        let mut court = Court { jump, ..Court::new() };
        court.permit(at(expires), deletes("g01 g02"));
        assert_eq!(court.rule(dropping(2, 4)).approved.approval_names().len(), 0, "{days} days");
    }
}

#[test]
fn an_approval_covers_what_it_names_whatever_else_changes_and_nothing_more() {
    let rule = |case: Case| {
        let mut court = Court::new();
        court.permit(at("13:00"), deletes("x y"));
        decision(&court.rule(case))
    };
    assert_snapshot!(rule(second("a v1; b v1", "a v1; b v1; x v7; y v7")), @"
    go: x y
    approved by drop-old
    ");
    assert_snapshot!(rule(second("a v2; b v1 p=1; new v3", "a v1; b v1; x v8; y v7")), @"
    go: a b new x y
    approved by drop-old
    ");
    // One more is within the limits by itself, two more are not.
    assert_snapshot!(rule(second("a v1; b v1; c v1", "a v1; b v1; c v1; x v7; y v7; z v7")), @"
    go: x y z
    approved by drop-old
    ");
    let more = "a v1; b v1; c v1; d v1; x v7; y v7; z v7; zz v7";
    assert_snapshot!(rule(second("a v1; b v1; c v1; d v1", more)), @"
    go: x y
    ratio: deleting 2 of 8 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 2 packs
    approved by drop-old
    ");
    assert_snapshot!(rule(second("a v1; b v1; y v7 -6x", "a v1; b v1; x v7; y v7")), @"
    go: x
    exclusions: 6 active accounts newly excluded within 24 h, all packs together (limit 5)
    waits: exclude 6 accounts
    approved by drop-old
    ");
}

#[test]
fn an_approval_in_some_regions_permits_nothing_elsewhere() {
    for (region, expected) in [("eu-west-1", "go: g01 g02"), ("us-east-1", "go: -")] {
        let mut court = Court::new();
        court.permit(at("13:00"), deletes("g01 g02"));
        let approval = court.approvals.values_mut().next().unwrap();
        approval.permits[0].regions = Some([region.parse().unwrap()].into());
        let ruling = court.rule(dropping(2, 4));
        assert_eq!(decision(&ruling).lines().next(), Some(expected), "{region}");
    }
}

#[test]
fn an_approval_is_used_once_and_covers_what_was_left_of_it() {
    let mut court = Court::new();
    court.permit(at("13:00"), deletes("g01 g02 g03 g04"));
    assert_snapshot!(decision(&court.rule(dropping(4, 6))), @"
    go: g01 g02 g03 g04
    approved by drop-old
    ");
    // Two are gone; AWS refused the rest, and one of those is busy now.
    court.refused("g03 g04");
    let kept = packs('k', 2);
    let rest = format!("{kept} g03 v2 11:30 UPDATE_IN_PROGRESS; g04 v2");
    assert_snapshot!(decision(&court.rule(second(&kept, &rest))), @"
    go: g04
    approved by drop-old
    ");
    // All of them are made again, and not wanted again.
    assert_snapshot!(decision(&court.rule(dropping(4, 6))), @"
    go: g03
    overlap: only 2 of 6 packs owned here are still desired (at least 50 %); check that source.directory is the right directory
    ratio: deleting 3 of 6 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 3 packs
    approved by drop-old
    ");
}

#[test]
fn without_a_record_an_approval_covers_only_what_is_older_than_its_first_reading() {
    let why = "no state directory".to_owned();
    let rule = |shown: &str| {
        let mut court = Court::new();
        court.window = LossWindow::without_record(court.elapsed(), why.clone());
        court.permit(at("13:00"), deletes("x"));
        court.window.note_read(court.approvals.values(), at("11:00"));
        decision(&court.rule(second("a v1", &format!("a v1; {shown}"))))
    };
    assert_snapshot!(rule("x v7 10:59"), @"
    go: x
    approved by drop-old
    ");
    assert_snapshot!(rule("x v7 11:01"), @"
    go: -
    caution: the losses of the last 24 h are unknown (no state directory; observed for 0 h so far)
    waits: delete 1 pack
    ");
}

#[test]
fn a_pack_that_a_plain_directory_does_not_declare_waits_for_a_word_of_it() {
    let shown = "a v1; b v1; x v7";
    let ruling = Court::new().rule_knowing("#declared; a v1; b v1", shown);
    assert_snapshot!(text(ruling.approved.plan()), @"
    ! x held, would delete: no manifest declares it
        undeclared: no manifest declares it, but the file may be missing by accident; to delete the pack, commit a manifest for it with `state: Absent` or the document that `conformd approve` prints; to keep it, restore its manifest
    1 change held.
    ");
    // What an error hides is no pack that is not declared: the error is to be mended.
    let ruling = Court::new().rule_knowing("#declared; #invalid; a v1; b v1", shown);
    assert_snapshot!(text(ruling.approved.plan()), @"
    ! x held, would delete: no valid manifest declares it
        invalid: some manifests of this revision are invalid: nothing is taken away until they are corrected
    1 change held.
    ");
    let ruling = Court::new().rule_knowing("#declared; a v1; b v1; x absent", shown);
    assert_snapshot!(text(ruling.approved.plan()), @"
    - x delete: its manifest says `state: Absent`
    Plan: 0 to create, 0 to update, 1 to delete.
    ");
    let mut court = Court::new();
    court.permit(at("13:00"), deletes("x"));
    assert_snapshot!(decision(&court.rule_knowing("#declared; a v1; b v1", shown)), @"
    go: x
    approved by drop-old
    ");
    // The same approval is no word of the pack that is there again.
    let ruling = court.rule_knowing("#declared; a v1; b v1", shown);
    assert_eq!(decision(&ruling), "go: -");
}

#[test]
fn what_a_plain_directory_takes_away_waits_for_a_second_reading() {
    let (wanted, shown) = ("a v2[p]; b v2; c v1 -1x", "a v1[p,q]; b v1; c v1");
    let ruling = Court::new().rule_knowing(&format!("#once; {wanted}"), shown);
    assert_snapshot!(text(ruling.approved.plan()), @"
    ~ b update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    = a held, would update
        template   b4f1471b (2 rules) → 5293e2b5 (1 rule)
          rule - q
        unconfirmed: it causes a loss; waiting for a second reading of the source
    = c held, would update
        excluded   + 200000000001 (exclude.accounts)
        unconfirmed: it causes a loss; waiting for a second reading of the source
    Plan: 0 to create, 1 to update, 0 to delete; 2 changes held.
    ");
    assert_snapshot!(decision(&Court::new().rule_knowing(wanted, shown)), @"go: a b c");
}

#[test]
fn what_a_file_without_a_last_line_break_takes_away_waits_for_the_line_break() {
    let shown = "a v1[p,q]; b v1";
    let wanted = "a v2[p] unended; b v2 unended";
    let mut court = Court::new();
    let ruling = court.rule_knowing(&format!("#declared; {wanted}"), shown);
    assert_snapshot!(text(ruling.approved.plan()), @"
    ~ b update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    ! a held, would update
        template   b4f1471b (2 rules) → 5293e2b5 (1 rule)
          rule - q
        source: it causes a loss, but templates/iam.yaml ends in the middle of a line and may be truncated; if the file is complete, end it with a line break
    Plan: 0 to create, 1 to update, 0 to delete; 1 change held.
    ");
    // What is published as a whole is whole.
    assert_snapshot!(decision(&Court::new().rule_knowing(wanted, shown)), @"go: a b");
    court.permit(at("13:00"), rules("a", "q"));
    let ruling = court.rule_knowing(&format!("#declared; {wanted}"), shown);
    assert_snapshot!(decision(&ruling), @"
    go: a b
    approved by drop-old
    ");
}

#[test]
fn an_approval_that_is_hidden_for_a_while_still_names_its_rules() {
    let mut court = Court::new();
    court.permit(at("13:00"), rules("a", "old"));
    let approvals: Vec<_> = court.approvals.values().cloned().collect();
    let now = court.now;
    court.window.note_read(approvals.iter(), now);
    let named = |court: &Court, at| {
        let mut window = court.window.clone();
        window.note_read([].into_iter(), at);
        let pack = "a".parse().unwrap();
        let names = window.rules_permitted(&pack, &place().region);
        names.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(named(&court, at("12:59")), ["old"]);
    assert!(named(&court, at("13:00")).is_empty(), "it has expired");
}

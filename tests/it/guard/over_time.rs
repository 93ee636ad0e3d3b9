//! The window of 24 hours, what is held, and what is not known.

use std::collections::BTreeSet;
use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::Digest;
use conformd::domain::plan::guard::LossLimits;
use conformd::domain::plan::loss::{Loss, LossAt};
use conformd::domain::plan::window::{HeldSince, HoldBasis, LossWindow, ObservedPut, SPAN};
use insta::assert_snapshot;

use super::{Case, Court, decision, deletes, dropping, first, observation, packs, ruled, second};
use crate::support::lines::{account, at, place};

/// A pack more than is wanted.
fn drop(name: &str) -> Case {
    second("a v1; b v1", &format!("a v1; b v1; {name} v7"))
}

/// One name may go within a day, and `x` went at noon.
fn after_noon(now: &str) -> Court {
    let limits = LossLimits { names_per_window: 1, ..LossLimits::default() };
    let mut court = Court { limits, ..Court::new() };
    assert_eq!(decision(&court.rule(drop("x"))), "go: x");
    court.now = at(now);
    court
}

/// The windows of one day: how many of these losses, one an hour, are let through.
fn spread(count: usize, mut case: impl FnMut(usize) -> Case) -> usize {
    let mut court = Court::new();
    let going = (0..count).filter(|index| {
        court.now = at("00:00") + SPAN / 24 * u32::try_from(*index).unwrap();
        !court.rule(case(*index)).approved.plan().steps.is_empty()
    });
    going.count()
}

#[test]
fn rules_that_go_in_small_steps_count_against_the_highest_number_of_the_day() {
    let step = |from: usize, to: usize| {
        let (old, new) = (ruled("v1", 'r', 1..=from), ruled("v1", 'r', 1..=to));
        first(&format!("a {new}"), &format!("a {old}"))
    };
    let mut court =
        Court { limits: LossLimits { rules_max: 100, ..LossLimits::default() }, ..Court::new() };
    assert_snapshot!(decision(&court.rule(step(20, 15))), @"go: a");
    court.now = at("13:00");
    assert_snapshot!(decision(&court.rule(step(15, 10))), @"go: a");
    court.now = at("14:00");
    assert_snapshot!(decision(&court.rule(step(10, 9))), @"
    go: -
    rule_loss: a loses 11 of 20 effective rules within 24 h (limit 10)
    waits: lose 1 rule
    ");
    // What comes back meanwhile makes no room: rules that take turns are lost in turns.
    court.now = at("15:00");
    assert_snapshot!(decision(&court.rule(step(10, 12))), @"go: a");
    assert_snapshot!(decision(&court.rule(step(12, 11))), @"
    go: -
    rule_loss: a loses 11 of 20 effective rules within 24 h (limit 10)
    waits: lose 1 rule
    ");
    court.now = at("d2/13:00");
    assert_snapshot!(decision(&court.rule(step(11, 6))), @"go: a");
}

#[test]
fn a_pack_that_vanished_counts_and_what_a_short_listing_held_is_judged_anew() {
    let vanished = |own: bool| {
        let mut court = if own { after_noon("13:00") } else { Court::new() };
        court.now = at("13:00");
        court.shows("a b c", "11:00");
        court.now = at("13:01");
        assert_eq!(court.shows("a b", "11:00").vanished.len(), 1);
        assert_eq!(decision(&court.rule(drop("y"))).lines().next(), Some("go: -"));
        court.now = at("13:02");
        court
    };
    // The listing was short: AWS changed the pack last before it was missed.
    let mut court = vanished(false);
    let noticed = court.shows("a b c", "11:00");
    assert_eq!((noticed.returned.len(), noticed.released.len()), (1, 1));
    assert_snapshot!(decision(&court.rule(drop("y"))), @"go: y");
    // Somebody deleted it, and somebody made it again.
    let mut court = vanished(false);
    assert_eq!(court.shows("a b c", "13:01:30").returned, []);
    assert_snapshot!(decision(&court.rule(drop("y"))), @"
    go: -
    ratio: deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1, by the 3 of 24 h ago)
    waits: delete 1 pack
    ");
    // Gone for good: time releases nothing.
    let mut court = vanished(false);
    court.now = at("d4/12:00");
    assert_snapshot!(decision(&court.rule(drop("y"))), @"
    go: -
    held: held since 2026-11-01T13:01:00Z; it needs an approval even when it is within the limits
    waits: delete 1 pack
    ");
    // It would have been held without that.
    let mut court = vanished(true);
    assert_eq!(court.shows("a b c", "11:00").released, []);
    court.now = at("d4/12:00");
    assert_snapshot!(decision(&court.rule(drop("y"))), @"
    go: -
    held: held since 2026-11-01T13:01:00Z; it needs an approval even when it is within the limits
    waits: delete 1 pack
    ");
}

#[test]
fn what_was_added_within_the_day_makes_no_room_for_losses() {
    let pack = |rules: std::ops::RangeInclusive<usize>| format!("a {}", ruled("v1", 'r', rules));
    let mut court = Court::new();
    court.sees([("a", observation(10)), ("b", observation(10))].into_iter());
    court.now = at("13:00");
    court.sees([("a", observation(80)), ("b", observation(80))].into_iter());
    assert_snapshot!(decision(&court.rule(first(&pack(9..=80), &pack(1..=80)))), @"
    go: -
    rule_loss: a loses 8 of 80 effective rules within 24 h (limit 5, by the 10 of 24 h ago)
    rule_loss: eu-west-1 loses 8 of 80 effective rules within 24 h (limit 5, by the 20 of 24 h ago)
    waits: lose 8 rules
    ");
    // A day later it has stood for a day.
    let mut aged = Court::new();
    aged.sees([("a", observation(10)), ("b", observation(10))].into_iter());
    aged.now = at("13:00");
    aged.sees([("a", observation(80)), ("b", observation(80))].into_iter());
    aged.now = at("d2/13:00");
    aged.limits.rules_max = 100;
    assert_snapshot!(decision(&aged.rule(first(&pack(31..=80), &pack(1..=80)))), @"go: a");
    // Packs: two old ones, and as many new ones as one likes.
    let mut court = Court::new();
    court.sees([("a", observation(1)), ("b", observation(1))].into_iter());
    court.now = at("13:00");
    let case = dropping(4, 40);
    assert_snapshot!(decision(&court.rule(case)), @"
    go: -
    ratio: deleting 4 of 40 packs in eu-west-1 within 24 h (limit 1, by the 2 of 24 h ago)
    waits: delete 4 packs
    ");
    // Where everything is new there is nothing else to measure by.
    assert_snapshot!(decision(&Court::new().rule(dropping(4, 40))), @"go: g01 g02 g03 g04");
}

#[test]
fn rules_that_take_turns_are_lost_in_turns() {
    let without = |gone: u32| {
        let rules = (1..=20).filter(|rule| *rule != gone).map(|rule| format!("r{rule}"));
        format!("a v1[{}]", rules.collect::<Vec<_>>().join(","))
    };
    let mut court = Court::new();
    let going = (1..=8).filter(|gone| {
        court.now = at("12:00") + Duration::from_mins(10) * *gone;
        let turn = first(&without(*gone), &without(gone - 1));
        decision(&court.rule(turn)) == "go: a"
    });
    assert_eq!(going.count(), 5);
}

#[test]
fn a_marker_that_nobody_here_put_makes_what_was_lost_unknown_for_a_day() {
    let mut court = after_noon("13:00");
    court.limits.names_per_window = 5;
    court.shows("a b", "11:00");
    court.shows("a b", "11:30");
    assert_eq!(court.window.caution(court.elapsed()), None);
    let other = ObservedPut {
        marker: "v1.main.11111111111111111111111111111111-1-d-00000000".parse().unwrap(),
        ..observation(1)
    };
    let own = ObservedPut {
        marker: "v1.main.22222222222222222222222222222222-1-d-00000000".parse().unwrap(),
        ..observation(1)
    };
    court.intends("b", &own);
    let noticed = court.sees([("a", observation(1)), ("b", own.clone())].into_iter());
    assert_eq!(noticed.other_writer, None);
    let noticed = court.sees([("a", other), ("b", own)].into_iter());
    assert_eq!(noticed.other_writer, Some("a".parse().unwrap()));
    assert_snapshot!(court.window.caution(court.elapsed()).unwrap(), @"the losses of the last 24 h are unknown (a in eu-west-1 was put by another process of this installation or manually, or the record is an old copy; observed for 0 h so far)");
    court.now = at("d2/13:00");
    assert_eq!(court.window.caution(court.elapsed()), None);
}

#[test]
fn rules_that_parameters_of_somebody_else_switch_off_make_what_was_lost_unknown() {
    let with = |echo: &str, rules| ObservedPut {
        echo: Digest::of([echo.as_bytes()]),
        ..observation(rules)
    };
    let mut court = Court::new();
    court.sees([("a", with("as put", 20))].into_iter());
    court.intends("a", &with("own", 12));
    assert_eq!(court.sees([("a", with("own", 12))].into_iter()).other_writer, None);
    // More than before, or as many: nothing is lost.
    assert_eq!(court.sees([("a", with("more", 15))].into_iter()).other_writer, None);
    assert_eq!(court.sees([("a", with("same", 15))].into_iter()).other_writer, None);
    // The same parameters, of which another template is known: no write.
    assert_eq!(court.sees([("a", with("same", 11))].into_iter()).other_writer, None);
    let noticed = court.sees([("a", with("less", 10))].into_iter());
    assert_eq!(noticed.other_writer, Some("a".parse().unwrap()));
    assert!(court.window.caution(court.elapsed()).is_some());
}

#[test]
fn packs_that_were_added_today_do_not_make_up_for_those_that_go() {
    let drop_big = || second("junk v1", "junk v1; big v1");
    let shown = |day: &str| {
        let mut court = Court::new();
        court.shows("big", "00:00");
        court.now = at("12:30");
        court.intends("junk", &observation(1));
        court.shows("big junk", "00:00");
        court.now = at(day);
        court
    };
    assert_snapshot!(decision(&shown("13:00").rule(drop_big())), @"
    go: -
    overlap: only 0 of 1 pack owned here 24 h ago are still desired (at least 50 %); check that source.directory is the right directory
    waits: delete 1 pack
    ");
    assert_snapshot!(decision(&shown("d3/12:30").rule(drop_big())), @"go: big");
}

#[test]
fn most_of_what_evaluates_in_a_region_goes_with_no_pack() {
    let big = format!("big {}", ruled("v1", 'r', 1..=12));
    let small = |count| format!("small {}", ruled("v1", 's', 1..=count));
    let plan = |count| second(&small(count), &format!("{}; {big}", small(count)));
    assert_snapshot!(super::check(plan(11)), @"
    go: -
    rule_loss: eu-west-1 keeps 11 of 23 effective rules when packs are deleted (at least 50 %)
    waits: delete 1 pack
    ");
    assert_snapshot!(super::check(plan(12)), @"go: big");
}

#[test]
fn rules_that_go_after_a_pack_leave_half_of_what_evaluates() {
    let whole = format!("small {}", ruled("v1", 's', 1..=12));
    let big = format!("big {}", ruled("v1", 'r', 1..=12));
    let mut court = Court::new();
    court.sees([("small", observation(12)), ("big", observation(12))].into_iter());
    assert_eq!(decision(&court.rule(second(&whole, &format!("{whole}; {big}")))), "go: big");
    court.now = at("12:30");
    court.sees([("small", observation(12))].into_iter());
    let fewer = format!("small {}", ruled("v2", 's', 1..=9));
    assert_snapshot!(decision(&court.rule(first(&fewer, &whole))), @"
    go: -
    rule_loss: eu-west-1 keeps 9 of 24 effective rules when packs are deleted (at least 50 %)
    waits: lose 3 rules
    ");
}

#[test]
fn accounts_that_somebody_else_leaves_out_count_and_those_of_ours_count_once() {
    let mut court = Court::new();
    let leaving = |accounts: std::ops::RangeInclusive<u32>| {
        let excluded: BTreeSet<_> = accounts.map(account).collect();
        let echo = Digest::of(excluded.iter().map(|account| account.as_str().as_bytes()));
        ObservedPut { excluded, echo, ..observation(1) }
    };
    court.sees([("a", leaving(1..=1))].into_iter());
    let own = leaving(1..=3);
    court.intends("a", &own);
    assert_eq!(court.sees([("a", own)].into_iter()).excluded, []);
    assert_eq!(court.sees([("a", leaving(1..=8))].into_iter()).excluded.len(), 5);
    assert_eq!(court.sees([("a", leaving(1..=8))].into_iter()).excluded, []);
    assert_eq!(court.window.counting(court.elapsed()).count(), 5);
    // They do not come back as a pack does that a short listing hid: the hold stays.
    let asked = second("a v1 -1x", "a v1");
    assert_eq!(decision(&court.rule(asked)).lines().next(), Some("go: -"));
    court.now = at("12:01");
    court.sees([].into_iter());
    court.now = at("12:02");
    let back = [("a", ObservedPut { last_update: at("00:00"), ..leaving(1..=8) })].into_iter();
    assert_eq!(court.sees(back).released, []);
}

#[test]
fn what_an_earlier_process_left_out_is_not_taken_for_the_deed_of_others() {
    let mut court = Court::new();
    let excluded = BTreeSet::from([account(1)]);
    let put = ObservedPut { excluded, echo: Digest::of([b"put".as_slice()]), ..observation(1) };
    let (region, pack) = (place().region, "a".parse().unwrap());
    // The record of that process has the pack as it was, and what it put then.
    court.window.recall_observed(&region, &pack, observation(1));
    court.window.recall_echo(&region, &pack, put.echo);
    assert_eq!(court.sees([("a", put)].into_iter()).excluded, []);
}

#[test]
fn names_leave_the_window_after_24_hours_to_the_second() {
    assert_snapshot!(decision(&after_noon("d2/11:59:59").rule(drop("y"))), @"
    go: -
    ratio: deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)
    window: 2 packs deleted or stripped of rules within 24 h, all regions together (limit 1)
    waits: delete 1 pack
    ");
    assert_snapshot!(decision(&after_noon("d2/12:00:00").rule(drop("y"))), @"go: y");
}

#[test]
fn a_time_of_day_that_jumps_empties_no_window() {
    let mut court = after_noon("12:05");
    court.jump = Duration::from_hours(25);
    assert_snapshot!(decision(&court.rule(drop("y"))), @"
    go: -
    ratio: deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)
    window: 2 packs deleted or stripped of rules within 24 h, all regions together (limit 1)
    waits: delete 1 pack
    ");
}

#[test]
fn what_is_held_stays_held_until_it_is_withdrawn_or_approved() {
    let mut court = after_noon("13:00");
    assert_eq!(decision(&court.rule(drop("y"))).lines().next(), Some("go: -"));
    court.now = at("d4/12:00");
    assert_snapshot!(decision(&court.rule(drop("y"))), @"
    go: -
    held: held since 2026-11-01T13:00:00Z; it needs an approval even when it is within the limits
    waits: delete 1 pack
    ");
    // Another hold is no way around it: neither more nor less of the same.
    assert_eq!(decision(&court.rule(second("a v1", "a v1; y v8"))).lines().next(), Some("go: -"));
    let mut approved = after_noon("13:00");
    approved.rule(drop("y"));
    approved.permit(at("14:00"), deletes("y"));
    assert_snapshot!(decision(&approved.rule(drop("y"))), @"
    go: y
    approved by drop-old
    ");
    // Wanted again, and days later not any more.
    court.rule(second("a v1; b v1; y v7", "a v1; b v1; y v7"));
    court.now = at("d6/12:00");
    assert_snapshot!(decision(&court.rule(drop("y"))), @"go: y");
}

#[test]
fn what_is_held_stays_held_while_nobody_can_tell_whether_it_is_still_asked_for() {
    let whole = format!("a {}", ruled("v1", 'r', 1..=20));
    let fewer = format!("a {}", ruled("v2", 'r', 1..=19));
    let looks = [
        (fewer.clone(), "#unknown".to_owned()),
        (format!("#invalid; {fewer}"), whole.clone()),
        (format!("#unread; {fewer}"), whole.clone()),
        (format!("{fewer} suspended"), whole.clone()),
        (format!("{fewer} broken"), whole.clone()),
    ];
    let loss = LossAt {
        region: place().region,
        pack: "a".parse().unwrap(),
        loss: Loss::Rule("r20".to_owned()),
    };
    let since = HeldSince { when: at("11:00"), basis: HoldBasis::Asked };
    for (wanted, shown) in looks {
        let mut court = Court::new();
        court.window.recall_held(&loss, since);
        let blind = decision(&court.rule(first(&wanted, &shown)));
        assert!(blind.starts_with("go: -"), "{wanted} {shown}: {blind}");
        let decision = decision(&court.rule(first(&fewer, &whole)));
        assert!(
            decision.contains("held since 2026-11-01T11:00:00Z"),
            "{wanted} {shown}: {decision}"
        );
    }
    let mut withdrawn = Court::new();
    withdrawn.window.recall_held(&loss, since);
    withdrawn.rule(first(&whole, &whole));
    assert_eq!(decision(&withdrawn.rule(first(&fewer, &whole))), "go: a");
}

#[test]
fn a_name_that_is_lost_again_counts_again() {
    // Each time `r01` evaluates what another rule evaluated before, and that rule is gone.
    let mut court = Court::new();
    court.sees([("a", observation(20)), ("b", observation(20))].into_iter());
    let mut decisions = Vec::new();
    for minute in 1..=6 {
        court.now = at("12:00") + Duration::from_mins(minute);
        let whole = format!("a {}; b {}", ruled("v1", 'r', 1..=20), ruled("v1", 's', 1..=20));
        let fewer = format!("a {}; b {}", ruled("v2", 'r', 2..=20), ruled("v1", 's', 1..=20));
        decisions
            .push(decision(&court.rule(first(&fewer, &whole))).lines().next() == Some("go: a"));
    }
    assert_eq!(decisions, [true, true, true, true, true, false]);
}

#[test]
fn a_deletion_of_ours_explains_no_second_one_after_the_pack_was_put_again() {
    let mut court = Court::new();
    court.shows("a b", "00:00");
    assert_eq!(decision(&court.rule(second("a v1", "a v1; b v1"))), "go: b");
    court.now = at("12:05");
    assert_eq!(court.shows("a", "00:00").vanished, []);
    court.shows("a b", "12:10");
    court.now = at("13:00");
    assert_eq!(court.shows("a", "00:00").vanished.len(), 1);
}

#[test]
fn to_ask_for_more_withdraws_nothing() {
    let whole = format!("a {}; b v1", ruled("v1", 'r', 1..=20));
    let fewer = format!("a {}; b v1", ruled("v2", 'r', 1..=19));
    let loss = |loss| LossAt { region: place().region, pack: "a".parse().unwrap(), loss };
    let since = HeldSince { when: at("11:00"), basis: HoldBasis::Asked };
    let mut court = Court::new();
    court.window.recall_held(&loss(Loss::Rule("r20".to_owned())), since);
    court.window.recall_held(&loss(Loss::Pack), since);
    assert_eq!(decision(&court.rule(second("b v1", &whole))).lines().next(), Some("go: -"));
    assert!(decision(&court.rule(first(&fewer, &whole))).contains("held since"));
    // The deletion was withdrawn by that.
    assert_eq!(decision(&court.rule(second("b v1", &whole))).lines().next(), Some("go: -"));
    court.rule(first(&whole, &whole));
    assert_eq!(decision(&court.rule(first(&fewer, &whole))), "go: a");
}

#[test]
fn what_was_put_counts_from_the_put_on_however_late_somebody_looks() {
    let (region, now) = (place().region, SPAN * 4);
    let pack = "a".parse().unwrap();
    let looked = Duration::from_mins(1);
    let before = |put: Option<Duration>| {
        let mut window = LossWindow::with_record(now, SPAN);
        if let Some(put) = put {
            window.recall_intent(&region, &pack, put, now);
        }
        window.recall_level(&region, &pack, Some(20), looked, now);
        window.rules_before(&region, &pack, now)
    };
    assert_eq!(before(Some(SPAN * 3)), Some(20), "put three days ago");
    assert_eq!(before(None), Some(20), "there before anybody looked");
    assert_eq!(before(Some(looked * 2)), None, "put just now");
    // The same in one process, in which the region was never looked at.
    let mut court = Court::new();
    court.now = at("d4/12:00");
    court.window = LossWindow::with_record(court.elapsed(), SPAN);
    court.intends("a", &observation(20));
    court.now = at("d4/12:01");
    court.sees([("a", observation(20)), ("b", observation(7))].into_iter());
    let known = |court: &Court| {
        let packs = court.window.packs_before(&region, court.elapsed());
        packs.map(|(pack, rules)| format!("{pack} {rules}")).collect::<Vec<_>>()
    };
    assert_eq!(known(&court), ["b 7"]);
    court.now = at("d5/12:00");
    assert_eq!(known(&court), ["a 20", "b 7"]);
}

#[test]
fn a_number_of_rules_that_is_held_is_no_way_around_the_hold() {
    let mut court = Court::new();
    assert_eq!(decision(&court.rule(first("a v2/1", "a u1/10"))).lines().next(), Some("go: -"));
    court.now = at("d3/12:00");
    assert_snapshot!(decision(&court.rule(first("a v2/9", "a u1/1"))), @"
    go: -
    held: held since 2026-11-01T12:00:00Z; it needs an approval even when it is within the limits
    waits: lose 1 rule
    ");
}

#[test]
fn a_process_without_a_record_loses_nothing_unapproved_until_it_has_watched_for_a_day() {
    let young = |now: &str| {
        let mut court = Court::new();
        let why = "no state directory is set".to_owned();
        court.window = LossWindow::without_record(court.elapsed(), why);
        court.now = at(now);
        court
    };
    assert_snapshot!(decision(&young("12:00").rule(drop("x"))), @"
    go: -
    caution: the losses of the last 24 h are unknown (no state directory is set; observed for 0 h so far)
    waits: delete 1 pack
    ");
    assert_snapshot!(decision(&young("d2/11:59:59").rule(first("a v2/9", "a v1/10"))), @"
    go: -
    caution: the losses of the last 24 h are unknown (no state directory is set; observed for 23 h so far)
    waits: lose 1 rule
    ");
    assert_snapshot!(decision(&young("d2/11:59:59").rule(first("a v1 -1x", "a v1"))), @"
    go: -
    caution: the losses of the last 24 h are unknown (no state directory is set; observed for 23 h so far)
    waits: exclude 1 account
    ");
    assert_snapshot!(decision(&young("d2/12:00:00").rule(drop("x"))), @"go: x");
    let mut court = young("13:00");
    court.permit(at("14:00"), deletes("x"));
    assert_snapshot!(decision(&court.rule(drop("x"))), @"
    go: x
    approved by drop-old
    ");
    // What was asked for in that day stays held: nobody has withdrawn it.
    let mut court = young("13:00");
    court.rule(drop("x"));
    court.now = at("d2/12:00");
    assert_eq!(decision(&court.rule(drop("x"))).lines().next(), Some("go: -"));
}

#[test]
fn a_record_that_was_begun_an_hour_ago_leaves_23_hours_to_watch() {
    let mut court = Court::new();
    court.window = LossWindow::with_record(court.elapsed(), Duration::from_hours(1));
    court.now = at("d2/10:59:59");
    assert_snapshot!(decision(&court.rule(drop("x"))), @"
    go: -
    caution: the losses of the last 24 h are unknown (the record is less than 24 hours old; observed for 23 h so far)
    waits: delete 1 pack
    ");
    let mut court = Court::new();
    court.window = LossWindow::with_record(court.elapsed(), Duration::from_hours(1));
    court.now = at("d2/11:00:00");
    assert_snapshot!(decision(&court.rule(drop("x"))), @"go: x");
}

#[test]
fn what_is_held_or_only_looked_at_does_not_use_up_the_window() {
    let limits = LossLimits { names_per_window: 1, ..LossLimits::default() };
    let mut court = Court { limits, mode: Mode::Observe, ..Court::new() };
    court.rule(drop("x"));
    court.mode = Mode::Sync;
    let (desired, observed) = ("a v1; b v1", "a v1; b v1; x v7");
    court.rule(first(desired, observed));
    assert_snapshot!(decision(&court.rule(drop("y"))), @"go: y");
}

#[test]
fn a_delete_that_deleted_nothing_uses_up_nothing() {
    let limits = LossLimits { names_per_window: 1, ..LossLimits::default() };
    let mut court = Court { limits, ..Court::new() };
    assert_eq!(decision(&court.rule(drop("x"))), "go: x");
    court.refused("x");
    assert_eq!(decision(&court.rule(drop("y"))), "go: y");
    assert_eq!(court.window.counting(court.elapsed()).count(), 1);
}

#[test]
fn a_pack_that_is_deleted_and_made_again_in_turns_is_a_conflict_at_the_first_repetition() {
    let mut court = Court::new();
    assert_eq!(decision(&court.rule(drop("x"))), "go: x");
    court.now = at("13:00");
    court.rule(second("a v1; b v1; x v7", "a v1; b v1"));
    assert_snapshot!(decision(&court.rule(drop("x"))), @"
    go: -
    conflict: x was deleted at 2026-11-01T12:00:00Z and exists again: another writer, or a change that was reverted
    ratio: deleting 2 of 4 packs in eu-west-1 within 24 h (limit 1)
    waits: delete 1 pack
    ");
}

#[test]
fn what_was_lost_before_counts_against_the_largest_number_of_packs_owned() {
    let mut court = Court::new();
    for gone in 1..=2 {
        let kept = packs('k', 20 - gone);
        let case = second(&kept, &format!("{kept}g{gone:02} v2"));
        assert_eq!(decision(&court.rule(case)), format!("go: g{gone:02}"));
    }
    let kept = packs('k', 17);
    assert_snapshot!(decision(&court.rule(second(&kept, &format!("{kept}g03 v2")))), @"
    go: -
    ratio: deleting 3 of 20 packs in eu-west-1 within 24 h (limit 2)
    waits: delete 1 pack
    ");
}

#[test]
fn one_pack_that_goes_in_every_region_counts_once() {
    let limits = LossLimits { names_per_window: 1, ..LossLimits::default() };
    let mut court = Court { limits, ..Court::new() };
    for region in ["eu-west-1", "us-east-1", "ap-south-1"] {
        let mut case = second("a v1", "a v1; x v7");
        case.plan.place.region = region.parse().unwrap();
        assert_eq!(decision(&court.rule(case)), "go: x");
    }
}

#[test]
fn no_day_takes_more_in_small_steps_than_at_once() {
    let kept = packs('k', 60);
    let drops = |index: usize| second(&kept, &format!("{kept}g{index:02} v2"));
    assert_eq!(spread(20, drops), 5);
    let exclusions =
        |index: usize| first(&format!("a v1 -{}x", index + 1), &format!("a v1 -{index}x"));
    assert_eq!(spread(20, exclusions), 5);
    let rules = |index: usize| {
        let (old, new) = (ruled("v1", 'r', 1 + index..=40), ruled("v1", 'r', 2 + index..=40));
        first(&format!("a {new}"), &format!("a {old}"))
    };
    assert_eq!(spread(20, rules), 5);
}

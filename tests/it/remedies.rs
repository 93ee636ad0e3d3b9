//! What is done about members that do not have a pack: redeployments, retries, and nothing where
//! only a person can help.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use std::time::Duration;

use conformd::domain::base::mode::Mode;
use conformd::domain::base::model::Timestamp;
use conformd::domain::base::time::after;
use conformd::domain::observed::failure_class::FailureClass;
use conformd::domain::observed::packs::Observed;
use conformd::domain::plan::history::History;
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::own_puts::WriteSpan;
use conformd::domain::plan::step::{ActionKind, Reason};
use conformd::domain::present::report::{Reconciliation, RegionReport, SyncReason};
use insta::assert_snapshot;
use proptest::prelude::*;
use proptest::sample::select;

use crate::history::play;
use crate::support::lines::{at, desired, look_with, observed, plan_with, ruled, text};
use crate::support::members::members;

/// The plan of noon for a pack whose run failed an hour and more ago, and these members.
fn check(members: &str) -> String {
    text(&plan_with("iam v1", "iam v1 09:00 UPDATE_FAILED@09:30", members))
}

#[test]
fn a_late_account_is_redeployed_once_its_recorder_is_seen() {
    assert_snapshot!(check("
        iam read 11:59; iam 222222222222 no_recorder 11:00
        222222222222 joined 04:00; 222222222222 stopped 11:30
    "), @"
    ~ iam redeploy: for 222222222222 (recorder seen 2026-11-01T11:30:00Z)
    Plan: 0 to create, 0 to update, 1 to redeploy, 0 to delete.
    ");
}

#[test]
fn one_redeploy_is_for_everybody_who_is_late_and_can_take_the_pack() {
    assert_snapshot!(check("
        iam read 11:59
        iam 222222222222 no_recorder 11:00; 222222222222 joined 04:00; 222222222222 stopped 11:30
        iam 333333333333 missing; 333333333333 joined 03:00; 333333333333 recording 11:20
        iam 444444444444 no_recorder 10:00; 444444444444 recording 11:40
        iam 555555555555 no_recorder 10:00; 555555555555 gone 11:40
        iam 666666666666 no_recorder 10:00; 666666666666 denied 11:40
        iam 777777777777 no_recorder 11:50; 777777777777 recording 11:40
        iam 888888888888 waiting 10:00; 888888888888 joined 06:00; 888888888888 recording 11:40
        iam 999999999999 template 11:00; 999999999999 joined 04:00; 999999999999 recording 11:30
    "), @"
    ~ iam redeploy: for 222222222222 333333333333 444444444444 (recorders seen 2026-11-01T11:20:00Z)
    Plan: 0 to create, 0 to update, 1 to redeploy, 0 to delete.
    ");
}

#[test]
fn a_redeploy_of_many_names_ten() {
    let late = (1..=500).map(|number| {
        let id = crate::support::lines::account(number);
        format!("iam {id} missing; {id} joined 04:00; {id} recording 11:30")
    });
    let late: Vec<String> = late.chain(["iam read 11:59".to_owned()]).collect();
    let text = check(&late.join("\n"));
    assert!(text.contains("200000000010 and 490 more (recorders seen"), "{text}");
    assert!(!text.contains("200000000011"), "{text}");
}

#[test]
fn an_account_within_its_window_never_causes_a_put() {
    for class in FailureClass::ALL {
        let members = format!(
            "iam read 12:00; iam 222222222222 {class} 11:00; 222222222222 recording 11:59
             222222222222 joined 05:00:01; #always"
        );
        assert_eq!(check(&members).trim(), "No changes.", "{class}");
    }
}

#[test]
fn the_window_ends_to_the_second() {
    let redeploy = |joined: &str| {
        let members = format!(
            "iam read 12:00; iam 222222222222 no_recorder 11:00; 222222222222 recording 11:59
             222222222222 joined {joined}"
        );
        !plan_with("iam v1", "iam v1", &members).is_empty()
    };
    assert_eq!(
        [redeploy("04:59:59"), redeploy("05:00"), redeploy("05:00:01")],
        [true, true, false]
    );
}

#[test]
fn without_a_probe_only_always_redeploys() {
    let late = "iam read 11:59; iam 222222222222 no_recorder 11:00; 222222222222 joined 04:00";
    assert_snapshot!(check(late), @"  No changes.");
    assert_snapshot!(check(&format!("{late}; #always")), @"
    ~ iam redeploy: for 222222222222
    Plan: 0 to create, 0 to update, 1 to redeploy, 0 to delete.
    ");
    assert_snapshot!(check(&format!("{late}; 222222222222 recording 11:30; #never")), @"  No changes.");
}

#[test]
fn a_cause_that_is_not_known_is_worth_one_put_after_the_window_and_none_otherwise() {
    let late = |row: &str| {
        let members = format!(
            "iam read 11:59; iam 222222222222 other {row}; 222222222222 recording 11:58
             222222222222 joined 02:00"
        );
        plan_with("iam v1", "iam v1 02:30", &members).count(ActionKind::Redeploy)
    };
    assert_eq!([late("09:29:59"), late("09:30"), late("10:00")], [1, 0, 0]);
    let old = "iam read 11:59; iam 222222222222 other 02:00; 222222222222 recording 11:58";
    assert_snapshot!(check(old), @"  No changes.");
}

#[test]
fn a_redeploy_waits_for_its_cooldown_to_the_second_and_across_restarts() {
    let late = "iam read 11:59; iam 222222222222 no_recorder 11:30; 222222222222 recording 11:45";
    let check = |last: &str| {
        let plan = plan_with("iam v1", &format!("iam v1 {last} UPDATE_FAILED@11:31"), late);
        text(&plan)
    };
    assert_snapshot!(check("11:00:01"), @"
    = iam held, would redeploy: for 222222222222 (recorder seen 2026-11-01T11:45:00Z)
        retry: it was put recently; one redeployment after the cooldown covers all late accounts (until 2026-11-01T12:00:01Z)
    1 change held.
    ");
    assert_snapshot!(check("11:00:00"), @"
    ~ iam redeploy: for 222222222222 (recorder seen 2026-11-01T11:45:00Z)
    Plan: 0 to create, 0 to update, 1 to redeploy, 0 to delete.
    ");
}

#[test]
fn only_classes_that_may_pass_are_put_again() {
    for class in FailureClass::ALL {
        let members = format!("iam read 11:59; iam 222222222222 {class} 11:00");
        let plan = plan_with("iam v1", "iam v1 09:00 UPDATE_FAILED@09:30", &members);
        assert_eq!(plan.count(ActionKind::Update) == 1, class.is_retryable(), "{class}");
        assert_eq!(plan.holds, [], "{class}");
    }
    assert_snapshot!(check("
        iam read 11:59; iam 222222222222 throttled; iam 333333333333 throttled
        iam 444444444444 stack_failed; iam 555555555555 template
    "), @"
    ~ iam update: members failed, with causes that may be resolved now (2 throttled, 1 stack_failed)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn members_have_to_be_read_before_anything_is_done() {
    let held = "
    = iam held
        retry: its deployment failed; conformd does not know yet which members need another Put
    No changes; 1 pack held without a change.
    ";
    let held = held.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    for members in [
        "",
        "iam 222222222222 throttled",
        "iam read 09:29; iam 222222222222 throttled",
        "iam read 11:59; iam unlisted; iam 222222222222 no_recorder; #always",
    ] {
        let text = check(members).lines().map(str::trim).collect::<Vec<_>>().join("\n");
        assert_eq!(text.trim(), held.trim(), "{members}");
    }
    let done = "iam read 09:30; iam 222222222222 throttled";
    assert!(check(done).contains("iam update"), "{}", check(done));
    // Nobody says that it failed, and what is known is older than the last Put.
    let old = plan_with("iam v1", "iam v1 09:00", "iam read 08:59; iam 222222222222 throttled");
    assert_snapshot!(text(&old), @"  No changes.");
}

#[test]
fn where_nobody_has_a_row_the_aggregate_says_why() {
    let check = |code: &str| {
        let observed = format!("iam v1 09:00 CREATE_FAILED@09:30!{code}");
        text(&plan_with("iam v1", &observed, "iam resynced 11:59; iam 222222222222 missing"))
    };
    assert_snapshot!(check("ThrottlingException"), @"
    ~ iam update: members failed, with causes that may be resolved now (1 throttled)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
    assert_snapshot!(check("Whatever"), @"  No changes.");
}

#[test]
fn nothing_is_mended_while_aws_is_at_work_or_the_manifest_is_paused() {
    let late = "iam read 11:59; iam 222222222222 no_recorder 10:00; 222222222222 recording 11:45";
    let check = |desired: &str, observed: &str| text(&plan_with(desired, observed, late));
    // One new account may keep it at work for hours, so a redeployment that waits for that is
    // shown.
    assert_snapshot!(check("iam v1", "iam v1 09:00 UPDATE_IN_PROGRESS@11:30"), @"
    = iam held, would redeploy: for 222222222222 (recorder seen 2026-11-01T11:45:00Z)
        in_progress: AWS is working on it (UPDATE_IN_PROGRESS) and accepts no change
    1 change held.
    ");
    let throttled = "iam read 11:59; iam 222222222222 throttled";
    let at_work = plan_with("iam v1", "iam v1 09:00 UPDATE_IN_PROGRESS@11:30", throttled);
    assert_snapshot!(text(&at_work), @"  No changes.");
    assert_snapshot!(check("iam v1 suspended", "iam v1 09:00 UPDATE_FAILED@10:00"), @"
    = iam held, would redeploy: for 222222222222 (recorder seen 2026-11-01T11:45:00Z)
        suspended: audit freeze
    1 change held.
    ");
    // A new form goes to everybody anyway.
    assert_snapshot!(check("iam v2", "iam v1 09:00 UPDATE_FAILED@11:50"), @"
    ~ iam update: its deployment failed (no code: no message)
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn every_member_done_is_the_end_of_a_run_whatever_the_aggregate_says() {
    let check = |members: &str| {
        text(&plan_with("iam v2", "iam v1 11:30 CREATE_IN_PROGRESS@11:30", members))
    };
    assert_snapshot!(check("iam resynced 11:39; iam stuck"), @"
    = iam held, would update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
        in_progress: AWS is working on it (CREATE_IN_PROGRESS) and accepts no change
    1 change held.
    ");
    assert_snapshot!(check("iam resynced 11:40; iam stuck"), @"
    ~ iam update
        template   b7d7d13d (10 rules) → 662788a9 (10 rules)
    Plan: 0 to create, 1 to update, 0 to delete.
    ");
}

#[test]
fn an_old_name_goes_when_everybody_has_the_new_one() {
    let script = |members: &str| {
        play(&format!(
            "11:45 | new v1 | old v1; new v1 09:00 CREATE_IN_PROGRESS | | {members}
             12:00 |        |                                         | | {members}"
        ))
    };
    assert_snapshot!(script("new resynced 11:00; new stuck"), @"
    11:45    old held: in_progress
    12:00    old held: in_progress
    ");
    assert_snapshot!(script("new resynced 11:00; new healthy"), @"
    11:45    old held: unconfirmed until 12:00:00
    12:00    delete old (unwanted)
    ");
    assert_snapshot!(script("new resynced 08:59; new healthy"), @"
    11:45    old held: in_progress
    12:00    old held: in_progress
    ");
}

#[test]
fn what_failed_is_put_again_ever_more_rarely() {
    assert_snapshot!(play("
        00:00    | iam v1 | iam v1 00:00 CREATE_IN_PROGRESS
        00:10    |        | iam v1 00:00 CREATE_FAILED@00:10 | | iam read 00:10; iam 222222222222 throttled
        01:09:59 |        |
        01:10    |        |
        01:11    |        | iam v1 01:10 NONE
        01:12    |        | iam v1 01:10 UPDATE_IN_PROGRESS
        01:20    |        | iam v1 01:10 UPDATE_FAILED@01:20 | | iam read 01:20; iam 222222222222 throttled
        03:19:59 |        |
        03:20    |        |
        03:30    |        | iam v1 03:20 UPDATE_FAILED@03:30 | | iam read 03:30; iam 222222222222 throttled
        07:29:59 |        |
        07:30    |        |
        07:40    |        | iam v1 07:30 UPDATE_SUCCESSFUL@07:40 | | iam read 07:40; iam healthy
        08:00    |        | iam v1 07:30 UPDATE_FAILED@08:00 | | iam read 08:00; iam 222222222222 throttled
        09:00    |        |
    "), @"
    00:00    -
    00:10    iam held: retry until 01:10:00
    01:09:59 iam held: retry until 01:10:00
    01:10    update iam (members failed)
    01:11    -
    01:12    -
    01:20    iam held: retry until 03:20:00
    03:19:59 iam held: retry until 03:20:00
    03:20    update iam (members failed)
    03:30    iam held: retry until 07:30:00
    07:29:59 iam held: retry until 07:30:00
    07:30    update iam (members failed)
    07:40    -
    08:00    iam held: retry until 09:00:00
    09:00    update iam (members failed)
    ");
}

#[test]
fn retries_reach_once_a_day_and_a_new_manifest_starts_afresh() {
    let failed = |script: &str| {
        let lines = script.lines().filter(|line| !line.trim().is_empty());
        let lines = lines.map(|line| {
            let time = line.split('|').next().unwrap().trim();
            format!("{line} | | iam read {time}; iam 222222222222 stack_failed")
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(play(&failed("
        00:00    | iam v1 | iam v1 00:00 CREATE_FAILED
        01:00    |        |
        03:00    |        | iam v1 01:00 CREATE_FAILED
        07:00    |        | iam v1 03:00 CREATE_FAILED
        15:00    |        | iam v1 07:00 CREATE_FAILED
        d2/07:00 |        | iam v1 15:00 CREATE_FAILED
        d3/06:59 |        | iam v1 d2/07:00 CREATE_FAILED
        d3/07:00 |        |
        d4/06:59 |        | iam v1 d3/07:00 CREATE_FAILED
        d4/07:00 | iam v2 |
        d4/07:10 |        | iam v2 d4/07:00 CREATE_FAILED
        d4/08:00 |        |
    ")), @"
    00:00    iam held: retry until 01:00:00
    01:00    update iam (members failed)
    03:00    update iam (members failed)
    07:00    update iam (members failed)
    15:00    update iam (members failed)
    d2/07:00 update iam (members failed)
    d3/06:59 iam held: retry until d3/07:00:00
    d3/07:00 update iam (members failed)
    d4/06:59 iam held: retry until d4/07:00:00
    d4/07:00 update iam (failed)
    d4/07:10 iam held: retry until d4/08:00:00
    d4/08:00 update iam (members failed)
    ");
}

#[test]
fn a_redeploy_that_does_not_help_is_repeated_ever_more_rarely_and_a_new_account_does_not_wait() {
    let old = "222222222222 recording";
    assert_snapshot!(play(&format!("
        00:00    | iam v1 | iam v1 00:00 CREATE_FAILED@00:10 | | -
        01:00    |        |                                  | | iam read 01:00; iam 222222222222 no_recorder 00:10; {old} 00:30
        01:10    |        | iam v1 01:00 UPDATE_FAILED@01:05 | | iam read 01:10; iam 222222222222 no_recorder 01:05; {old} 00:30
        02:00    |        |                                  | | iam read 02:00; iam 222222222222 no_recorder 01:05; {old} 01:30
        03:00    |        |
        03:10    |        | iam v1 03:00 UPDATE_FAILED@03:05 | | iam read 03:10; iam 222222222222 no_recorder 03:05; {old} 03:08
        05:00    |        |                                  | | iam read 05:00; iam 222222222222 no_recorder 03:05; {old} 03:08; iam 333333333333 no_recorder 04:00; 333333333333 recording 04:10
        05:10    |        | iam v1 05:00 UPDATE_SUCCESSFUL   | | iam read 05:10
    ")), @"
    00:00    iam held: retry
    01:00    redeploy iam (redeploy)
    01:10    -
    02:00    iam held: retry until 03:00:00
    03:00    redeploy iam (redeploy)
    03:10    iam held: retry until 07:00:00
    05:00    redeploy iam (redeploy)
    05:10    -
    ");
}

#[test]
fn a_recorder_that_appears_after_blind_redeploys_is_answered_within_the_cooldown() {
    let late = "#always; iam 222222222222 no_recorder";
    assert_snapshot!(play(&format!("
        00:00    | iam v1 | iam v1 00:00 CREATE_FAILED@00:10 | | -
        01:00    |        |                                  | | iam read 01:00; {late} 00:10
        03:00    |        | iam v1 01:00 UPDATE_FAILED@01:05 | | iam read 03:00; {late} 01:05
        03:10    |        | iam v1 03:00 UPDATE_FAILED@03:05 | | iam read 03:10; {late} 03:05
        03:30    |        |                                  | | iam read 03:30; {late} 03:05; 222222222222 recording 03:30
        04:00    |        |
        04:10    |        | iam v1 04:00 UPDATE_FAILED@04:05 | | iam read 04:10; {late} 04:05; 222222222222 recording 04:10
    ")), @"
    00:00    iam held: retry
    01:00    redeploy iam (redeploy)
    03:00    redeploy iam (redeploy)
    03:10    iam held: retry until 07:00:00
    03:30    iam held: retry until 04:00:00
    04:00    redeploy iam (redeploy)
    04:10    iam held: retry until 12:00:00
    ");
}

#[test]
fn a_retry_that_finds_the_pack_busy_waits_like_any_other() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1 10:00 CREATE_FAILED | throttled | iam read 11:00; iam 222222222222 throttled
        12:01 |        |                            | throttled
        12:02 |        |                            | throttled
    "), @"
    12:00    update iam (members failed) → throttled
    12:01    iam held: retry until 12:01:05
    12:02    update iam (members failed) → throttled
    ");
}

#[test]
fn redeploys_are_no_fight() {
    let rounds = (0..40).map(|round| {
        let minute = 10 * round;
        let (now, last) = (minute % 60, (minute + 50) % 60);
        let (hour, before) = (6 + minute / 60, 6 + (minute + 50) / 60 - 1);
        format!(
            "{hour:02}:{now:02} | iam v1 | iam v1 {before:02}:{last:02} UPDATE_FAILED | | \
             #always; #cooldown 10; iam read {hour:02}:{now:02}; iam {} no_recorder",
            crate::support::lines::account(round + 1)
        )
    });
    let story = play(&rounds.collect::<Vec<_>>().join("\n"));
    assert_eq!(story.matches("redeploy iam (redeploy)").count(), 40, "{story}");
}

#[test]
fn a_write_while_somebody_joins_or_leaves_may_be_awss_own() {
    // The account joined before the write.
    assert_snapshot!(play("
        12:00 | iam v1; #list 12:00 333333333333@d1/02:00 | iam v1 09:00
        12:15 | iam v1; #list 12:15 333333333333@d1/02:00 444444444444@12:05 | iam v1 12:10
        12:30 | |
    "), @"
    12:00    -
    12:15    -
    12:30    -
    ");
    // The list is older than the write: nobody knows yet.
    assert_snapshot!(play("
        12:00 | iam v1; #list 12:00 333333333333@d1/02:00 | iam v1 09:00
        12:15 | | iam v1 12:10
        12:16 | iam v1; #list 12:16 333333333333@d1/02:00 444444444444@12:05 |
        12:17 | |
    "), @"
    12:00    -
    12:15    iam held: membership
    12:16    -
    12:17    -
    ");
    // An account left.
    assert_snapshot!(play("
        12:00 | iam v1; #list 12:00 333333333333@d1/02:00 444444444444@d1/02:00 | iam v1 11:00
        12:15 | iam v1; #list 12:15 333333333333@d1/02:00 | iam v1 12:10
        12:30 | |
    "), @"
    12:00    -
    12:15    -
    12:30    -
    ");
    // Nobody came or went.
    assert_snapshot!(play("
        12:00 | iam v1; #list 12:00 333333333333@d1/02:00 | iam v1 11:00
        12:15 | iam v1; #list 12:15 333333333333@d1/02:00 | iam v1 12:10
        12:16 | |
    "), @"
    12:00    -
    12:15    iam held: unconfirmed until 12:16:00
    12:16    update iam (foreign write)
    ");
}

/// The report of noon in this mode: state and drift of the pack, and whether the region is in sync.
fn report(mode: Mode, members: &str) -> String {
    let now = at("12:00");
    let plan = plan_with("iam v1", "iam v1 09:00 UPDATE_FAILED@09:30", members);
    let observed = observed("iam v1 09:00 UPDATE_FAILED@09:30");
    let ruling = ruled((plan, &observed), mode, now);
    let steps = ruling.approved.plan().steps.len();
    let reconciliation = Reconciliation { number: 1, started: now, last_read: Some(now) };
    let report = RegionReport::ruled(reconciliation, mode, &observed, &ruling);
    let pack = report.packs.values().next().unwrap();
    let sync = if report.is_synced() { "in sync" } else { "not in sync" };
    let holds: Vec<&str> = pack.holds.iter().map(|reason| reason.as_str()).collect();
    let holds = holds.join(" ");
    let state = pack.reason.map_or_else(|| pack.sync.unwrap().as_str(), SyncReason::as_str);
    format!("{state} {:?} [{holds}], {steps} steps, {sync}", pack.drift)
}

#[test]
fn a_pack_whose_members_failed_is_in_sync_whatever_is_done_about_it() {
    let late = "iam read 11:59; iam 222222222222 no_recorder 11:00; 222222222222 recording 11:30";
    assert_snapshot!(report(Mode::Sync, late), @"synced {} [], 1 steps, in sync");
    assert_snapshot!(report(Mode::Upsert, late), @"synced {} [], 1 steps, in sync");
    assert_snapshot!(report(Mode::Observe, late), @"synced {} [mode], 0 steps, in sync");
    assert_snapshot!(report(Mode::Sync, "iam read 11:59; iam 222222222222 throttled"), @"synced {} [], 1 steps, in sync");
    assert_snapshot!(report(Mode::Sync, "iam read 11:59; iam 222222222222 template"), @"synced {} [], 0 steps, in sync");
    assert_snapshot!(report(Mode::Sync, ""), @"synced {} [retry], 0 steps, in sync");
}

/// What happens to the members between two looks.
#[derive(Debug, Clone)]
struct Turn {
    minutes: u64,
    fates: [(&'static str, &'static str); 3],
    is_restart: bool,
}

const ACCOUNTS: [&str; 3] = ["222222222222", "333333333333", "444444444444"];

fn any_turn(classes: &'static [&'static str]) -> impl Strategy<Value = Turn> {
    let recorder = || select(vec!["recording", "stopped", "gone", "denied"]);
    let fate = || (select(classes.to_vec()), recorder());
    let restart = proptest::bool::weighted(0.2);
    (1_u64..90, [fate(), fate(), fate()], restart).prop_map(|(minutes, fates, is_restart)| Turn {
        minutes,
        fates,
        is_restart,
    })
}

/// When which remedies were taken, in this mode, when every Put fails at once for everybody.
fn remedies(turns: &[Turn], mode: Mode, redeploy: &str) -> Vec<(Timestamp, Reason)> {
    let time = |now: Timestamp| now.strftime("d%-d/%H:%M:%S").to_string();
    let (mut history, mut now, mut last) = (History::default(), at("12:00"), at("09:00"));
    let mut taken = Vec::new();
    for Turn { minutes, fates, is_restart } in turns {
        now = after(now, Duration::from_mins(*minutes));
        if *is_restart {
            history = History::default();
        }
        let facts = ACCOUNTS.iter().zip(fates).map(|(account, (class, recorder))| {
            let (row, seen) = (time(last), time(now));
            format!("iam {account} {class} {row}; {account} {recorder} {seen}")
        });
        let facts: Vec<String> = facts.collect();
        let joined = format!("{} joined 08:00; {} joined 02:00", ACCOUNTS[0], ACCOUNTS[1]);
        let text = format!("iam read {}; {joined}; {redeploy}; {}", time(now), facts.join(";"));
        let shown = observed(&format!("iam v1 {0} UPDATE_FAILED@{0}", time(last)));
        let look: (&Observed, _) = (&shown, &members(&text, now));
        let plan = look_with(&mut history, &desired("iam v1"), look, now);
        let ruling = ruled((plan, &shown), mode, now);
        for step in ruling.approved.into_steps() {
            taken.push((now, step.reason.clone()));
            history.record(
                &Outcome { step, result: StepResult::Accepted { arn: None } },
                WriteSpan::at(now),
                &crate::support::lines::pace(),
            );
            last = now;
        }
    }
    taken
}

const ANY_FATE: &[&str] =
    &["ok", "no_recorder", "missing", "throttled", "template", "other", "in_progress", "waiting"];
const FATES_OF_PEOPLE: &[&str] =
    &["ok", "template", "rule_quota", "access_denied", "service_linked_role", "dangling_rule"];

proptest! {
    #[test]
    fn no_pack_is_put_again_within_the_cooldown_whatever_happens(
        turns in proptest::collection::vec(any_turn(ANY_FATE), 1..40), always: bool,
    ) {
        let taken = remedies(&turns, Mode::Sync, if always { "#always" } else { "" });
        for pair in taken.windows(2) {
            prop_assert!(after(pair[0].0, Duration::from_hours(1)) <= pair[1].0, "{pair:?}");
        }
        for (at, reason) in taken {
            if let Reason::Redeploy { accounts, seen } = reason {
                let is_evident = seen.len() == accounts.len();
                prop_assert!(always || is_evident, "a redeployment of {accounts:?} on no evidence");
                let open = at < "2026-11-01T15:00:00Z".parse().unwrap();
                prop_assert!(!open || !accounts.contains(&ACCOUNTS[0].parse().unwrap()));
            }
        }
    }

    #[test]
    fn observe_mends_nothing(turns in proptest::collection::vec(any_turn(ANY_FATE), 1..20)) {
        prop_assert_eq!(remedies(&turns, Mode::Observe, "#always"), []);
    }

    #[test]
    fn what_only_people_can_mend_and_what_has_arrived_is_never_put(
        turns in proptest::collection::vec(any_turn(FATES_OF_PEOPLE), 1..20),
    ) {
        prop_assert_eq!(remedies(&turns, Mode::Sync, "#always"), []);
    }
}

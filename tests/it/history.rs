//! How plans unfold in time: one line a look, what was decided, what became of it. Here: writes
//! that do not show, foreign changes and fights; refusals and removals are in `waits`.

#![expect(clippy::unwrap_used, reason = "tests state what must hold")]

use conformd::domain::base::failure::FailureKind;
use conformd::domain::plan::history::History;
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::own_puts::WriteSpan;
use conformd::domain::plan::region_plan::Plan;
use conformd::domain::plan::step::Reason;
use insta::assert_snapshot;
use strum::IntoEnumIterator as _;

use crate::support::lines::{at, desired, look_with, observed, pace};
use crate::support::members::members;

/// Plays a script of `time | desired | observed | outcome | members` and prints what was decided
/// each time. An empty column repeats the one above, `-` is nothing at all; steps are accepted by
/// default.
pub(crate) fn play(script: &str) -> String {
    let mut history = History::default();
    let (mut wanted, mut shown, mut known) = ("", "", "");
    let mut story = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut columns = line.split('|').map(str::trim);
        let now = columns.next().unwrap();
        wanted = columns.next().filter(|text| !text.is_empty()).unwrap_or(wanted);
        shown = columns.next().filter(|text| !text.is_empty()).unwrap_or(shown);
        let outcome = columns.next().unwrap_or_default();
        known = columns.next().filter(|text| !text.is_empty()).unwrap_or(known);
        let (desired, observed) = (desired(none(wanted)), observed(none(shown)));
        let members = members(none(known), at(now));
        let plan = look_with(&mut history, &desired, (&observed, &members), at(now));
        story.push(format!("{now:<8} {}", decisions(&plan, outcome)));
        for step in plan.steps {
            let outcome = Outcome { step, result: ending(outcome) };
            history.record(&outcome, WriteSpan::at(at(now)), &pace());
        }
    }
    story.join("\n")
}

fn none(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

fn ending(word: &str) -> StepResult {
    let failed = |kind| StepResult::Failed { kind, why: format!("AWS said {kind}") };
    match word {
        "" => StepResult::Accepted { arn: None },
        "not_started" => StepResult::NotStarted,
        "unknown" => {
            StepResult::Unknown { kind: FailureKind::Timeout, why: "no answer".to_owned() }
        }
        word => failed(FailureKind::iter().find(|kind| kind.as_str() == word).unwrap()),
    }
}

fn decisions(plan: &Plan, outcome: &str) -> String {
    let steps = plan.steps.iter().map(|step| {
        let reason = match &step.reason {
            Reason::Missing => "missing",
            Reason::Vanished => "vanished",
            Reason::Adoption => "adoption",
            Reason::Changed => "changed",
            Reason::ForeignChange => "foreign change",
            Reason::ForeignWrite => "foreign write",
            Reason::Failed { .. } => "failed",
            Reason::MembersFailed { .. } => "members failed",
            Reason::Redeploy { .. } => "redeploy",
            Reason::Unwanted => "unwanted",
            Reason::RegionDropped => "region dropped",
            Reason::Absent => "absent",
        };
        let end = if outcome.is_empty() { String::new() } else { format!(" → {outcome}") };
        format!("{} {} ({reason}){end}", step.action.kind(), step.pack)
    });
    let holds = plan.holds.iter().map(|hold| {
        let pack = hold.pack.as_ref().map_or("region", |pack| pack.as_str());
        let until = hold.until.map_or(String::new(), |until| {
            until.strftime(" until d%-d/%H:%M:%S").to_string().replace("d1/", "")
        });
        format!("{pack} held: {}{until}", hold.reason())
    });
    let all: Vec<String> = steps.chain(holds).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

#[test]
fn a_put_that_aws_does_not_show_yet_is_not_repeated() {
    assert_snapshot!(play("
        12:00    | iam v1 | -
        12:00:30 |        |
        12:09:59 |        |
        12:10    |        | iam v1 12:00
        12:25    |        |
    "), @"
    12:00    create iam (missing)
    12:00:30 iam held: settling until 12:10:00
    12:09:59 iam held: settling until 12:10:00
    12:10    -
    12:25    -
    ");
}

#[test]
fn a_put_that_never_shows_is_repeated_after_ten_minutes() {
    assert_snapshot!(play("
        12:00    | iam v2 | iam v1
        12:09:59 |        |
        12:10    |        |
    "), @"
    12:00    update iam (changed)
    12:09:59 iam held: settling until 12:10:00
    12:10    update iam (changed)
    ");
}

#[test]
fn a_put_of_unclear_outcome_is_waited_for_and_not_repeated_when_it_landed() {
    assert_snapshot!(play("
        12:00    | iam v1 | -            | unknown
        12:00:30 |        | -
        12:05    |        | iam v1 12:00
        12:20    |        |
    "), @"
    12:00    create iam (missing) → unknown
    12:00:30 iam held: settling until 12:10:00
    12:05    -
    12:20    -
    ");
    assert_snapshot!(play("
        12:00    | iam v1 | -            | unknown
        12:09:59 |        |
        12:10    |        |
    "), @"
    12:00    create iam (missing) → unknown
    12:09:59 iam held: settling until 12:10:00
    12:10    create iam (missing)
    ");
}

#[test]
fn a_newer_manifest_does_not_wait_for_a_put_that_was_accepted() {
    assert_snapshot!(play("
        12:00 | iam v1 | -
        12:01 | iam v2 |
        12:02 |        | iam v1 12:00
        12:03 |        | iam v2 12:01
    "), @"
    12:00    create iam (missing)
    12:01    create iam (missing)
    12:02    iam held: settling until 12:11:00
    12:03    -
    ");
    assert_snapshot!(play("
        12:00 | iam v1 | -            | unknown
        12:01 | iam v2 |
        12:10 |        | iam v1 12:00
    "), @"
    12:00    create iam (missing) → unknown
    12:01    iam held: settling until 12:10:00
    12:10    update iam (changed)
    ");
}

#[test]
fn a_pack_that_vanishes_is_created_again_when_two_looks_agree() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1
        12:15 |        | -
        12:29 |        |
        12:30 |        |
        12:31 |        | iam v1 12:30
        12:46 |        |
    "), @"
    12:00    -
    12:15    iam held: unconfirmed until 12:30:00
    12:29    iam held: unconfirmed until 12:30:00
    12:30    create iam (vanished)
    12:31    -
    12:46    -
    ");
}

#[test]
fn a_pack_that_was_only_missing_from_one_answer_is_left_alone() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1
        12:15 |        | -
        12:30 |        | iam v1
        12:45 |        | -
        12:46 |        | iam v1
    "), @"
    12:00    -
    12:15    iam held: unconfirmed until 12:30:00
    12:30    -
    12:45    iam held: unconfirmed until 13:00:00
    12:46    -
    ");
}

#[test]
fn a_foreign_edit_is_put_back_after_a_second_look() {
    assert_snapshot!(play("
        12:00    | iam v1 | iam v1 09:00
        12:15    |        | iam v1 age=1 12:10
        12:15:59 |        |
        12:16    |        |
        12:17    |        | iam v1 12:16
        12:32    |        |
    "), @"
    12:00    -
    12:15    iam held: unconfirmed until 12:16:00
    12:15:59 iam held: unconfirmed until 12:16:00
    12:16    update iam (foreign change)
    12:17    -
    12:32    -
    ");
}

#[test]
fn an_older_answer_has_to_last_an_interval_before_it_counts_as_an_edit() {
    assert_snapshot!(play("
        12:00 | iam v2 | iam v1 09:00
        12:01 |        | iam v2 12:00
        12:20 |        | iam v1 09:00
        12:21 |        |
        12:34 |        | iam v2 12:00
        12:40 |        | iam v1 09:00
        12:55 |        |
    "), @"
    12:00    update iam (changed)
    12:01    -
    12:20    iam held: unconfirmed until 12:35:00
    12:21    iam held: unconfirmed until 12:35:00
    12:34    -
    12:40    iam held: unconfirmed until 12:55:00
    12:55    update iam (foreign change)
    ");
}

#[test]
fn a_write_that_changed_nothing_we_can_see_is_conflict_and_healed_once() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1 09:00
        12:15 |        | iam v1 12:10
        12:16 |        |
        12:17 |        |
        12:18 |        | iam v1 12:16
        12:40 |        |
    "), @"
    12:00    -
    12:15    iam held: unconfirmed until 12:16:00
    12:16    update iam (foreign write)
    12:17    iam held: settling until 12:26:00
    12:18    -
    12:40    -
    ");
}

#[test]
fn a_write_soon_after_our_put_is_external_and_corrected() {
    // The first listing shows only the other writer's timestamp.
    assert_snapshot!(play("
        11:00:00 | iam v1 | -
        11:00:31 |        | iam v1 11:00:01
        12:00:00 | iam v2 |
        12:00:31 |        | iam v2 12:00:25
        12:14    |        |
        12:15    |        |
        12:15:30 |        | iam v2 12:15
        12:30    |        |
    "), @"
    11:00:00 create iam (missing)
    11:00:31 -
    12:00:00 update iam (changed)
    12:00:31 iam held: conflict until 12:15:00
    12:14    iam held: conflict until 12:15:00
    12:15    update iam (foreign write)
    12:15:30 -
    12:30    -
    ");
    // The first listing shows our own, which is then the only one that our Put explains.
    assert_snapshot!(play("
        12:00:00 | iam v1 | -
        12:00:02 |        | iam v1 12:00:01
        12:00:31 |        | iam v1 12:00:04
        12:15    |        |
        12:15:30 |        | iam v1 12:15
    "), @"
    12:00:00 create iam (missing)
    12:00:02 -
    12:00:31 iam held: conflict until 12:15:00
    12:15    update iam (foreign write)
    12:15:30 -
    ");
}

#[test]
fn where_aws_has_not_shown_the_time_of_a_request_a_later_one_is_believed_to_be_ours() {
    assert_snapshot!(play("
        12:00:00 | iam v1 | -
        12:05    |        | iam v1 12:04
        12:20    |        |
        13:00:00 | iam v2 |
        13:05    |        | iam v2 13:04
        13:20    |        |
    "), @"
    12:00:00 create iam (missing)
    12:05    -
    12:20    -
    13:00:00 update iam (changed)
    13:05    -
    13:20    -
    ");
}

#[test]
fn a_second_writer_that_reacts_to_every_put_within_seconds_is_a_conflict() {
    let clock = |minute: u32, second: u32| {
        format!("{:02}:{:02}:{second:02}", 12 + minute / 60, minute % 60)
    };
    let rounds = (0..135).step_by(15).flat_map(|minute| {
        let [put, undone, shown] = [0, 36, 40].map(|second| clock(minute, second));
        [format!("{put} | | "), format!("{shown} | | iam v2 {undone}")]
    });
    let first = [
        "11:30:00 | iam v1 | -",
        "11:30:30 | | iam v1 11:30:01",
        "11:45:00 | iam v2 | ",
        "11:45:40 | | iam v2 11:45:36",
    ];
    let script: Vec<String> = first.map(ToOwned::to_owned).into_iter().chain(rounds).collect();
    let story = play(&script.join("\n"));
    let told = story.lines().filter(|line| line.contains("iam (") || line.contains("until d2"));
    assert_snapshot!(told.take(9).collect::<Vec<_>>().join("\n"), @"
    11:30:00 create iam (missing)
    11:45:00 update iam (changed)
    12:00:00 update iam (foreign write)
    12:15:00 update iam (foreign write)
    12:30:00 update iam (foreign write)
    12:45:00 update iam (foreign write)
    13:00:00 update iam (foreign write)
    13:15:00 update iam (foreign write)
    13:15:40 iam held: conflict until d2/13:15:00
    ");
}

#[test]
fn a_heal_that_aws_takes_for_nothing_new_is_not_repeated_for_ever() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1 09:00
        12:15 |        | iam v1 12:10
        12:16 |        |
        12:25 |        |
        12:26 |        |
        12:41 |        |
    "), @"
    12:00    -
    12:15    iam held: unconfirmed until 12:16:00
    12:16    update iam (foreign write)
    12:25    iam held: settling until 12:26:00
    12:26    -
    12:41    -
    ");
}

#[test]
fn a_pack_is_put_back_at_most_once_per_interval() {
    assert_snapshot!(play("
        12:00 | iam v1 | -
        12:01 |        | iam v1 12:00
        12:02 |        | iam v1 age=1 12:02
        12:03 |        |
        12:14 |        |
        12:15 |        |
    "), @"
    12:00    create iam (missing)
    12:01    -
    12:02    iam held: conflict until 12:15:00
    12:03    iam held: conflict until 12:15:00
    12:14    iam held: conflict until 12:15:00
    12:15    update iam (foreign change)
    ");
}

/// A second writer that undoes every Put a quarter of an hour later, for ten hours.
fn fight(undone: &str) -> String {
    let clock = |minute: u32| format!("{:02}:{:02}", 6 + minute / 60, minute % 60);
    let rounds = (15..600).step_by(30).flat_map(|minute| {
        let (then, heal, show) = (clock(minute), clock(minute + 15), clock(minute + 16));
        let other = if undone == "-" { undone.to_owned() } else { format!("{undone} {then}") };
        [format!("{then} | | {other}"), format!("{heal} | |"), format!("{show} | | iam v1 {heal}")]
    });
    let script: Vec<String> =
        ["06:00 | iam v1 adopt | iam v1 05:00".to_owned()].into_iter().chain(rounds).collect();
    let story = play(&script.join("\n"));
    let told = story.lines().filter(|line| line.contains("iam (") || line.contains("until d2"));
    told.take(9).collect::<Vec<_>>().join("\n")
}

#[test]
fn more_than_six_puts_in_six_hours_are_a_fight_and_rest_for_a_day() {
    assert_snapshot!(fight("iam v1 age=1"), @"
    06:30    update iam (foreign change)
    07:00    update iam (foreign change)
    07:30    update iam (foreign change)
    08:00    update iam (foreign change)
    08:30    update iam (foreign change)
    09:00    update iam (foreign change)
    09:30    update iam (foreign change)
    09:45    iam held: conflict until d2/09:30:00
    10:00    iam held: conflict until d2/09:30:00
    ");
}

#[test]
fn a_fight_by_deleting_or_by_dropping_the_marker_is_a_fight_too() {
    assert_snapshot!(fight("-"), @"
    06:30    create iam (vanished)
    07:00    create iam (vanished)
    07:30    create iam (vanished)
    08:00    create iam (vanished)
    08:30    create iam (vanished)
    09:00    create iam (vanished)
    09:30    create iam (vanished)
    09:45    iam held: conflict until d2/09:30:00
    10:00    iam held: conflict until d2/09:30:00
    ");
    assert_snapshot!(fight("iam unmanaged"), @"
    06:30    adopt iam (foreign change)
    07:00    adopt iam (foreign change)
    07:30    adopt iam (foreign change)
    08:00    adopt iam (foreign change)
    08:30    adopt iam (foreign change)
    09:00    adopt iam (foreign change)
    09:30    adopt iam (foreign change)
    09:45    iam held: conflict until d2/09:30:00
    10:00    iam held: conflict until d2/09:30:00
    ");
}

#[test]
fn a_fight_ends_with_its_day_or_with_a_new_manifest() {
    let starts = ["06:20", "06:40", "07:00", "07:20", "07:40", "08:00", "08:20"];
    let rounds = starts.into_iter().flat_map(|start| {
        let later = |minutes| at(start) + jiff::SignedDuration::from_mins(minutes);
        let [heal, show] = [1, 2].map(|minutes| later(minutes).strftime("%H:%M").to_string());
        [
            format!("{start} | | iam v1 age=1 {start}"),
            format!("{heal} | |"),
            format!("{show} | | iam v1 {heal}"),
        ]
    });
    let script: Vec<String> =
        ["06:00 | iam v1 | iam v1 05:00".to_owned()].into_iter().chain(rounds).collect();
    let script = script.join("\n");
    let rest = "
        09:00       | | iam v1 age=1 09:00
        d2/08:20:59 | |
        d2/08:21    | |
    ";
    let tail = |story: &str| story.lines().skip(22).collect::<Vec<_>>().join("\n");
    assert_snapshot!(tail(&play(&format!("{script}\n{rest}"))), @"
    09:00    iam held: conflict until d2/08:21:00
    d2/08:20:59 iam held: conflict until d2/08:21:00
    d2/08:21 update iam (foreign change)
    ");
    let changed = rest.replace("d2/08:20:59 | |", "09:01 | iam v2 |");
    assert_snapshot!(tail(&play(&format!("{script}\n{changed}"))), @"
    09:00    iam held: conflict until d2/08:21:00
    09:01    update iam (changed)
    d2/08:21 update iam (changed)
    ");
}

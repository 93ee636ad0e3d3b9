//! How plans wait: refusals, quotas, suspensions, removals and lost markers, as timelines.

use insta::assert_snapshot;

use crate::history::play;

#[test]
fn a_failed_removal_is_repeated_ever_more_rarely() {
    assert_snapshot!(play("
        00:00    | iam v1 | iam v1; old v2 00:00
        00:15    |        |
        00:16    |        | iam v1; old v2 00:15 DELETE_IN_PROGRESS
        00:30    |        | iam v1; old v2 00:15 DELETE_FAILED@00:30
        01:29    |        |
        01:30    |        |
        01:40    |        | iam v1; old v2 00:15 DELETE_FAILED@01:40
        03:39    |        |
        03:40    |        |
        04:00    |        | iam v1; old v2 unlisted DELETE_SUCCESSFUL
    "), @"
    00:00    old held: unconfirmed until 00:15:00
    00:15    delete old (unwanted)
    00:16    old held: in_progress
    00:30    old held: retry until 01:30:00
    01:29    old held: retry until 01:30:00
    01:30    delete old (failed)
    01:40    old held: retry until 03:40:00
    03:39    old held: retry until 03:40:00
    03:40    delete old (failed)
    04:00    -
    ");
}

#[test]
fn a_busy_pack_is_asked_again_after_a_minute_up_to_a_quarter_of_an_hour() {
    let minutes = (1..60).map(|minute| format!("12:{minute:02} | | | in_flight"));
    let first = "12:00 | iam v2 | iam v1 | in_flight".to_owned();
    let script = [first].into_iter().chain(minutes).collect::<Vec<_>>().join("\n");
    let story = play(&script);
    let told: Vec<&str> = story.lines().filter(|line| line.contains("update")).collect();
    assert_snapshot!(told.join("\n"), @"
    12:00    update iam (changed) → in_flight
    12:02    update iam (changed) → in_flight
    12:05    update iam (changed) → in_flight
    12:10    update iam (changed) → in_flight
    12:20    update iam (changed) → in_flight
    12:39    update iam (changed) → in_flight
    12:58    update iam (changed) → in_flight
    ");
}

#[test]
fn a_busy_pack_that_ends_up_as_wanted_forgets_its_wait() {
    assert_snapshot!(play("
        12:00 | iam v2 | iam v1       | in_flight
        12:02 |        |              | in_flight
        12:04 |        | iam v2 12:03
        13:00 | iam v3 |              | in_flight
        13:01 |        |
        13:02 |        |
    "), @"
    12:00    update iam (changed) → in_flight
    12:02    update iam (changed) → in_flight
    12:04    -
    13:00    update iam (changed) → in_flight
    13:01    iam held: retry until 13:01:05
    13:02    update iam (changed)
    ");
}

#[test]
fn content_that_aws_refused_is_offered_again_after_a_day_or_when_it_changes() {
    assert_snapshot!(play("
        12:00       | iam v2 | iam v1 | rejected
        12:01       |        |
        d2/11:59:59 |        |
        d2/12:00    |        |        | rejected
        d2/12:01    | iam v3 |
    "), @"
    12:00    update iam (changed) → rejected
    12:01    iam held: rejected until d2/12:00:00
    d2/11:59:59 iam held: rejected until d2/12:00:00
    d2/12:00 update iam (changed) → rejected
    d2/12:01 update iam (changed)
    ");
}

#[test]
fn a_delete_that_aws_rejects_is_not_repeated_at_once() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1; old v2
        12:15 |        |                | rejected
        12:15:30 |     |
        12:16 |        |
        12:17 |        |
    "), @"
    12:00    old held: unconfirmed until 12:15:00
    12:15    delete old (unwanted) → rejected
    12:15:30 old held: retry until 12:16:08
    12:16    old held: retry until 12:16:08
    12:17    delete old (unwanted)
    ");
}

#[test]
fn a_refused_caller_writes_nothing_until_it_is_asked_again() {
    assert_snapshot!(play("
        12:00    | a v2; b v2 | a v1; b v1 | denied
        12:00:59 |            |
        12:01    |            |            | denied
        12:02:59 |            |
        12:03    |            |
    "), @"
    12:00    update a (changed) → denied, update b (changed) → denied
    12:00:59 a held: denied until 12:01:00, b held: denied until 12:01:00
    12:01    update a (changed) → denied, update b (changed) → denied
    12:02:59 a held: denied until 12:03:00, b held: denied until 12:03:00
    12:03    update a (changed), update b (changed)
    ");
}

#[test]
fn a_used_up_quota_stops_creates_for_an_hour_and_nothing_else() {
    assert_snapshot!(play("
        12:00    | new v1        | -      | quota
        12:01    | new v1; a v2  | a v1
        12:59:59 |               | a v2 12:01
        13:00    |               |
    "), @"
    12:00    create new (missing) → quota
    12:01    update a (changed), new held: quota until 13:00:00
    12:59:59 new held: quota until 13:00:00
    13:00    create new (missing)
    ");
}

#[test]
fn packs_on_their_way_take_room() {
    let full: Vec<String> = (1..=49).map(|number| format!("x{number} unmanaged")).collect();
    let full = full.join("; ");
    let script =
        format!("12:00 | a v1 | {full}\n12:01 | a v1; b v1 |\n12:02 | | {full}; a v1 12:00\n");
    assert_snapshot!(play(&script), @"
    12:00    create a (missing)
    12:01    a held: settling until 12:10:00, b held: quota
    12:02    b held: quota
    ");
}

#[test]
fn a_suspension_ends_at_its_time() {
    assert_snapshot!(play("
        12:00    | iam v2 suspended:13:00 | iam v1
        12:59:59 |                        |
        13:00    |                        |
    "), @"
    12:00    iam held: suspended until 13:00:00
    12:59:59 iam held: suspended until 13:00:00
    13:00    update iam (changed)
    ");
}

#[test]
fn a_delete_needs_two_whole_looks_an_interval_apart() {
    assert_snapshot!(play("
        12:00    | iam v1 | iam v1; old v2
        12:14:59 |        |
        12:15    |        |
        12:15:30 |        |
        12:16    |        | iam v1; old v2 DELETE_IN_PROGRESS
        12:30    |        | iam v1
    "), @"
    12:00    old held: unconfirmed until 12:15:00
    12:14:59 old held: unconfirmed until 12:15:00
    12:15    delete old (unwanted)
    12:15:30 old held: settling until 12:25:00
    12:16    old held: in_progress
    12:30    -
    ");
}

#[test]
fn a_bad_source_or_a_change_between_the_two_looks_begins_them_again() {
    assert_snapshot!(play("
        12:00 | iam v1           | iam v1; old v2
        12:10 | #unread; iam v1  |
        12:15 | iam v1           |
        12:20 | #invalid; iam v1 |
        12:25 | iam v1           |
        12:30 |                  | iam v1; old v3
        12:40 |                  |
        12:41 |                  | #unknown
        12:45 |                  | iam v1; old v3
    "), @"
    12:00    old held: unconfirmed until 12:15:00
    12:10    old held: source
    12:15    old held: unconfirmed until 12:30:00
    12:20    old held: invalid
    12:25    old held: unconfirmed until 12:40:00
    12:30    old held: unconfirmed until 12:45:00
    12:40    old held: unconfirmed until 12:45:00
    12:41    region held: unknown
    12:45    delete old (unwanted)
    ");
}

#[test]
fn a_name_that_is_wanted_again_before_its_delete_shows_is_not_lost() {
    assert_snapshot!(play("
        12:00 | iam v1         | iam v1; old v2
        12:15 |                |
        12:16 | iam v1; old v2 |
        12:17 | iam v1; old v3 |
        12:20 |                | iam v1; old v2 DELETE_IN_PROGRESS
        13:20 |                | iam v1; old v2 unlisted DELETE_SUCCESSFUL
        13:21 |                |
        13:22 |                | iam v1; old v3 13:20
    "), @"
    12:00    old held: unconfirmed until 12:15:00
    12:15    delete old (unwanted)
    12:16    old held: settling until 12:25:00
    12:17    old held: settling until 12:25:00
    12:20    old held: in_progress
    13:20    create old (missing)
    13:21    old held: settling until 13:30:00
    13:22    -
    ");
}

#[test]
fn a_pack_that_is_gone_before_its_delete_is_gone() {
    assert_snapshot!(play("
        12:00 | iam v1 | iam v1; old v2
        12:15 |        |                | no_such_pack
        12:16 |        |
        12:17 |        | iam v1
    "), @"
    12:00    old held: unconfirmed until 12:15:00
    12:15    delete old (unwanted) → no_such_pack
    12:16    old held: settling until 12:25:00
    12:17    -
    ");
}

#[test]
fn a_marker_that_does_not_read_back_stops_every_write() {
    assert_snapshot!(play("
        12:00 | a v1; b v1 | -
        12:01 | a v1; b v1; c v1 | a unmanaged 12:00; b v1 12:00
        18:00 |            | -
    "), @"
    12:00    create a (missing), create b (missing)
    12:01    region held: denied, a held: unmanaged, c held: denied
    18:00    region held: denied, a held: denied, b held: unconfirmed until 18:15:00, c held: denied
    ");
    assert_snapshot!(play("
        12:00 | a v1 | -
        12:01 | a v1; c v1 | a garbled 12:00
    "), @"
    12:00    create a (missing)
    12:01    region held: denied, a held: foreign, c held: denied
    ");
}

#[test]
fn an_adoption_that_does_not_show_yet_is_no_lost_marker() {
    assert_snapshot!(play("
        12:00 | a v1 adopt | a unmanaged 09:00
        12:01 | a v1 adopt; c v1 |
        12:02 |            | a v1 12:00; c v1 12:01
    "), @"
    12:00    adopt a (adoption)
    12:01    create c (missing), a held: settling until 12:10:00
    12:02    -
    ");
}

#[test]
fn somebody_elses_edit_is_no_lost_marker() {
    assert_snapshot!(play("
        12:00 | a v1 adopt | a unmanaged 09:00
        12:01 | a v1 adopt; c v1 | a edited=1 unmanaged 11:59
        12:02 |            | a v1 12:00; c v1 12:01
    "), @"
    12:00    adopt a (adoption)
    12:01    create c (missing), a held: settling until 12:10:00
    12:02    -
    ");
}

#[test]
fn an_adopted_pack_that_is_overwritten_is_put_back_like_any_other() {
    assert_snapshot!(play("
        12:00 | a v1 adopt | a unmanaged 09:00
        12:01 |            | a v1 12:00
        12:30 |            | a unmanaged 12:29
        12:31 |            |
        12:32 |            | a v1 12:31
    "), @"
    12:00    adopt a (adoption)
    12:01    -
    12:30    a held: unconfirmed until 12:31:00
    12:31    adopt a (foreign change)
    12:32    -
    ");
}

#[test]
fn a_stop_before_a_step_leaves_no_trace() {
    assert_snapshot!(play("
        12:00 | iam v1 | - | not_started
        12:00:01 |     |
    "), @"
    12:00    create iam (missing) → not_started
    12:00:01 create iam (missing)
    ");
}

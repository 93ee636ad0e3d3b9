//! What it takes to call a pack converged.

use insta::assert_snapshot;

use super::*;

#[test]
fn rows_of_before_the_last_change_prove_nothing_until_two_resyncs_agree() {
    let mut scene = TrackerScene::new(2);
    scene.record.last_update = at(0);
    scene.observe(0);
    let rows = good([1, 2]);
    scene.resync(&rows);
    assert_snapshot!(scene.text(), @"
    progressing, 2 ok
    (rows are older than the last change: waiting for a second reading)
    ");
    assert_eq!(scene.next(), "resync in 600 s (Health)");
    scene.observe(10 * MINUTE - 1);
    scene.resync(&rows);
    assert_eq!(scene.health(), RolloutHealth::Progressing);
    scene.observe(10 * MINUTE);
    scene.resync(&rows);
    assert_eq!(scene.health(), RolloutHealth::Healthy);
}

#[test]
fn an_aggregate_in_progress_for_ever_is_overruled_by_two_resyncs_and_costs_nothing_then() {
    let mut scene = TrackerScene::new(1_000);
    scene.status = Some("CREATE_IN_PROGRESS");
    scene.observe(0);
    assert_eq!(scene.next(), "trouble in 0 s (Changed)");
    scene.trouble(&[]);
    assert_eq!(
        (scene.health(), scene.next()),
        (RolloutHealth::Unknown, "resync in 0 s (Health)".to_owned())
    );
    let rows = good(1..=1_000);
    scene.resync(&rows);
    assert_snapshot!(scene.text(), @r#"
    stuck_aggregate, 1000 ok
    (every account is done, but AWS reports "in progress": waiting for a second reading)
    "#);
    assert_eq!(scene.next(), "resync in 600 s (Health)");
    scene.observe(10 * MINUTE);
    scene.resync(&rows);
    assert_eq!(scene.text(), "healthy (aggregate stuck), 1000 ok");
    assert_eq!(scene.next(), "resync in 21600 s (Routine)");
}

#[test]
fn an_aggregate_in_progress_for_ever_hides_no_failure() {
    let mut scene = TrackerScene::new(3);
    scene.status = Some("CREATE_IN_PROGRESS");
    scene.observe(0);
    let rows = [good([1, 2]), vec![row(3, "CREATE_FAILED", 0)]].concat();
    scene.resync(&rows);
    assert_eq!(scene.rollout().health, RolloutHealth::Degraded);
    scene.observe(10 * MINUTE);
    scene.resync(&rows);
    assert_snapshot!(scene.text(), @"
    degraded (aggregate stuck), 2 ok
    3 failed no_recorder: NoAvailableConfigurationRecorder no recorder
    ");
    assert_eq!(scene.next(), "resync in 900 s (Trouble)");
}

#[test]
fn nothing_counts_after_a_put_until_everybody_was_read_again() {
    let mut scene = TrackerScene::new(1_000);
    scene.observe(0);
    let rows = good(1..=1_000);
    scene.resync(&rows);
    assert_eq!(scene.health(), RolloutHealth::Healthy);
    scene.record.last_update = at(MINUTE);
    scene.record.inputs.insert("Other".to_owned(), "1".to_owned());
    scene.status = Some("UPDATE_IN_PROGRESS");
    scene.observe(2 * MINUTE);
    assert_eq!(
        (scene.health(), scene.rollout().counts.in_progress),
        (RolloutHealth::Progressing, 1_000)
    );
    assert_eq!(scene.next(), "trouble in 0 s (Changed)");
    // A few are at work; the others are not asked for one by one.
    scene.trouble(&[row(1, "UPDATE_IN_PROGRESS", MINUTE)]);
    assert_eq!(scene.next(), "trouble in 60 s (Changed)");
    scene.observe(3 * MINUTE);
    scene.trouble(&[]);
    assert_eq!(scene.next(), "resync in 0 s (Health)");
    scene.resync(
        &(1..=1_000).map(|one| row(one, "UPDATE_SUCCESSFUL", 2 * MINUTE)).collect::<Vec<_>>(),
    );
    assert_eq!(scene.health(), RolloutHealth::StuckAggregate);
    scene.status = Some("UPDATE_SUCCESSFUL");
    scene.observe(4 * MINUTE);
    assert_eq!(scene.health(), RolloutHealth::Healthy);
}

#[test]
fn a_join_touches_a_pack_and_does_not_put_everybody_in_doubt() {
    let mut scene = TrackerScene::new(1_000);
    scene.observe(0);
    scene.resync(&good(1..=1_000));
    scene.account(1_001, Some(AccountState::Active), HOUR);
    (scene.record.last_update, scene.status) = (at(HOUR), Some("UPDATE_IN_PROGRESS"));
    scene.observe(HOUR);
    assert_eq!((scene.health(), scene.rollout().counts.ok), (RolloutHealth::Progressing, 1_000));
    scene.trouble(&[row(1_001, "CREATE_IN_PROGRESS", HOUR)]);
    assert_snapshot!(scene.text(), @"
    progressing, 1000 ok
    1001 waiting
    ");
    scene.observe(HOUR + 15 * MINUTE);
    assert_eq!(scene.next(), "account 1001 in 0 s (NewAccount)");
    let reading = MemberRequest::Account("base".parse().unwrap(), id(1_001));
    scene.reading(&reading, &[row(1_001, "CREATE_SUCCESSFUL", HOUR + MINUTE)]);
    scene.status = Some("UPDATE_SUCCESSFUL");
    scene.observe(HOUR + 16 * MINUTE);
    assert_eq!(scene.text(), "healthy, 1001 ok");
}

#[test]
fn somebody_who_stopped_failing_is_asked_for_and_not_called_good() {
    let mut scene = TrackerScene::new(1_000);
    scene.status = Some("CREATE_FAILED");
    scene.observe(0);
    let mut rows = good(1..=998);
    rows.extend([row(999, "CREATE_FAILED", 0), row(1_000, "CREATE_FAILED", 0)]);
    scene.resync(&rows);
    assert_eq!(scene.next(), "trouble in 900 s (Trouble)");
    scene.observe(15 * MINUTE);
    scene.trouble(&rows[..999]);
    assert_eq!(scene.rollout().counts.ok, 998);
    assert_eq!(scene.next(), "account 1000 in 0 s (NewAccount)");
    scene.reading(&MemberRequest::Account("base".parse().unwrap(), id(1_000)), &[]);
    assert_eq!(scene.rollout().counts.missing, 1);
}

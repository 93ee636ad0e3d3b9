//! How one account stands, and what follows for the pack.

use insta::assert_snapshot;

use super::*;
use crate::domain::organization::membership::ListDoubt;

#[test]
fn a_pack_whose_members_were_not_read_is_unknown() {
    let mut scene = TrackerScene::new(3);
    assert_eq!(scene.tracked.tracking(), Tracking::default());
    scene.observe(0);
    assert_snapshot!(scene.text(), @"
    unknown, 0 ok
    (its members were not read yet)
    ");
}

#[test]
fn everybody_who_is_not_simply_ok_is_shown_with_the_reason() {
    let mut scene = TrackerScene::new(6);
    scene.account(7, Some(AccountState::Suspended), -HOUR * 1_000);
    scene.account(8, None, -HOUR * 1_000);
    scene.record.excluded = [id(5), id(6)].into();
    scene.observe(0);
    let mut rows = good([1]);
    rows.extend([
        row(2, "UPDATE_IN_PROGRESS", -MINUTE),
        row(3, "UPDATE_FAILED", -MINUTE),
        row(5, "DELETE_FAILED", -MINUTE),
        row(7, "CREATE_FAILED", -MINUTE),
        row(8, "CREATE_SUCCESSFUL", -MINUTE),
        row(9, "CREATE_SUCCESSFUL", -HOUR),
        row(10, "CREATE_SUCCESSFUL", -MINUTE),
    ]);
    scene.resync(&rows);
    assert_snapshot!(scene.text(), @"
    degraded, 1 ok
    2 in_progress
    3 failed no_recorder: NoAvailableConfigurationRecorder no recorder
    4 missing
    7 inactive: NoAvailableConfigurationRecorder no recorder
    8 inactive
    9 left
    10 not_yet_listed
    (account 000000000005: AWS could not remove it there (DELETE_FAILED))
    ");
}

#[test]
fn a_status_that_is_not_documented_is_neither_success_nor_failure() {
    let mut scene = TrackerScene::new(2);
    scene.observe(0);
    scene.resync(&[good([1]), vec![row(2, "CREATE_PAUSED", 0)]].concat());
    assert_snapshot!(scene.text(), @"
    unknown, 1 ok
    2 in_progress: CREATE_PAUSED
    (the row of 000000000002 shows a status that this version does not recognize)
    ");
    assert_eq!(scene.next(), "resync in 900 s (NewAccount)");
}

#[test]
fn an_account_without_a_row_is_missing_once_that_was_seen_after_the_grace() {
    for (age, health) in
        [(30 * MINUTE - 1, RolloutHealth::Progressing), (30 * MINUTE, RolloutHealth::Missing)]
    {
        let mut scene = TrackerScene::new(3);
        scene.record.last_update = at(-age);
        scene.observe(0);
        scene.resync(&good([1, 2]));
        assert_eq!(scene.health(), health);
        // Time alone proves nothing.
        scene.observe(5 * HOUR);
        assert_eq!(scene.health(), health);
    }
}

#[test]
fn an_account_that_vanished_from_the_rows_is_not_missing_while_the_list_is_in_doubt() {
    let mut scene = TrackerScene::new(3);
    scene.observe(0);
    scene.resync(&good([1, 2, 3]));
    scene.freshness = ListFreshness::Frozen(ListDoubt::Unreadable("throttled".to_owned()));
    scene.observe(HOUR);
    scene.resync(&[good([1, 2]), vec![row(9, "CREATE_SUCCESSFUL", 0)]].concat());
    assert_snapshot!(scene.text(), @"
    progressing, 2 ok
    3 in_progress
    9 not_yet_listed
    (the account list could not be read: throttled)
    ");
    scene.freshness = ListFreshness::Current;
    scene.observe(HOUR + MINUTE);
    assert_snapshot!(scene.text(), @"
    missing, 2 ok
    3 missing
    9 left
    ");
}

#[test]
fn a_management_account_without_a_row_is_said_and_spoils_nothing() {
    let mut scene = TrackerScene::new(3);
    scene.observe(0);
    scene.resync(&good([2, 3]));
    assert_eq!(scene.health(), RolloutHealth::Healthy);
    assert!(scene.rollout().management_missing);
}

#[test]
fn a_new_account_waits_until_somebody_looked_after_its_deadline() {
    for (status, health) in [
        (None, RolloutHealth::Missing),
        (Some("CREATE_FAILED"), RolloutHealth::Degraded),
        (Some("CREATE_IN_PROGRESS"), RolloutHealth::Progressing),
    ] {
        let mut scene = TrackerScene::new(2);
        scene.account(3, Some(AccountState::Active), 0);
        let mut rows = good([1, 2]);
        rows.extend(status.map(|status| row(3, status, MINUTE)));
        let deadline = 7 * HOUR;
        scene.observe(deadline - 1);
        scene.resync(&rows);
        assert_eq!(scene.rollout().new_accounts[&id(3)], MemberStatus::Waiting);
        scene.observe(deadline + HOUR);
        assert_eq!(scene.health(), RolloutHealth::Progressing, "{status:?}, nobody looked since");
        scene.observe(deadline);
        scene.resync(&rows);
        assert_eq!(scene.health(), health, "{status:?}");
    }
}

#[test]
fn a_new_account_that_fails_for_another_reason_has_failed() {
    let mut scene = TrackerScene::new(2);
    scene.account(3, Some(AccountState::Active), -HOUR);
    scene.observe(0);
    let denied = StatusRow {
        error_code: Some("AccessDeniedException".to_owned()),
        ..row(3, "CREATE_FAILED", -MINUTE)
    };
    scene.resync(&[good([1, 2]), vec![denied]].concat());
    let status = MemberStatus::Failed(FailureClass::AccessDenied);
    assert_eq!(scene.rollout().new_accounts[&id(3)], status);
}

#[test]
fn somebody_has_left_when_a_later_list_says_so_and_never_by_a_frozen_one() {
    for (written, counts) in [(-30 * MINUTE, (0, 1)), (-30 * MINUTE + 1, (1, 0))] {
        let mut scene = TrackerScene::new(1);
        scene.observe(0);
        let unknown = row(9, "CREATE_SUCCESSFUL", written);
        scene.resync(&[good([1]), vec![unknown.clone()]].concat());
        let shown = |scene: &TrackerScene| {
            let counts = scene.rollout().counts;
            (counts.not_yet_listed, counts.left)
        };
        assert_eq!(shown(&scene), counts);
        assert_eq!(scene.health(), RolloutHealth::Healthy, "a unknown spoils nothing");
        scene.freshness = ListFreshness::Frozen(ListDoubt::Shrank { before: 10, after: 1 });
        scene.observe(1);
        assert_eq!(shown(&scene), (1, 0));
    }
}

#[test]
fn without_a_list_failures_are_failures_and_success_proves_nothing() {
    let mut scene = TrackerScene::new(0);
    scene.list = None;
    scene.freshness = ListFreshness::Unknown(ListDoubt::NotRead);
    scene.observe(0);
    scene.resync(&good([1, 2]));
    assert_snapshot!(scene.text(), @"
    unknown, 2 ok
    (the account list was not read yet)
    ");
    scene.resync(&[good([1]), vec![row(2, "CREATE_FAILED", 0)]].concat());
    assert_snapshot!(scene.text(), @"
    degraded, 1 ok
    2 failed no_recorder: NoAvailableConfigurationRecorder no recorder
    (the account list was not read yet)
    ");
}

#[test]
fn what_was_seen_stays_while_the_region_cannot_be_seen() {
    let mut scene = TrackerScene::new(2);
    scene.observe(0);
    scene.resync(&good([1, 2]));
    let kind = crate::domain::base::failure::FailureKind::Unreachable;
    scene.tracked.lost(&Unknown { kind, why: "no connection".to_owned() });
    assert_snapshot!(scene.text(), @"
    healthy, 2 ok
    (the region could not be read: no connection)
    ");
    assert_eq!(scene.next(), "nothing");
}

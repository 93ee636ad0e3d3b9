//! What is read, when, and what comes first.

use insta::assert_snapshot;

use super::*;
use crate::domain::base::failure::FailureKind;

#[test]
fn many_new_accounts_are_read_together() {
    let mut scene = TrackerScene::new(1_000);
    scene.observe(0);
    scene.resync(&good(1..=1_000));
    for number in 2_001..=2_009 {
        scene.account(number, Some(AccountState::Active), HOUR);
    }
    scene.observe(HOUR);
    assert_eq!(scene.next(), "account 2001 in 0 s (NewAccount)");
    for number in 2_010..=2_500 {
        scene.account(number, Some(AccountState::Active), HOUR);
    }
    scene.observe(HOUR);
    assert_eq!(scene.next(), "resync in 0 s (NewAccount)");
}

#[test]
fn readings_that_fail_come_again_ever_more_rarely_and_the_health_stays() {
    let mut scene = TrackerScene::new(1_000);
    scene.observe(0);
    scene.resync(&good(1..=1_000));
    scene.observe(7 * HOUR);
    for wait in [60, 120, 240, 480, 900, 900] {
        let reading = MemberRequest::Resync("base".parse().unwrap());
        scene.tracked.fail(&reading, FailureKind::Throttled, "throttled".to_owned(), at(scene.now));
        assert_eq!(scene.next(), format!("resync in {wait} s (Routine)"));
    }
    assert_snapshot!(scene.text(), @"
    healthy, 1000 ok
    (members could not be read at 2026-11-02T07:00:00Z: throttled)
    ");
}

#[test]
fn everybody_is_read_in_the_end_however_much_trouble_there_is() {
    let mut scene = TrackerScene::new(1_000);
    scene.status = Some("CREATE_FAILED");
    scene.observe(0);
    let mut rows = good(2..=1_000);
    rows.push(row(1, "CREATE_FAILED", 0));
    scene.resync(&rows);
    scene.observe(13 * HOUR);
    let pace = Pace::new(Duration::from_mins(15));
    let due = scene.tracked.requests(&RESYNCS, &pace).into_iter();
    let first = due.filter(|request| request.due <= at(scene.now)).min().unwrap();
    assert_eq!(
        (first.rank, first.reading),
        (Rank::Changed, MemberRequest::Resync("base".parse().unwrap()))
    );
}

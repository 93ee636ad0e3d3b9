//! Accounts that join, wait for a recorder, fail, close or leave.

use super::*;
use crate::domain::observed::failure_class::FailureClass;
use crate::sim::api::epoch::Epoch;
use crate::sim::causes;

#[test]
fn a_joining_account_without_recorder_waits_until_exactly_seven_hours() {
    let mut bench = Bench::of(2, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let id = account(7);
    bench.join(&id, RecorderSetup::Missing);
    bench.pass(WINDOW.saturating_sub(SECOND));
    assert_eq!(bench.row("base", &id), "CREATE_IN_PROGRESS");
    assert_eq!(bench.status("base"), "UPDATE_IN_PROGRESS");
    bench.pass(SECOND);
    assert_eq!(bench.row("base", &id), "CREATE_FAILED");
    assert_eq!(bench.status("base"), "UPDATE_FAILED");
}

#[test]
fn a_recorder_one_second_before_the_deadline_deploys_and_one_at_it_does_not() {
    for (early, status) in [(SECOND, "CREATE_SUCCESSFUL"), (Duration::ZERO, "CREATE_FAILED")] {
        let mut bench = Bench::of(2, prompt());
        bench.put("base").unwrap();
        bench.pass(HOUR);
        let id = account(7);
        bench.join(&id, RecorderSetup::Missing);
        bench.pass(WINDOW.saturating_sub(early));
        bench.set_recorder(&id, RecorderSetup::Stopped);
        bench.pass(HOUR);
        assert_eq!(bench.row("base", &id), status);
    }
}

#[test]
fn one_put_redeploys_every_late_account_whose_recorder_has_come() {
    let mut bench = Bench::of(2, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let late = [account(7), account(8), account(9)];
    for id in &late {
        bench.join(id, RecorderSetup::Missing);
    }
    bench.pass(8 * HOUR);
    bench.set_recorder(&late[0], RecorderSetup::Recording);
    bench.set_recorder(&late[1], RecorderSetup::Stopped);
    bench.pass(5 * HOUR);
    let before: Vec<String> = late.iter().map(|id| bench.row("base", id)).collect();
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let then: Vec<String> = late.iter().map(|id| bench.row("base", id)).collect();
    assert_eq!(before, ["CREATE_FAILED"; 3]);
    assert_eq!(then, ["CREATE_SUCCESSFUL", "CREATE_SUCCESSFUL", "CREATE_FAILED"]);
}

#[test]
fn an_old_account_without_recorder_fails_at_once_and_joining_again_restarts_the_window() {
    let mut setup = setup(3, prompt());
    setup.accounts[2].recorder = RecorderSetup::Missing;
    let mut bench = Bench::new(setup);
    let id = account(2);
    bench.put("base").unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_FAILED");
    assert!(bench.world.leave(bench.now, &id));
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "none");
    bench.join(&id, RecorderSetup::Missing);
    bench.pass(6 * HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_IN_PROGRESS");
    bench.set_recorder(&id, RecorderSetup::Recording);
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_SUCCESSFUL");
}

#[test]
fn an_account_joins_with_part_of_its_window_gone() {
    for (ago, recorder, status) in [
        (6 * HOUR + 59 * MINUTE, RecorderSetup::Missing, "CREATE_IN_PROGRESS"),
        (6 * HOUR + 59 * MINUTE, RecorderSetup::Recording, "CREATE_SUCCESSFUL"),
        (8 * HOUR, RecorderSetup::Missing, "CREATE_FAILED"),
        (8 * HOUR, RecorderSetup::Recording, "CREATE_SUCCESSFUL"),
    ] {
        let mut bench = Bench::of(2, Knobs::instant());
        bench.put("base").unwrap();
        bench.pass(HOUR);
        let id = account(7);
        let joined = bench.now - ago;
        let member = MemberSetup { recorder, ..MemberSetup::new(id, joined) };
        bench.world.join(bench.now, member);
        let shown = organizations::AccountRef { account_id: Some(id.to_string()) };
        let Ok(Answer::DescribeAccount(shown)) = bench.ask(Request::DescribeAccount(shown)) else {
            panic!("it is a member");
        };
        assert_eq!(shown.account.joined_timestamp, Some(Epoch::of(joined)));
        bench.pass(SECOND);
        let first = bench.row("base", &id);
        bench.pass(59 * SECOND);
        assert_eq!(first, if ago < WINDOW { "none" } else { status }, "{ago:?} {recorder:?}");
        bench.pass(HOUR);
        let last = if recorder == RecorderSetup::Missing { "CREATE_FAILED" } else { status };
        assert_eq!(bench.row("base", &id), last, "{ago:?} {recorder:?}");
    }
}

#[test]
fn an_account_that_joins_again_brings_its_new_recorders() {
    let mut bench = Bench::of(2, Knobs::instant());
    bench.put("base").unwrap();
    let id = account(1);
    assert!(bench.world.leave(bench.now, &id));
    bench.pass(HOUR);
    bench.join(&id, RecorderSetup::Missing);
    bench.pass(8 * HOUR);
    assert_eq!(bench.row("base", &id), "CREATE_FAILED");
}

#[test]
fn a_failure_of_a_class_says_what_is_likely_unless_told_what() {
    for class in FailureClass::ALL {
        let mut bench = Bench::of(2, Knobs::instant());
        let failure =
            Failure { account: Some(account(1)), class: Some(class), ..Failure::default() };
        bench.world.fail(bench.now, failure);
        bench.put("base").unwrap();
        let row = bench.world.row(&bench.place, &"base".parse().unwrap(), &account(1)).unwrap();
        let said = row.cause.unwrap();
        assert_eq!(said, causes::typical(class, &account(1), &bench.place.region));
        assert!(!said.code.is_empty() && !said.message.is_empty(), "{class}");
    }
    let class = Some(FailureClass::Throttled);
    let own = Failure { class, message: "slow down".into(), ..Failure::default() };
    let said = own.cause(&account(1), &Bench::of(1, prompt()).place.region);
    assert_eq!((said.code.as_str(), said.message.as_str()), ("ThrottlingException", "slow down"));
}

#[test]
fn a_suspended_member_blocks_the_removal_of_a_pack_it_has() {
    let mut bench = Bench::of(3, prompt());
    bench.put("base").unwrap();
    bench.pass(HOUR);
    let id = account(1);
    bench.world.set_state(bench.now, &id, AccountState::Suspended);
    bench.delete("base").unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.row("base", &id), "DELETE_FAILED");
    assert_eq!((bench.list().len(), bench.status("base").as_str()), (1, "DELETE_FAILED"));
    bench.world.set_state(bench.now, &id, AccountState::Active);
    bench.delete("base").unwrap();
    bench.pass(HOUR);
    assert_eq!(bench.status("base"), "DELETE_SUCCESSFUL");
}

#[test]
fn inactive_members_fail_or_are_passed_over() {
    for (deviant, row, status) in [
        (Deviant::Fails, "CREATE_FAILED", "CREATE_FAILED"),
        (Deviant::Skipped, "none", "CREATE_SUCCESSFUL"),
    ] {
        let mut setup = setup(3, Knobs { inactive_members: deviant, ..prompt() });
        setup.accounts[1].state = AccountState::Suspended;
        let mut bench = Bench::new(setup);
        bench.put("base").unwrap();
        bench.pass(HOUR);
        assert_eq!(
            (bench.row("base", &account(1)).as_str(), bench.status("base").as_str()),
            (row, status)
        );
    }
}

#[test]
fn failures_hit_the_planned_number_of_attempts() {
    let mut bench = Bench::of(3, Knobs::instant());
    let failure = Failure {
        account: Some(account(1)),
        code: "AccessDenied".into(),
        message: "explicit deny".into(),
        times: Some(2),
        ..Failure::default()
    };
    bench.world.fail(bench.now, failure);
    let statuses: Vec<String> = (0..3)
        .map(|_| {
            bench.pass(MINUTE).put("base").unwrap();
            bench.status("base")
        })
        .collect();
    assert_eq!(statuses, ["CREATE_FAILED", "UPDATE_FAILED", "UPDATE_SUCCESSFUL"]);
}

#[test]
fn a_failed_removal_is_seen_until_the_plan_is_cleared() {
    let mut bench = Bench::of(3, Knobs::instant());
    let failure = Failure { on: FailsOn::Removal, code: "X".into(), ..Failure::default() };
    let id = bench.world.fail(bench.now, failure);
    bench.put("base").unwrap();
    bench.delete("base").unwrap();
    assert_eq!(bench.status("base"), "DELETE_FAILED");
    assert!(bench.world.clear_failure(bench.now, id));
    bench.delete("base").unwrap();
    assert_eq!(bench.status("base"), "DELETE_SUCCESSFUL");
}

#[test]
fn organizations_pages_hold_twenty_accounts_and_rates_bite() {
    let mut knobs = Knobs::instant();
    knobs.rates.organizations = true;
    let mut bench = Bench::of(45, knobs);
    let page = |bench: &mut Bench, next_token| {
        let asked = organizations::Paged { max_results: None, next_token };
        match bench.ask(Request::ListAccounts(asked)) {
            Ok(Answer::ListAccounts(list)) => Ok((list.accounts.len(), list.next_token)),
            Ok(other) => panic!("{other:?}"),
            Err(code) => Err(code),
        }
    };
    let (first, token) = page(&mut bench, None).unwrap();
    let (second, token) = page(&mut bench, token).unwrap();
    let (third, end) = page(&mut bench, token).unwrap();
    assert_eq!((first, second, third, end), (20, 20, 5, None));
    let refused = (0..12).filter(|_| page(&mut bench, None).is_err()).count();
    assert_eq!(refused, 3, "12 fit the bucket, 3 were taken");
    bench.pass(SECOND);
    let admitted = (0..12).filter(|_| page(&mut bench, None).is_ok()).count();
    assert_eq!(admitted, 8);
}

#[test]
fn ten_thousand_accounts_cost_nothing_until_asked_for() {
    let mut knobs = Knobs::default();
    knobs.fan_out.parallelism = 100;
    let mut bench = Bench::of(10_000, knobs);
    for pack in 0..50 {
        bench.put(&format!("pack{pack}")).unwrap();
    }
    bench.pass(24 * HOUR);
    assert_eq!(bench.status("pack7"), "CREATE_SUCCESSFUL");
    let failed = DetailFilters { status: Some("CREATE_FAILED".into()), account_id: None };
    assert!(bench.rows("pack7", &failed).is_empty());
    let calls = bench.world.log().calls();
    assert_eq!(bench.rows("pack7", &DetailFilters::default()).len(), 10_000);
    assert_eq!(bench.world.log().calls() - calls, 100);
}

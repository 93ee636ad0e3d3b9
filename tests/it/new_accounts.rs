//! Stories of new accounts: many at once, clocks that are wrong, and an aggregate that lies.

use std::time::Duration;

use conformd::domain::base::model::AccountState;
use conformd::domain::members::new_account::NewAccountPhase;
use conformd::domain::members::rollout::RolloutHealth;
use conformd::sim::api::Operation;
use conformd::sim::event::{SetRecorder, SetState, WorldEvent};
use conformd::sim::knobs::Knobs;
use conformd::sim::setup::RecorderSetup;
use jiff::SignedDuration;

use crate::support::lab::crew::Knowledge;
use crate::support::lab::manifests::{Manifest, file, packs};
use crate::support::lab::{Lab, Setting, hours, joins, member, minutes};

const REGION: &str = "eu-west-1";

/// One region with two packs, everything at once but AWS's retries of new accounts.
fn setting(knowledge: Knowledge) -> Setting {
    let knobs = Knobs { joining: Knobs::default().joining, ..Knobs::instant() };
    Setting { knobs, regions: vec![REGION], knowledge, ..Setting::default() }
}

fn phases(lab: &Lab, phase: NewAccountPhase) -> usize {
    let new_accounts = lab.report(REGION).tracking.new_accounts;
    new_accounts.iter().filter(|new_account| new_account.phase == phase).count()
}

/// Puts of ours so far.
fn puts(lab: &Lab) -> usize {
    lab.effects().values().map(|effects| effects.puts as usize).sum()
}

#[tokio::test(start_paused = true)]
async fn five_hundred_late_accounts_are_redeployed_together_by_one_put_a_pack() {
    let mut lab = Lab::with(setting(Knowledge::Recorders), &file(&packs(&["cis", "iam"])));
    lab.run_for(hours(1)).await;
    assert_eq!(puts(&lab), 2);
    let new_accounts = || (0..500).map(member);
    new_accounts().for_each(|account| lab.event(&joins(account, RecorderSetup::Missing)));
    lab.run_for(hours(6)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Waiting), 500);
    lab.run_for(hours(5)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Missed), 500);
    assert_eq!(puts(&lab), 2, "nothing is put for accounts without recorder");
    let recorder = RecorderSetup::Recording;
    for account in new_accounts() {
        lab.event(&WorldEvent::Recorder(SetRecorder { account, region: None, recorder }));
    }
    lab.run_for(hours(12)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Complete), 500);
    for (key, effects) in lab.effects() {
        assert_eq!(effects.puts, 2, "{key:?}: the first and one redeployment");
    }
    let world = lab.world();
    let entered =
        world.log().entries().filter(|entry| entry.operation == Operation::AssumeRole).count();
    let most_hours = 23;
    assert!(entered <= most_hours * 3_600 * 2, "{entered} sessions in {most_hours} hours at 2/s");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_declares_no_miss() {
    let mut lab = Lab::with(setting(Knowledge::Rows), &file(&packs(&["cis"])));
    lab.run_for(hours(1)).await;
    lab.event(&joins(member(1), RecorderSetup::Missing));
    lab.run_for(hours(1)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Waiting), 1);
    lab.stray(SignedDuration::from_hours(9));
    lab.run_for(hours(5)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Waiting), 1, "by AWS's clock an hour is left");
    lab.stray(SignedDuration::from_hours(-30));
    lab.run_for(hours(2)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Missed), 1, "by AWS's clock the window is over");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_account_has_no_clock_and_joins_the_count_again_when_it_is_active() {
    let mut lab = Lab::with(setting(Knowledge::Rows), &file(&packs(&["cis"])));
    lab.run_for(hours(1)).await;
    let account = member(1);
    lab.event(&joins(account, RecorderSetup::Missing));
    lab.event(&WorldEvent::State(SetState { account, state: AccountState::Suspended }));
    lab.run_for(hours(9)).await;
    assert_eq!(lab.report(REGION).tracking.new_accounts, []);
    let rollout = lab.report(REGION).tracking.packs.values().next().unwrap().clone();
    assert_eq!((rollout.health, rollout.counts.failed), (RolloutHealth::Healthy, 0));
    lab.event(&WorldEvent::State(SetState { account, state: AccountState::Active }));
    lab.run_for(hours(7)).await;
    assert_eq!(phases(&lab, NewAccountPhase::Missed), 1, "it joined 16 hours ago");
}

#[tokio::test(start_paused = true)]
async fn under_a_delegated_administrator_the_rows_decide_and_not_the_aggregate() {
    let administrator = "222222222222";
    let setting = Setting {
        knobs: Knobs { lag: Knobs::instant().lag, ..Knobs::default() },
        owner: administrator,
        ..setting(Knowledge::Rows)
    };
    let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
    lab.run_for(hours(8)).await;
    let health = |lab: &Lab| {
        let report = lab.report(REGION);
        let (pack, rollout) = report.tracking.packs.first_key_value().unwrap();
        let status = report.packs[pack].status.as_ref().map(ToString::to_string);
        (status.unwrap_or_default(), rollout.health, rollout.aggregate_stuck)
    };
    let stuck = "CREATE_IN_PROGRESS".to_owned();
    // The role that AWS creates in every member has to be made by hand in the management account.
    assert_eq!(health(&lab), (stuck.clone(), RolloutHealth::Degraded, true));
    lab.write(&file(&[excluding_management()]));
    lab.run_for(hours(8)).await;
    let (status, health, is_stuck) = health(&lab);
    assert!(status.ends_with("_IN_PROGRESS"), "{status}");
    assert_eq!((health, is_stuck), (RolloutHealth::Healthy, true));
    let before = puts(&lab);
    lab.run_for(hours(48)).await;
    assert_eq!(puts(&lab), before, "a status that is stuck is nothing to write for");
}

fn excluding_management() -> Manifest {
    let mut manifest = packs(&["cis"]).remove(0);
    manifest.more = "exclude: {accounts: [\"111111111111\"]}";
    manifest
}

#[tokio::test(start_paused = true)]
async fn the_first_look_at_an_old_organization_raises_nothing() {
    let setting = Setting { others: 40, ..setting(Knowledge::Recorders) };
    let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
    lab.run_for(Duration::from_hours(1) + minutes(30)).await;
    let tracking = lab.report(REGION).tracking;
    assert_eq!(tracking.new_accounts, []);
    let rollout = tracking.packs.values().next().unwrap();
    assert_eq!((rollout.health, rollout.expected), (RolloutHealth::Healthy, Some(43)));
}

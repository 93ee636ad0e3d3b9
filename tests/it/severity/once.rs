//! What contradicted the truth, or another surface, once.

use std::sync::Arc;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::{AccountState, Timestamp};
use conformd::domain::members::new_account::NewAccountPhase;
use conformd::domain::observed::failure_class::{FailureClass, Owner};
use conformd::domain::present::axes::HealthStatus;
use conformd::domain::present::problem_changes::{ProblemChange, ReportedProblems};
use conformd::domain::present::view::CurrentState;
use conformd::domain::present::view::problem::cause::ProblemCause;
use conformd::domain::present::view::problem::{ProblemSeverity, ProblemView};
use conformd::domain::present::view::status::status;
use conformd::sim::api::Operation;
use conformd::sim::event::{SetRecorder, SetState, WorldEvent};
use conformd::sim::failures::{FailsOn, Failure};
use conformd::sim::faults::{FaultEffect, FaultRule};
use conformd::sim::knobs::Knobs;
use conformd::sim::setup::RecorderSetup;
use jiff::SignedDuration;

use crate::support::lab::crew::Knowledge;
use crate::support::lab::manifests::{Manifest, file, packs};
use crate::support::lab::{Lab, Setting, hours, joins, member, minutes};
use crate::support::people::{HERE, facts};
use crate::support::sample::{Members, at, metrics, region, reports, scrape_all, unknown};

fn problem(facts: &CurrentState, cause: ProblemCause) -> Option<ProblemView> {
    status(facts).problems.into_iter().find(|problem| problem.cause == cause)
}

#[test]
fn a_deadline_in_nineteen_minutes_is_critical_everywhere() {
    let now: Timestamp = at("13:51:00");
    let facts = CurrentState { now, ..facts() };
    let found = problem(&facts, ProblemCause::DeadlineImminent).unwrap();
    assert_eq!((found.severity, found.owner), (ProblemSeverity::Critical, Owner::AccountOwner));
    assert_eq!((found.accounts, found.left_seconds), (1, Some(19 * 60)));
    let health = status(&facts).health;
    assert_eq!((health.state.exit_code(), health.action_required), (1, true));
}

#[test]
fn a_region_that_is_denied_requires_action_and_says_which() {
    let mut facts = facts();
    facts.reports = reports([unknown(HERE, FailureKind::Denied, "a policy forbids it")]);
    let found = problem(&facts, ProblemCause::Denied).unwrap();
    assert!(found.action_required && found.severity == ProblemSeverity::Critical);
    assert!(found.advice.contains("conformd iam-policy"), "{}", found.advice);
    assert_eq!(status(&facts).health.state.exit_code(), 1);
}

#[test]
fn an_organization_without_an_active_account_is_unknown() {
    let mut facts = facts();
    let mut membership = (*facts.membership).clone();
    let mut list = (**membership.list.as_ref().unwrap()).clone();
    list.accounts.values_mut().for_each(|account| account.state = None);
    membership.list = Some(Arc::new(list));
    facts.membership = Arc::new(membership);
    let found = problem(&facts, ProblemCause::NoActiveAccount).unwrap();
    assert_eq!(found.health, HealthStatus::Unknown);
    assert!(problem(&facts, ProblemCause::AccountStateUnknown).unwrap().action_required);
}

#[tokio::test(start_paused = true)]
async fn an_account_without_the_region_has_no_deadline() {
    let setting = Setting {
        knobs: Knobs { joining: Knobs::default().joining, ..Knobs::instant() },
        regions: vec![HERE],
        knowledge: Knowledge::Rows,
        ..Setting::default()
    };
    let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
    lab.run_for(hours(1)).await;
    let WorldEvent::Join(mut entry) = joins(member(1), RecorderSetup::Missing) else { return };
    entry.regions_off = [region(HERE)].into();
    lab.event(&WorldEvent::Join(entry));
    for hour in 0..9 {
        lab.run_for(hours(1)).await;
        let tracking = lab.report(HERE).tracking;
        assert_eq!(tracking.new_accounts, [], "after {hour} hours");
    }
    let tracking = lab.report(HERE).tracking;
    let class = tracking.packs.values().next().unwrap().classes.keys().next().copied();
    assert_eq!(class, Some(FailureClass::RegionDisabled));
    assert!(FailureClass::RegionDisabled.advice().contains("overrides"));
}

fn excluding() -> String {
    let manifest = Manifest { more: "exclude: {states: [SUSPENDED]}", ..Manifest::new("cis") };
    file([&manifest])
}

fn puts(lab: &Lab) -> usize {
    lab.effects().values().map(|effects| effects.puts as usize).sum()
}

#[tokio::test(start_paused = true)]
async fn a_state_that_changes_with_every_walk_changes_no_exclusion() {
    let setting = Setting {
        regions: vec![HERE],
        knowledge: Knowledge::Rows,
        others: 40,
        ..Setting::instant()
    };
    let mut lab = Lab::with(setting, &excluding());
    lab.run_for(hours(1)).await;
    assert_eq!(puts(&lab), 1);
    let account = member(1);
    for turn in 0..24 {
        let state = [AccountState::Suspended, AccountState::Active][turn % 2];
        lab.event(&WorldEvent::State(SetState { account, state }));
        lab.run_for(minutes(10)).await;
    }
    assert_eq!(puts(&lab), 1, "{}", lab.trace());
    let state = AccountState::Suspended;
    lab.event(&WorldEvent::State(SetState { account, state }));
    lab.run_for(hours(1)).await;
    assert_eq!(puts(&lab), 2, "a state that stays is followed: {}", lab.trace());
}

/// When a late account was redeployed to, on a machine whose clock is so far off.
async fn redeployed(error: i64) -> usize {
    let setting =
        Setting { regions: vec![HERE], knowledge: Knowledge::Recorders, ..Setting::instant() };
    let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
    lab.stray(SignedDuration::from_hours(error));
    lab.run_for(hours(1)).await;
    lab.event(&joins(member(1), RecorderSetup::Missing));
    lab.run_for(hours(8)).await;
    let recorder = RecorderSetup::Recording;
    lab.event(&WorldEvent::Recorder(SetRecorder { account: member(1), region: None, recorder }));
    lab.run_for(hours(3)).await;
    let settled = |one: &&_| {
        matches!(
            one,
            conformd::domain::members::new_account::NewAccount {
                phase: NewAccountPhase::Complete,
                ..
            }
        )
    };
    lab.report(HERE).tracking.new_accounts.iter().filter(settled).count()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_hours_off_delays_no_redeployment() {
    for error in [-3, 0, 3] {
        assert_eq!(redeployed(error).await, 1, "{error} h");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_state_of_an_account_freezes_exclusions_by_state() {
    let setting = Setting {
        regions: vec![HERE],
        knowledge: Knowledge::Rows,
        others: 40,
        ..Setting::instant()
    };
    let mut lab = Lab::with(setting, &excluding());
    let state = AccountState::Suspended;
    lab.event(&WorldEvent::State(SetState { account: member(1), state }));
    lab.run_for(hours(1)).await;
    let before = puts(&lab);
    lab.fault(FaultRule::always(FaultEffect::UnknownStatus).on(Operation::ListAccounts));
    lab.run_for(hours(3)).await;
    assert_eq!(puts(&lab), before, "{}", lab.trace());
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_is_shown_with_its_account_and_its_reason_until_it_is_done() {
    let setting = Setting {
        knobs: Knobs { deleted_linger: Knobs::default().deleted_linger, ..Knobs::instant() },
        regions: vec![HERE],
        knowledge: Knowledge::Rows,
        ..Setting::default()
    };
    let names = ["cis", "iam", "logs"];
    let mut lab = Lab::with(setting, &file(&packs(&names)));
    lab.run_for(hours(1)).await;
    lab.event(&WorldEvent::Failure(Failure {
        account: Some("222222222222".parse().unwrap()),
        pack: Some("cis".parse().unwrap()),
        on: FailsOn::Removal,
        class: Some(FailureClass::AccessDenied),
        ..Failure::default()
    }));
    lab.write(&file(&packs(&names[1..])));
    lab.run_for(hours(2)).await;
    let mut facts = facts();
    facts.reports = reports([lab.report(HERE)]);
    facts.about.regions = [region(HERE)].into();
    let found = problem(&facts, ProblemCause::RemovalFailed).unwrap();
    assert_eq!((found.class, found.accounts), (Some(FailureClass::AccessDenied), 1));
    assert_eq!(found.examples[0].account.as_str(), "222222222222");
    assert!(found.action_required && found.owner == Owner::PlatformTeam);
    assert_eq!(problem(&facts, ProblemCause::Missing), None, "whoever lost it is done");
    assert_eq!(status(&facts).health.state, HealthStatus::Degraded);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_not_recognized_is_unknown_and_never_healthy() {
    let setting = Setting { regions: vec![HERE], knowledge: Knowledge::Rows, ..Setting::instant() };
    let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
    let rows = Operation::GetOrganizationConformancePackDetailedStatus;
    lab.fault(FaultRule::always(FaultEffect::UnknownStatus).on(rows));
    lab.run_for(hours(15)).await;
    let mut facts = facts();
    facts.reports = reports([lab.report(HERE)]);
    facts.about.regions = [region(HERE)].into();
    let found = problem(&facts, ProblemCause::StatusUnknown).unwrap();
    assert!(found.action_required && found.accounts > 0, "{found:?}");
    let shown = &status(&facts).regions[&region(HERE)].deployments;
    assert!(shown.values().all(|one| one.health == HealthStatus::Unknown), "{shown:?}");
}

#[test]
fn a_problem_is_logged_once_when_it_begins_and_once_when_it_ends() {
    let (mut reported, mut facts) = (ReportedProblems::default(), facts());
    let causes = |changes: Vec<ProblemChange>| {
        let began = changes.into_iter().filter_map(|change| match change {
            ProblemChange::Began(problem) => Some(problem.cause),
            ProblemChange::Ended(_) => None,
        });
        began.collect::<Vec<_>>()
    };
    let began = causes(reported.update(&facts));
    assert!(began.contains(&ProblemCause::ManifestsInvalid), "{began:?}");
    facts.now = at("12:03:00");
    assert_eq!(reported.update(&facts), [], "it is said once");
    let catalog = Arc::make_mut(facts.source.catalog.as_mut().unwrap());
    catalog.diagnostics.clear();
    catalog.wholly_valid = true;
    facts.now = at("12:05:00");
    assert_eq!(reported.update(&facts), [ProblemChange::Ended(ProblemCause::ManifestsInvalid)]);
}

#[test]
fn the_metric_counts_accounts_by_severity_owner_and_cause() {
    let facts = facts();
    let text = scrape_all(&metrics(&[HERE]), &facts.reports, &Members::default());
    let series = |severity: &str, owner: &str, cause: &str| {
        let labels = format!("cause=\"{cause}\",owner=\"{owner}\",severity=\"{severity}\"");
        text.series.get(&format!("conformd_problems{{{labels}}}")).cloned()
    };
    assert_eq!(series("critical", "account_owner", "deadline_missed").as_deref(), Some("1"));
    assert_eq!(series("warning", "pack_author", "manifests_invalid").as_deref(), Some("1"));
    assert_eq!(series("critical", "platform_team", "denied").as_deref(), Some("1"));
    assert_eq!(series("warning", "platform_team", "conflict"), None);
}

//! What is not known, is not said: neither that AWS deploys, nor that all is well, nor that it is
//! the network.

use std::sync::Arc;

use conformd::domain::base::failure::FailureKind;
use conformd::domain::base::model::AccountState;
use conformd::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use conformd::domain::observed::failure_class::{FailureClass, Owner};
use conformd::domain::observed::member::{Cause, MemberStatus, TroubledMember};
use conformd::domain::organization::account_list::WalkFailure;
use conformd::domain::organization::membership::Membership;
use conformd::domain::plan::outcome::{Outcome, StepResult};
use conformd::domain::plan::step::{Action, Reason};
use conformd::domain::present::axes::HealthStatus;
use conformd::domain::present::report::RegionReport;
use conformd::domain::present::view::CurrentState;
use conformd::domain::present::view::account::account;
use conformd::domain::present::view::problem::cause::ProblemCause;
use conformd::domain::present::view::problem::{ProblemSeverity, ProblemView};
use conformd::domain::present::view::status::status;
use conformd::sim::api::Operation;
use conformd::sim::faults::{FaultEffect, FaultRule};
use conformd::text::{self, Layout};

use crate::support::lab::crew::Knowledge;
use crate::support::lab::manifests::{Manifest, file, packs};
use crate::support::lab::{Lab, Setting, hours, minutes};
use crate::support::people::{HERE, facts, failed, id, membership, rollout, tracked};
use crate::support::sample::{
    Members, at, content, metrics, pack, quiet, region, regions, reports, scrape_all, step, unknown,
};

fn problem(facts: &CurrentState, cause: ProblemCause) -> Option<ProblemView> {
    status(facts).problems.into_iter().find(|problem| problem.cause == cause)
}

/// The sample with this report of its only region.
fn with(report: RegionReport) -> CurrentState {
    let mut facts = CurrentState { reports: reports([report]), ..facts() };
    facts.about.regions = regions(&[HERE]);
    facts
}

/// The sample after its region was lost.
fn dark() -> CurrentState {
    let gone = unknown(HERE, FailureKind::Unreachable, "no route");
    with(RegionReport { tracking: tracked().tracking, ..gone })
}

fn explained(facts: &CurrentState, digit: char) -> String {
    text::account(&account(facts, id(digit), None).unwrap(), Layout::default())
}

/// The whole text with the names and counts of every pack.
fn wide(facts: &CurrentState) -> String {
    text::status(&status(facts), Layout { wide: true, ..Layout::default() })
}

#[test]
fn a_region_that_is_not_read_is_neither_ok_nor_healthy_on_any_surface() {
    let facts = dark();
    let told = explained(&facts, '4');
    assert!(told.contains("not known (last known: ok, read 6m ago)"), "{told}");
    assert!(told.contains("0 of 1 targeted pack deployment in place; 1 not known"), "{told}");
    let view = status(&facts);
    assert_eq!(view.totals.rollouts[&RolloutHealth::Healthy], 0);
    assert_eq!(view.totals.rollouts[&RolloutHealth::Unknown], 3);
    let shown = scrape_all(&metrics(&[HERE]), &facts.reports, &Members::default());
    let series = |health: &str| {
        let name = format!("conformd_pack_rollouts{{health=\"{health}\",region=\"eu-west-1\"}}");
        shown.series.get(&name).cloned()
    };
    assert_eq!(series("healthy").as_deref(), Some("0"));
    assert_eq!(series("unknown").as_deref(), Some("3"));
    assert!(!wide(&facts).contains("changed never"));
}

#[tokio::test(start_paused = true)]
async fn rows_that_were_not_read_since_a_change_are_unknown() {
    for effect in [FaultEffect::AccessDenied, FaultEffect::Throttled] {
        let setting =
            Setting { regions: vec![HERE], knowledge: Knowledge::Rows, ..Setting::instant() };
        let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
        lab.run_for(hours(2)).await;
        let rows = Operation::GetOrganizationConformancePackDetailedStatus;
        lab.fault(FaultRule::always(effect.clone()).on(rows));
        let changed = Manifest { age: Some(30), ..Manifest::new("cis") };
        lab.write(&file([&changed]));
        lab.run_for(minutes(40)).await;
        let report = lab.report(HERE);
        let rollout = &report.tracking.packs[&pack("cis")];
        assert!(rollout.outdated, "{effect:?} {rollout:?}");
        assert_eq!(rollout.health, RolloutHealth::Unknown, "{effect:?}");
        assert_eq!(rollout.counts.in_progress, 0, "{effect:?}");
        let facts = with(report);
        let view = status(&facts);
        assert_eq!(view.totals.health[&HealthStatus::Progressing], 0);
        assert!(
            view.problems.iter().any(|it| {
                matches!(it.cause, ProblemCause::Denied | ProblemCause::MembersUnread)
            }),
            "{effect:?} {:?}",
            view.problems
        );
    }
}

#[test]
fn an_account_of_which_no_row_was_read_since_the_change_is_not_called_in_progress() {
    let mut report = tracked();
    let outdated = Rollout {
        outdated: true,
        unread: Some(FailureKind::Denied),
        ..rollout(RolloutHealth::Unknown, 0, Vec::new())
    };
    report.tracking.packs.insert(pack("iam-baseline"), outdated);
    let told = explained(&with(report), '2');
    let expected = "not known: its row could not be read since the last change (denied)";
    assert!(told.contains(expected), "{told}");
    assert!(!told.contains("AWS is deploying to it"), "{told}");
}

/// The sample with this rollout of its pack and no plan.
fn having(iam: Rollout) -> RegionReport {
    let mut report = tracked();
    report.plan = quiet(HERE).plan;
    report.tracking.packs.insert(pack("iam-baseline"), iam);
    report
}

fn removal(digit: char) -> Rollout {
    let kept = Arc::from([failed(
        digit,
        FailureClass::ServiceLinkedRole,
        "AccessDeniedException",
        "AWSServiceRoleForConfigConforms is missing",
    )]);
    let mut iam = rollout(RolloutHealth::Degraded, 5, Vec::new());
    let members = CappedMembers { kept, all: 1 };
    iam.removals.insert(FailureClass::ServiceLinkedRole, members);
    iam
}

#[test]
fn a_removal_that_failed_is_explained_with_awss_words_and_who_must_act() {
    let told = explained(&with(having(removal('2'))), '2');
    let row = told.lines().find(|line| line.contains("iam-baseline")).unwrap();
    assert!(row.contains("! iam-baseline  removal failed (service_linked_role)"), "{row}");
    assert!(told.contains("AWS says: AccessDeniedException: AWSServiceRole"), "{told}");
    assert!(told.contains("action required by platform team"), "{told}");
}

#[test]
fn conformd_tries_a_removal_again_only_if_its_plan_says_so() {
    let mut report = having(removal('2'));
    let advice = |report: &RegionReport| {
        problem(&with(report.clone()), ProblemCause::RemovalFailed).unwrap().advice
    };
    assert!(advice(&report).contains("only after another Put"), "{}", advice(&report));
    let put = step("iam-baseline", Action::Update(Box::new(content())), Reason::Changed);
    report.plan.steps.push(put);
    assert!(advice(&report).contains("conformd tries again"), "{}", advice(&report));
}

#[test]
fn nobody_is_told_to_change_a_suspended_account_and_it_is_counted_once() {
    let facts = with(having(removal('7')));
    let found = problem(&facts, ProblemCause::RemovalFailed).unwrap();
    assert!(found.advice.contains("reinstate"), "{}", found.advice);
    assert!(!found.advice.contains("Create the service-linked role"), "{}", found.advice);
    let summary = status(&facts).health.summary;
    assert!(!summary.contains("of 6 accounts"), "it is none of the six: {summary}");
}

#[test]
fn a_status_that_is_not_recognized_is_named_and_needs_a_person() {
    let odd = TroubledMember {
        account: id('2'),
        status: MemberStatus::InProgress,
        cause: Some(Arc::new(Cause { code: "ROLLBACK_PENDING".into(), message: String::new() })),
        last_update: None,
    };
    let mut iam = rollout(RolloutHealth::Unknown, 5, vec![odd.clone()]);
    iam.unrecognized = CappedMembers { kept: Arc::from([odd]), all: 1 };
    let told = explained(&with(having(iam)), '2');
    let row = told.lines().find(|line| line.contains("iam-baseline")).unwrap();
    assert!(row.contains("! iam-baseline"), "{row}");
    assert!(row.contains("status not recognized (ROLLBACK_PENDING)"), "{row}");
    assert!(!told.contains("AWS is deploying to it"), "{told}");
}

#[test]
fn an_account_without_a_recorder_is_not_called_deploying_within_its_window() {
    let mut iam = rollout(RolloutHealth::Progressing, 5, Vec::new());
    iam.new_accounts = [(id('5'), MemberStatus::InProgress)].into();
    let told = explained(&with(having(iam)), '5');
    assert!(told.contains("no recorder was seen"), "{told}");
    assert!(!told.contains("AWS is deploying to it"), "{told}");
}

#[test]
fn throttling_everywhere_and_broken_answers_are_no_matter_of_the_network() {
    for (kind, cause) in [
        (FailureKind::Throttled, ProblemCause::RequestsThrottled),
        (FailureKind::BrokenAnswer, ProblemCause::BrokenAnswer),
    ] {
        let facts = with(unknown(HERE, kind, "no"));
        let facts = CurrentState { now: at("14:00:00"), ..facts };
        let found = problem(&facts, cause).unwrap();
        assert_eq!((found.severity, found.owner), (ProblemSeverity::Critical, Owner::PlatformTeam));
        assert!(!found.advice.contains("DNS"), "{}", found.advice);
        assert_eq!(problem(&facts, ProblemCause::Unreachable), None);
    }
}

#[test]
fn an_account_list_that_no_credentials_read_is_a_matter_of_the_credentials() {
    let failing = |kind| {
        let problem = Some(WalkFailure { kind, why: "no".to_owned() });
        let membership = Arc::new(Membership { problem, ..membership() });
        CurrentState { membership, ..with(tracked()) }
    };
    let facts = failing(FailureKind::Credentials);
    assert_eq!(problem(&facts, ProblemCause::AccountListUnread), None);
    let found = problem(&facts, ProblemCause::Credentials).unwrap();
    assert!(found.advice.contains("credentials"), "{}", found.advice);
    let found = problem(&failing(FailureKind::Denied), ProblemCause::AccountListUnread).unwrap();
    assert!(found.advice.contains("organizations:ListAccounts"), "{}", found.advice);
}

#[test]
fn a_pack_that_fails_widely_counts_the_accounts() {
    let members: Vec<TroubledMember> =
        ('1'..='6').map(|digit| failed(digit, FailureClass::Template, "", "")).collect();
    let mut iam = rollout(RolloutHealth::Degraded, 5, members);
    iam.counts.failed = 108;
    iam.classes = [(FailureClass::Template, 108)].into();
    let found = problem(&with(having(iam)), ProblemCause::FailingWidely).unwrap();
    assert_eq!((found.accounts, found.members, found.truncated), (6, 108, true));
}

#[test]
fn an_organization_without_a_known_active_account_is_critical() {
    let mut membership = membership();
    let mut list = (**membership.list.as_ref().unwrap()).clone();
    list.accounts.values_mut().for_each(|account| account.state = Some(AccountState::Suspended));
    membership.list = Some(Arc::new(list));
    let facts = CurrentState { membership: Arc::new(membership), ..with(tracked()) };
    let found = problem(&facts, ProblemCause::NoActiveAccount).unwrap();
    assert_eq!(found.severity, ProblemSeverity::Critical);
}

#[test]
fn a_pack_that_aws_removes_is_called_that() {
    let mut report = tracked();
    report.tracking.packs =
        [(pack("legacy"), rollout(RolloutHealth::Healthy, 3, Vec::new()))].into();
    report.packs.retain(|name, _| name.as_str() == "legacy");
    report.packs.values_mut().for_each(|pack| pack.holds.clear());
    report.tracking.new_accounts.clear();
    let delete = step("legacy", Action::Delete, Reason::Unwanted);
    report.plan = quiet(HERE).plan;
    report.plan.steps.push(delete.clone());
    let result = StepResult::Accepted { arn: None };
    report.outcomes = vec![Outcome { step: delete, result }];
    report.pending = None;
    let facts = with(report);
    let told = wide(&facts);
    assert!(told.contains("removing") && !told.contains("Progressing 3/3"), "{told}");
}

#[test]
fn denied_requests_name_every_action_and_no_command_that_cannot_know() {
    let mut report = tracked();
    let denied = |name: &str, action: &str| Outcome {
        step: step(name, Action::Delete, Reason::Unwanted),
        result: StepResult::Failed {
            kind: FailureKind::Denied,
            why: format!("User: arn is not authorized to perform: {action} with an explicit deny"),
        },
    };
    report.outcomes = vec![
        denied("iam-baseline", "config:PutOrganizationConformancePack"),
        denied("legacy", "config:DeleteOrganizationConformancePack"),
    ];
    let mut unnamed = denied("logging", "");
    if let StepResult::Failed { why, .. } = &mut unnamed.result {
        "AdoptPack failed in 111111111111/eu-west-1 (denied): no permissions".clone_into(why);
    }
    report.outcomes.push(unnamed);
    let found = problem(&with(report), ProblemCause::Denied).unwrap();
    for word in ["config:Put", "config:Delete", "AdoptPack", "conformd iam-policy"] {
        assert!(found.advice.contains(word), "{}", found.advice);
    }
    assert!(!found.advice.contains("conformd check"), "{}", found.advice);
}

#[tokio::test(start_paused = true)]
async fn a_pack_is_not_healthy_where_no_account_is_known_to_be_active() {
    let setting = Setting { regions: vec![HERE], knowledge: Knowledge::Rows, ..Setting::instant() };
    let mut lab = Lab::with(setting, &file(&packs(&["cis"])));
    lab.fault(FaultRule::always(FaultEffect::UnknownStatus).on(Operation::ListAccounts));
    lab.run_for(hours(8)).await;
    let report = lab.report(HERE);
    assert_eq!(report.tracking.packs[&pack("cis")].health, RolloutHealth::Unknown);
    assert_eq!(report.place.region, region(HERE));
}

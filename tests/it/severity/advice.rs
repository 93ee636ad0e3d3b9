//! What to do, and who is to do it: it follows from what is known, and promises only what conformd
//! does with these settings.

use std::sync::Arc;

use conformd::domain::base::mode::Mode;
use conformd::domain::members::new_account::{NewAccount, NewAccountPhase};
use conformd::domain::members::rollout::RolloutHealth;
use conformd::domain::observed::failure_class::{FailureClass, Owner};
use conformd::domain::observed::member::MemberStatus;
use conformd::domain::observed::recorder::{RecorderState, Recorders};
use conformd::domain::plan::redeploy::{AfterDeadline, Redeploy};
use conformd::domain::present::report::RegionReport;
use conformd::domain::present::view::CurrentState;
use conformd::domain::present::view::account::account;
use conformd::domain::present::view::problem::cause::ProblemCause;
use conformd::domain::present::view::problem::{ProblemSeverity, ProblemView};
use conformd::domain::present::view::status::status;
use conformd::text::{self, Layout};

use crate::support::people::{HERE, facts, failed, id, rollout, tracked};
use crate::support::sample::{Members, at, metrics, pack, quiet, reports, scrape_all};

fn problem(facts: &CurrentState, cause: ProblemCause) -> Option<ProblemView> {
    status(facts).problems.into_iter().find(|problem| problem.cause == cause)
}

/// The sample after this change of its region.
fn after(change: impl FnOnce(&mut RegionReport)) -> CurrentState {
    let mut report = tracked();
    change(&mut report);
    CurrentState { reports: reports([report]), ..facts() }
}

/// One new account, 19 minutes before its deadline, of which this is known.
fn close(recorder: Option<RecorderState>, status: MemberStatus) -> CurrentState {
    let facts = after(|report| {
        let Some(new_account) = report.tracking.new_accounts.first_mut() else { return };
        let has_recorder = recorder.as_ref().is_some_and(RecorderState::exists);
        let phase =
            if has_recorder { NewAccountPhase::Deploying } else { NewAccountPhase::Waiting };
        *new_account = NewAccount { phase, recorder, ..new_account.clone() };
        let class = status.failure_class();
        let troubled = class.map(|class| vec![failed('5', class, "Code", "message")]);
        let mut iam = rollout(RolloutHealth::Degraded, 5, troubled.unwrap_or_default());
        iam.new_accounts = [(id('5'), status)].into();
        report.tracking.packs.insert(pack("iam-baseline"), iam);
    });
    CurrentState { now: at("13:51:00"), recorders: Arc::default(), ..facts }
}

fn explained(facts: &CurrentState, digit: char) -> String {
    text::account(&account(facts, id(digit), None).unwrap(), Layout::default())
}

#[test]
fn a_deadline_without_a_known_recorder_is_the_account_owners() {
    for recorder in [None, Some(RecorderState::Missing)] {
        let facts = close(recorder, MemberStatus::Waiting);
        let found = problem(&facts, ProblemCause::DeadlineImminent).unwrap();
        assert_eq!((found.owner, found.class), (Owner::AccountOwner, None));
        assert!(found.advice.contains("recorder"), "{}", found.advice);
    }
}

#[test]
fn a_deadline_of_an_account_with_a_recorder_is_left_to_aws() {
    let facts = close(Some(RecorderState::Recording), MemberStatus::Waiting);
    assert_eq!(problem(&facts, ProblemCause::DeadlineImminent), None);
    let found = problem(&facts, ProblemCause::RetriedByAws).unwrap();
    assert_eq!((found.owner, found.severity), (Owner::Aws, ProblemSeverity::Warning));
    assert!(!found.action_required && found.left_seconds == Some(19 * 60), "{found:?}");
    let explained = explained(&facts, '5');
    assert!(!explained.contains("create"), "{explained}");
    let shown = scrape_all(&metrics(&[HERE]), &facts.reports, &Members::default());
    let name = "conformd_new_account_deadline_timestamp_seconds{region=\"eu-west-1\"}";
    assert_eq!(shown.series.get(name), None, "no alert says that somebody has to act");
}

#[test]
fn a_deadline_with_a_failure_is_its_owners_whatever_the_recorder() {
    for (class, owner) in [
        (FailureClass::RuleQuota, Owner::AccountOwner),
        (FailureClass::AccessDenied, Owner::PlatformTeam),
        (FailureClass::Template, Owner::PackAuthor),
    ] {
        let facts = close(Some(RecorderState::Recording), MemberStatus::Failed(class));
        let found = problem(&facts, ProblemCause::DeadlineImminent).unwrap();
        assert_eq!((found.owner, found.class), (owner, Some(class)));
        assert_eq!((found.advice.as_str(), found.left_seconds), (class.advice(), Some(19 * 60)));
        assert_eq!(problem(&facts, ProblemCause::Member(class)), None, "it is said once");
        let explained = explained(&facts, '5');
        assert!(explained.contains(class.advice()) && explained.contains("19m left"));
        let shown = scrape_all(&metrics(&[HERE]), &facts.reports, &Members::default());
        let name = "conformd_new_account_deadline_timestamp_seconds{region=\"eu-west-1\"}";
        assert!(shown.series.contains_key(name));
    }
}

/// Two settings that keep conformd from redeploying to late accounts, and mode observe.
fn never_redeploying() -> [CurrentState; 3] {
    let never = Redeploy { after_deadline: AfterDeadline::Never, ..Redeploy::default() };
    let mut all = [facts(), facts(), facts()];
    let [no_probe, off, observing] = &mut all;
    no_probe.recorders = Arc::new(Recorders { probed: false, ..(*no_probe.recorders).clone() });
    off.about.redeploy = never;
    observing.about.mode = Mode::Observe;
    all
}

#[test]
fn nobody_is_promised_a_redeployment_that_the_settings_prevent() {
    for facts in never_redeploying() {
        let missed = problem(&facts, ProblemCause::DeadlineMissed).unwrap();
        let told = [missed.advice, explained(&facts, '6'), explained(&facts, '3')].join("\n");
        assert!(!told.contains("conformd redeploys"), "{told}");
        assert!(!told.contains("conformd puts"), "{told}");
        assert!(told.contains("never") || told.contains("does not redeploy"), "{told}");
    }
    let advice = problem(&facts(), ProblemCause::DeadlineMissed).unwrap().advice;
    assert!(advice.ends_with("conformd redeploys when it observes the recorder."), "{advice}");
}

#[test]
fn a_late_account_requires_action_where_conformd_does_not_redeploy() {
    for facts in never_redeploying() {
        let mut report = tracked();
        for new_account in &mut report.tracking.new_accounts {
            new_account.phase = NewAccountPhase::Late;
            new_account.recorder = Some(RecorderState::Recording);
        }
        let facts = CurrentState { reports: reports([report]), ..facts };
        assert_eq!(problem(&facts, ProblemCause::DeadlineLate), None);
        let found = problem(&facts, ProblemCause::RedeployOff).unwrap();
        assert!(found.action_required && found.owner == Owner::PlatformTeam, "{found:?}");
    }
}

#[test]
fn what_conformd_puts_again_by_itself_is_left_to_a_person_in_mode_observe() {
    let class = FailureClass::Throttled;
    let throttled = |mode| {
        let mut facts = after(|report| {
            let troubled = vec![failed('2', class, "ThrottlingException", "Rate exceeded")];
            let iam = rollout(RolloutHealth::Degraded, 5, troubled);
            report.tracking.packs.insert(pack("iam-baseline"), iam);
            report.plan = quiet(HERE).plan;
        });
        facts.about.mode = mode;
        let found = problem(&facts, ProblemCause::Member(class)).unwrap();
        (found.owner, found.advice, explained(&facts, '2'))
    };
    let (owner, advice, explained) = throttled(Mode::Sync);
    assert_eq!(owner, Owner::Aws);
    for text in [advice, explained] {
        assert!(text.contains("conformd puts the pack again by itself."), "{text}");
    }
    let (owner, advice, explained) = throttled(Mode::Observe);
    assert_eq!(owner, Owner::PlatformTeam);
    for text in [advice, explained] {
        assert!(text.contains("Mode observe never writes") && !text.contains("conformd puts"));
    }
}

//! What happens next to one account under one pack: by itself, by conformd, or by a person.
//!
//! It says what the plan and the advice of failure classes say, and decides nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CurrentState;
use super::deployment::helps;
use super::known_member::KnownMember;
use super::problem::cause::ProblemCause;
use super::problem::{
    OBSERVING, fixed_advice, member_advice, member_owner, removal_advice, removal_owner,
};
use crate::domain::base::model::{AccountId, PackName, Timestamp};
use crate::domain::members::new_account::{NewAccount, PackObstacle};
use crate::domain::observed::failure_class::Owner;
use crate::domain::observed::member::MemberStatus;
use crate::domain::organization::selector::Targeting;
use crate::domain::plan::hold::{Hold, Lift};
use crate::domain::plan::step::{ActionKind, PlanStep};
use crate::domain::present::report::RegionReport;

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextView {
    /// Who is to do it.
    pub who: Who,
    /// Which person, if it is one.
    pub owner: Option<Owner>,
    /// What, in words; empty when nothing is to be done.
    pub what: String,
    /// When, as far as that is known.
    pub due: Option<Timestamp>,
}

/// Who is to act.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Nobody.
    Nobody,
    /// AWS.
    Aws,
    /// conformd.
    Conformd,
    /// A person.
    Person,
}

/// One account under one pack.
pub(super) struct AdviceCase<'a> {
    pub(super) facts: &'a CurrentState,
    pub(super) account: AccountId,
    pub(super) pack: &'a PackName,
    pub(super) targeting: Option<&'a Targeting>,
    pub(super) known: &'a KnownMember<'a>,
    pub(super) report: Option<&'a RegionReport>,
}

fn nothing() -> NextView {
    NextView { who: Who::Nobody, owner: None, what: String::new(), due: None }
}

fn person(owner: Owner, what: String, due: Option<Timestamp>) -> NextView {
    NextView { who: Who::Person, owner: Some(owner), what, due }
}

fn aws(what: &str, due: Option<Timestamp>) -> NextView {
    NextView { who: Who::Aws, owner: None, what: what.to_owned(), due }
}

/// What happens next.
pub(super) fn next(case: &AdviceCase<'_>) -> NextView {
    let KnownMember { status, member: _, unread, removal, is_unrecognized } = case.known;
    if let Some(class) = removal {
        let places = case.report.map(|report| (report, case.pack));
        let accounts = [case.account];
        let advice = removal_advice(case.facts, *class, &accounts, places.into_iter());
        return person(removal_owner(*class), advice, None);
    }
    if *is_unrecognized {
        let cause = ProblemCause::StatusUnknown;
        return person(cause.owner(), fixed_advice(cause), None);
    }
    // Of what is not known as it is now, only a failure still says something: it stays until it was
    // read otherwise.
    let is_failure =
        |status: &MemberStatus| matches!(status, MemberStatus::Failed(_) | MemberStatus::Missing);
    let status = status.filter(|status| unread.is_none() || is_failure(status));
    let Some(status) = status else {
        let is_targeted = case.targeting == Some(&Targeting::Targeted);
        return case.planned(|_| is_targeted).unwrap_or_else(nothing);
    };
    match status {
        MemberStatus::Failed(_) | MemberStatus::Missing => {
            let is_for_it = |step: &PlanStep| helps(step, (case.account, status));
            case.planned(is_for_it).unwrap_or_else(|| advised(case, status))
        }
        MemberStatus::Waiting => waiting(case),
        MemberStatus::InProgress if case.lacks_recorder() => waiting(case),
        MemberStatus::InProgress => aws("AWS is deploying to it", None),
        MemberStatus::NotYetListed => aws("the next account list is expected to contain it", None),
        MemberStatus::Left => aws("AWS removes the pack from it", None),
        MemberStatus::Ok | MemberStatus::Inactive => nothing(),
    }
}

impl AdviceCase<'_> {
    /// What conformd plans for the pack, if such a step is among it.
    fn planned(&self, is_it: impl Fn(&PlanStep) -> bool) -> Option<NextView> {
        let plan = &self.report?.plan;
        // A step that is taken comes before one that is held.
        if let Some(step) = plan.steps.iter().find(|step| step.pack == *self.pack && is_it(step)) {
            let what = format!("planned: conformd {}", verb(step.action.kind()));
            return Some(NextView { who: Who::Conformd, owner: None, what, due: None });
        }
        let held = plan.holds.iter().find(|hold| {
            hold.pack.as_ref() == Some(self.pack) && hold.step.as_deref().is_some_and(&is_it)
        })?;
        Some(waits(self.facts, held))
    }

    /// The account while AWS retries it.
    fn retried(&self) -> Option<&NewAccount> {
        let mut new_accounts = self.report?.tracking.new_accounts.iter();
        let new_account = new_accounts.find(|new_account| new_account.account == self.account)?;
        (new_account.deadline > self.facts.now).then_some(new_account)
    }

    /// Whether AWS retries it, and no recorder is known.
    fn lacks_recorder(&self) -> bool {
        let rollout = self.report.and_then(|report| report.tracking.packs.get(self.pack));
        let obstacle = self.retried().and_then(|new_account| new_account.obstacle(rollout));
        obstacle == Some(PackObstacle::NoRecorder)
    }
}

/// What a hold means for who acts.
fn waits(facts: &CurrentState, hold: &Hold) -> NextView {
    let Hold { pack: _, why, until, step } = hold;
    let reason = hold.reason();
    let what = step.as_ref().map_or("acts", |step| verb(step.action.kind()));
    let (who, what) = match reason.lift() {
        Lift::Time if !facts.about.mode.may_put() => (Who::Person, OBSERVING.to_owned()),
        Lift::Time => (Who::Conformd, format!("conformd {what} later ({reason}: {why})")),
        Lift::Purpose => (Who::Nobody, format!("conformd {what} when this ends: {reason}: {why}")),
        Lift::Person => {
            (Who::Person, format!("conformd {what} when this is resolved: {reason}: {why}"))
        }
    };
    NextView { who, owner: None, what, due: *until }
}

fn verb(action: ActionKind) -> &'static str {
    match action {
        ActionKind::Create => "puts the pack",
        ActionKind::Adopt => "adopts the pack",
        ActionKind::Update => "updates the pack",
        ActionKind::Redeploy => "redeploys the pack",
        ActionKind::Delete => "deletes the pack",
    }
}

/// What the advice for its trouble says, and until when AWS retries it.
fn advised(case: &AdviceCase<'_>, status: MemberStatus) -> NextView {
    let class = status.failure_class();
    let due = case.retried().map(|new_account| new_account.deadline);
    if due.is_some() && class.is_some_and(|class| !class.owner().is_person()) {
        return waiting(case);
    }
    let advice = member_advice(case.facts, class);
    match member_owner(case.facts, class) {
        Owner::Aws | Owner::Conformd => aws(&advice, due),
        owner @ (Owner::AccountOwner
        | Owner::PlatformTeam
        | Owner::PackAuthor
        | Owner::AwsSupport) => person(owner, advice, due),
    }
}

/// A new account within its window: AWS retries, and a recorder decides.
fn waiting(case: &AdviceCase<'_>) -> NextView {
    let due = case.retried().map(|new_account| new_account.deadline);
    if case.lacks_recorder() {
        let what = "no recorder was seen: create a configuration recorder; AWS retries until the \
            retry window ends";
        aws(what, due)
    } else {
        aws("AWS retries until the retry window ends", due)
    }
}

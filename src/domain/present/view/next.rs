//! What happens next to one account under one pack: by itself, by conformd, or by a person.
//!
//! It says what the plan and the advice of failure classes say, and decides nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CurrentState;
use super::deployment::helps;
use super::problem::member_advice;
use crate::domain::base::model::{AccountId, PackName, Timestamp};
use crate::domain::members::new_account::{NewAccount, NewAccountPhase};
use crate::domain::observed::failure_class::{FailureClass, Owner};
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
    pub(super) status: Option<MemberStatus>,
    pub(super) report: Option<&'a RegionReport>,
}

fn nothing() -> NextView {
    NextView { who: Who::Nobody, owner: None, what: String::new(), due: None }
}

fn aws(what: &str, due: Option<Timestamp>) -> NextView {
    NextView { who: Who::Aws, owner: None, what: what.to_owned(), due }
}

/// What happens next.
pub(super) fn next(case: &AdviceCase<'_>) -> NextView {
    let Some(status) = case.status else {
        let is_targeted = case.targeting == Some(&Targeting::Targeted);
        return case.planned(|_| is_targeted).unwrap_or_else(nothing);
    };
    match status {
        MemberStatus::Failed(_) | MemberStatus::Missing => {
            let is_for_it = |step: &PlanStep| helps(step, (case.account, status));
            case.planned(is_for_it).unwrap_or_else(|| advised(case.facts, status))
        }
        MemberStatus::Waiting => waiting(case),
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
        Some(waits(held))
    }

    fn new_account(&self) -> Option<&NewAccount> {
        let mut new_accounts = self.report?.tracking.new_accounts.iter();
        new_accounts.find(|new_account| new_account.account == self.account)
    }
}

/// What a hold means for who acts.
fn waits(hold: &Hold) -> NextView {
    let Hold { pack: _, why, until, step } = hold;
    let reason = hold.reason();
    let what = step.as_ref().map_or("acts", |step| verb(step.action.kind()));
    let (who, what) = match reason.lift() {
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

/// What the advice for its trouble says.
fn advised(facts: &CurrentState, status: MemberStatus) -> NextView {
    let matter = status.failure_class();
    let advice = member_advice(facts, matter);
    match matter.map_or(Owner::AccountOwner, FailureClass::owner) {
        Owner::Aws | Owner::Conformd => aws(&advice, None),
        owner @ (Owner::AccountOwner
        | Owner::PlatformTeam
        | Owner::PackAuthor
        | Owner::AwsSupport) => {
            NextView { who: Who::Person, owner: Some(owner), what: advice, due: None }
        }
    }
}

/// A new account within its window: AWS retries, and a recorder decides.
fn waiting(case: &AdviceCase<'_>) -> NextView {
    let new_account = case.new_account();
    let due = new_account.map(|new_account| new_account.deadline);
    let what = match new_account.map(|new_account| new_account.phase) {
        Some(NewAccountPhase::Waiting) | None => {
            "AWS retries until the retry window ends; create a configuration recorder before then"
        }
        Some(
            NewAccountPhase::Deploying
            | NewAccountPhase::Complete
            | NewAccountPhase::Late
            | NewAccountPhase::Missed,
        ) => "AWS retries by itself",
    };
    aws(what, due)
}

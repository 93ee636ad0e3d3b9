//! Problems of new accounts: deadlines that are near, and those that were missed.

use super::cause::ProblemCause;
use super::draft::Drafts;
use super::shown::ProblemSeverity;
use crate::domain::base::time::after;
use crate::domain::members::new_account::{IMMINENT, NEAR, NewAccount, NewAccountPhase};
use crate::domain::present::view::CurrentState;

pub(super) fn collect<'a>(facts: &'a CurrentState, drafts: &mut Drafts<'a>) {
    for (region, report) in facts.regions() {
        for new_account in report.into_iter().flat_map(|report| &report.tracking.new_accounts) {
            let Some((severity, cause)) = problem(facts, new_account) else { continue };
            let draft = drafts.of(severity, cause);
            for pack in &new_account.missing {
                draft.member(new_account.account, (region, Some(pack), None));
            }
            if new_account.missing.is_empty() {
                draft.member(new_account.account, (region, None, None));
            }
            let deadline = new_account.deadline;
            draft.deadline = Some(draft.deadline.map_or(deadline, |first| first.min(deadline)));
        }
    }
}

/// The problem of a new account in one region, by its phase and by AWS's clock. An account whose
/// members were not read since its deadline counts as close to it until they are: a missed deadline
/// is not known yet.
fn problem(
    facts: &CurrentState,
    new_account: &NewAccount,
) -> Option<(ProblemSeverity, ProblemCause)> {
    match new_account.phase {
        NewAccountPhase::Missed => Some((ProblemSeverity::Critical, ProblemCause::DeadlineMissed)),
        NewAccountPhase::Late => {
            let is_off = facts.about.redeploy.advice(facts.recorders.probed).is_some();
            let cause = if is_off { ProblemCause::RedeployOff } else { ProblemCause::DeadlineLate };
            Some((ProblemSeverity::Warning, cause))
        }
        NewAccountPhase::Complete => None,
        // After a redeployment the deadline is over although AWS deploys.
        NewAccountPhase::Deploying if new_account.deadline <= facts.now => None,
        NewAccountPhase::Waiting | NewAccountPhase::Deploying => {
            let is_within = |left| after(facts.now, left) >= new_account.deadline;
            if is_within(IMMINENT) {
                Some((ProblemSeverity::Critical, ProblemCause::DeadlineImminent))
            } else {
                is_within(NEAR).then_some((ProblemSeverity::Warning, ProblemCause::DeadlineNear))
            }
        }
    }
}

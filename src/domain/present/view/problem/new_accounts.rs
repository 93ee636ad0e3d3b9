//! Problems of new accounts: deadlines that are near, and those that were missed.

use super::advice::redeploy_obstacle;
use super::cause::ProblemCause;
use super::draft::{Drafts, ProblemKey};
use super::shown::ProblemSeverity;
use crate::domain::base::model::PackName;
use crate::domain::base::time::after;
use crate::domain::members::new_account::{
    IMMINENT, NEAR, NewAccount, NewAccountPhase, PackObstacle,
};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::present::report::RegionReport;
use crate::domain::present::view::CurrentState;
use crate::domain::present::view::deployment::redeployed;

pub(super) fn collect<'a>(facts: &'a CurrentState, drafts: &mut Drafts<'a>) {
    for (region, report) in facts.regions() {
        let Some(report) = report else { continue };
        for new_account in &report.tracking.new_accounts {
            let missing = new_account.missing.iter().map(Some);
            // An account may lack nothing that is known by name, and still wait.
            let nothing = new_account.missing.is_empty().then_some(None);
            for pack in missing.chain(nothing) {
                let place = pack.map(|pack| (pack, report));
                let Some(key) = key(facts, new_account, place) else { continue };
                let draft = drafts.classed(key);
                draft.member(new_account.account, (region, pack, None));
                let deadline = new_account.deadline;
                draft.deadline = Some(draft.deadline.map_or(deadline, |at| at.min(deadline)));
            }
        }
    }
}

/// The problem of a new account with one pack of a region, by its phase, by AWS's clock, and by
/// what keeps the pack from it. An account whose members were not read since its deadline counts as
/// close to it until they are: a missed deadline is not known yet.
pub(super) fn key(
    facts: &CurrentState,
    new_account: &NewAccount,
    place: Option<(&PackName, &RegionReport)>,
) -> Option<ProblemKey> {
    let rollout = place.and_then(|(pack, report)| report.tracking.packs.get(pack));
    let obstacle = new_account.obstacle(rollout);
    let class = match obstacle {
        Some(PackObstacle::Failure(class)) => Some(class),
        Some(PackObstacle::NoRecorder) | None => None,
    };
    match new_account.phase {
        NewAccountPhase::Missed => {
            Some((ProblemSeverity::Critical, ProblemCause::DeadlineMissed, class))
        }
        NewAccountPhase::Late => {
            // A redeployment is for accounts that had no recorder; for an unknown failure it is
            // tried once, and any other failure is a problem of its own.
            let is_helped = match class {
                None => true,
                Some(FailureClass::Other) => place.is_some_and(|(pack, report)| {
                    let helped = redeployed(&report.plan, pack);
                    helped.is_some_and(|helped| helped.contains_key(&new_account.account))
                }),
                Some(_) => false,
            };
            let is_off = redeploy_obstacle(facts).is_some();
            let cause = if is_off { ProblemCause::RedeployOff } else { ProblemCause::DeadlineLate };
            is_helped.then_some((ProblemSeverity::Warning, cause, None))
        }
        NewAccountPhase::Complete => None,
        // After a redeployment the deadline is over although AWS deploys.
        NewAccountPhase::Deploying if new_account.deadline <= facts.now => None,
        NewAccountPhase::Waiting | NewAccountPhase::Deploying => {
            let is_within = |left| after(facts.now, left) >= new_account.deadline;
            let (severity, cause) = if is_within(IMMINENT) {
                (ProblemSeverity::Critical, ProblemCause::DeadlineImminent)
            } else if is_within(NEAR) {
                (ProblemSeverity::Warning, ProblemCause::DeadlineNear)
            } else {
                return None;
            };
            // Nobody has to act while AWS retries an account that has a recorder.
            Some(match (obstacle, severity) {
                (Some(_), _) => (severity, cause, class),
                (None, ProblemSeverity::Critical) => {
                    (ProblemSeverity::Warning, ProblemCause::RetriedByAws, None)
                }
                (None, ProblemSeverity::Warning | ProblemSeverity::Info) => {
                    (ProblemSeverity::Info, ProblemCause::RetriedByAws, None)
                }
            })
        }
    }
}

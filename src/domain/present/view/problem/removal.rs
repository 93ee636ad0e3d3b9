//! What to do about a pack that AWS could not remove from an account, and what conformd does.

use crate::domain::base::model::{AccountId, AccountState, PackName};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::plan::hold::Lift;
use crate::domain::present::report::RegionReport;
use crate::domain::present::view::CurrentState;

/// What conformd does for the next attempt; the worst for whoever waits comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NextAttempt {
    /// The plan has a step for the pack, now or later.
    Planned,
    /// A person has to lift the hold of such a step.
    Held,
    /// The plan has none.
    Nothing,
}

fn next_attempt(report: &RegionReport, pack: &PackName) -> NextAttempt {
    if report.plan.steps.iter().any(|step| step.pack == *pack) {
        return NextAttempt::Planned;
    }
    let holds = report.plan.holds.iter().filter(|hold| hold.pack.as_ref() == Some(pack));
    let lifts = holds.filter(|hold| hold.step.is_some()).map(|hold| hold.why.lift());
    match lifts.max() {
        None => NextAttempt::Nothing,
        Some(Lift::Time) if report.mode.may_put() => NextAttempt::Planned,
        Some(Lift::Time | Lift::Purpose | Lift::Person) => NextAttempt::Held,
    }
}

/// What is left to do in an account that permits no change.
const CLOSED: &str = "A suspended or closing account permits no change: let AWS Support reinstate \
    it, or leave the pack there until AWS deletes the account.";

/// What to do about packs that AWS could not remove from these accounts.
pub(in crate::domain::present::view) fn removal_advice<'a>(
    facts: &CurrentState,
    class: FailureClass,
    accounts: &[AccountId],
    places: impl Iterator<Item = (&'a RegionReport, &'a PackName)>,
) -> String {
    let attempt = places.map(|(report, pack)| next_attempt(report, pack)).max();
    let attempt = match attempt {
        Some(NextAttempt::Planned) => "AWS could not remove the pack, and conformd tries again.",
        Some(NextAttempt::Held) => {
            "AWS could not remove the pack, and the next attempt is held: `conformd plan` says why."
        }
        Some(NextAttempt::Nothing) | None => {
            "AWS could not remove the pack, and tries again only after another Put of the pack: \
             change its manifest once the cause is gone."
        }
    };
    let is_closed = |id: &&AccountId| {
        let state = facts.account(**id).and_then(|account| account.state);
        matches!(state, Some(AccountState::Suspended | AccountState::PendingClosure))
    };
    let closed = accounts.iter().filter(is_closed).count();
    let advice = class.advice();
    if closed == 0 {
        format!("{attempt} {advice}")
    } else if closed == accounts.len() {
        format!("{attempt} {CLOSED}")
    } else {
        format!("{attempt} {advice} {CLOSED}")
    }
}

/// Who must act on a removal that failed: whatever AWS cannot do by itself, a person repairs, since
/// conformd only repeats the same request.
pub(in crate::domain::present::view) fn removal_owner(class: FailureClass) -> Owner {
    Some(class.owner()).filter(|owner| owner.is_person()).unwrap_or(Owner::PlatformTeam)
}

//! A cell: one pack in one region, in one word, with everything that the word stands for.
//!
//! Packs that are nobody's business of ours have none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::failure::FailureKind;
use crate::domain::base::model::{AccountId, PackName, Timestamp};
use crate::domain::members::rollout::{Rollout, RolloutHealth};
use crate::domain::observed::failure_class::{FailureClass, Owner};
use crate::domain::observed::member::{Counts, MemberStatus, TroubledMember};
use crate::domain::observed::packs::RolloutStatus;
use crate::domain::plan::outcome::StepResult;
use crate::domain::plan::steps::{ActionKind, Hold, HoldReason, Plan, PlanStep, Reason};
use crate::domain::present::report::{PackReport, RegionReport, SyncState};

/// A pack in a region, in one word. Of several that apply, the first in this order: unknown (the
/// region), failed, held, out of sync, rolling, unknown (its members), ok.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    /// AWS holds what is wanted, and every expected account has it.
    Ok,
    /// AWS is deploying or removing it.
    Rolling,
    /// AWS does not hold what is wanted, and conformd is about to change that.
    OutOfSync,
    /// Expected accounts failed, or have no row.
    Failed,
    /// Something should be done and is not, for a reason that time does not lift.
    Held,
    /// The region or its members could not be read, or were not yet.
    Unknown,
}

impl CellState {
    /// Every state, the best first.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Rolling, Self::OutOfSync, Self::Failed, Self::Held, Self::Unknown];

    /// The word used in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rolling => "rolling",
            Self::OutOfSync => "out_of_sync",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Unknown => "unknown",
        }
    }
}

/// One pack in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CellView {
    /// The one word.
    pub cell: CellState,
    /// Whether nothing gets better until a person acts.
    pub action_required: bool,
    /// Why it is no better one, in words.
    pub why: Option<String>,
    /// Does AWS hold what is wanted? `None` where the region could not be read.
    pub state: Option<SyncState>,
    /// AWS's aggregate status: informative, never the health.
    pub status: Option<RolloutStatus>,
    /// When AWS last changed it.
    pub last_update: Option<Timestamp>,
    /// What is planned, or would be done otherwise.
    pub action: Option<ActionKind>,
    /// Why nothing is done about it, if something should be.
    pub holds: Vec<HoldReason>,
    /// How it arrived at its members.
    pub rollout: Rollout,
}

/// What lifts a hold, the easiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lift {
    /// Time, or the next look.
    Time,
    /// A person, who has decided so.
    Purpose,
    /// A person, who may not know yet.
    Person,
}

/// What lifts holds of this kind.
pub(super) fn lift(reason: HoldReason) -> Lift {
    match reason {
        HoldReason::Unknown
        | HoldReason::Unconfirmed
        | HoldReason::Settling
        | HoldReason::InProgress
        | HoldReason::Retry => Lift::Time,
        HoldReason::Suspended | HoldReason::Orphaned => Lift::Purpose,
        HoldReason::Mode
        | HoldReason::Source
        | HoldReason::Invalid
        | HoldReason::Unsupported
        | HoldReason::Guard
        | HoldReason::Foreign
        | HoldReason::Unmanaged
        | HoldReason::Quota
        | HoldReason::Rejected
        | HoldReason::Conflict
        | HoldReason::Denied
        | HoldReason::Undeclared
        | HoldReason::Membership => Lift::Person,
    }
}

/// The cells of a region: every pack that is ours or wanted, the region seen or not.
pub(super) fn cells(
    report: Option<&RegionReport>,
    wanted: &BTreeSet<&PackName>,
) -> BTreeMap<PackName, CellView> {
    let Some(report) = report else {
        let cell = |name: &&PackName| ((*name).clone(), unknown(None, "not looked at yet"));
        return wanted.iter().map(cell).collect();
    };
    let Some(why) = report.unknown.as_ref().map(|unknown| &unknown.why) else {
        let seen = report.packs.iter().filter(|(_, pack)| is_ours(pack));
        return seen.map(|(name, pack)| (name.clone(), cell(name, pack, report))).collect();
    };
    let known = report.tracking.packs.keys();
    let names: BTreeSet<&PackName> = known.chain(wanted.iter().copied()).collect();
    let rollout = |name| report.tracking.packs.get(name);
    names.into_iter().map(|name| (name.clone(), unknown(rollout(name), why))).collect()
}

/// Whether a pack is ours or should be.
fn is_ours(pack: &PackReport) -> bool {
    match pack.state {
        SyncState::Unmanaged | SyncState::Foreign => !pack.holds.is_empty(),
        SyncState::Orphaned => false,
        SyncState::Synced
        | SyncState::OutOfSync
        | SyncState::Invalid
        | SyncState::Rejected
        | SyncState::Conflict
        | SyncState::Suspended => true,
    }
}

/// A pack in a region that could not be read.
fn unknown(rollout: Option<&Rollout>, why: &str) -> CellView {
    CellView {
        cell: CellState::Unknown,
        action_required: false,
        why: Some(why.to_owned()),
        state: None,
        status: None,
        last_update: None,
        action: None,
        holds: Vec::new(),
        rollout: bare(rollout),
    }
}

fn cell(name: &PackName, pack: &PackReport, report: &RegionReport) -> CellView {
    let rollout = report.tracking.packs.get(name);
    let holds: Vec<&Hold> =
        report.plan.holds.iter().filter(|hold| hold.pack.as_ref() == Some(name)).collect();
    let step = report.plan.steps_with_held().find(|step| step.pack == *name);
    let health = rollout.map_or(RolloutHealth::Unknown, |rollout| rollout.health);
    let strongest = holds.iter().max_by_key(|hold| lift(hold.reason));
    let gate = strongest.filter(|hold| lift(hold.reason) != Lift::Time);
    let is_gated = gate.is_some_and(|hold| lift(hold.reason) == Lift::Person);
    let helping = step.filter(|_| gate.is_none());
    // The next plan holds it for this reason; until then the last outcome counts.
    let refused = refusal(name, report);
    let (cell, action_required) =
        if matches!(health, RolloutHealth::Degraded | RolloutHealth::Missing) {
            let is_stuck = rollout.is_some_and(|rollout| action_required(rollout, helping));
            (CellState::Failed, is_gated || is_stuck)
        } else if gate.is_some() {
            (CellState::Held, is_gated)
        } else if refused.is_some() {
            (CellState::Held, true)
        } else if was_accepted(name, report) {
            (CellState::Rolling, false)
        } else if step.is_some() || pack.state != SyncState::Synced {
            (CellState::OutOfSync, false)
        } else {
            (of_health(health), false)
        };
    let refused = refused.map(|why| format!("AWS refused the last change: {why}"));
    let held = gate.map(|hold| hold.why.clone()).or(refused);
    let held = held.or_else(|| strongest.map(|hold| hold.why.clone()));
    let why = held.or_else(|| rollout.and_then(|rollout| rollout.why.clone()));
    CellView {
        cell,
        action_required,
        why,
        state: Some(pack.state),
        status: pack.status.clone(),
        last_update: pack.last_update,
        action: step.map(|step| step.action.kind()),
        holds: pack.holds.clone(),
        rollout: bare(rollout),
    }
}

/// The cell of a pack that is as it should be, by how it arrived.
fn of_health(health: RolloutHealth) -> CellState {
    match health {
        RolloutHealth::Healthy => CellState::Ok,
        RolloutHealth::Progressing | RolloutHealth::StuckAggregate | RolloutHealth::Deleting => {
            CellState::Rolling
        }
        RolloutHealth::Degraded | RolloutHealth::Missing => CellState::Failed,
        RolloutHealth::Unknown => CellState::Unknown,
    }
}

/// Whether AWS has just taken a step for this pack, which the next look will show.
fn was_accepted(name: &PackName, report: &RegionReport) -> bool {
    let is_taken = |ending: &StepResult| matches!(ending, StepResult::Accepted { .. });
    report.outcomes.iter().any(|outcome| outcome.step.pack == *name && is_taken(&outcome.result))
}

/// Why AWS refused the last step for this pack, where trying again changes nothing.
fn refusal<'a>(name: &PackName, report: &'a RegionReport) -> Option<&'a str> {
    let mut outcomes = report.outcomes.iter().filter(|outcome| outcome.step.pack == *name);
    outcomes.find_map(|outcome| match &outcome.result {
        StepResult::Failed { kind, why } if is_final(*kind) => Some(why.as_str()),
        StepResult::Failed { .. }
        | StepResult::Accepted { .. }
        | StepResult::Unknown { .. }
        | StepResult::NotStarted => None,
    })
}

/// Whether only a person can end a refusal of this kind.
fn is_final(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Rejected
        | FailureKind::Quota
        | FailureKind::Denied
        | FailureKind::NotDelegated
        | FailureKind::RegionDisabled
        | FailureKind::Credentials
        | FailureKind::NoOrganization => true,
        FailureKind::Throttled
        | FailureKind::InFlight
        | FailureKind::NoSuchPack
        | FailureKind::NoSuchUnit
        | FailureKind::NoSuchAccount
        | FailureKind::BadToken
        | FailureKind::Timeout
        | FailureKind::Server
        | FailureKind::Unreachable
        | FailureKind::BrokenAnswer => false,
    }
}

/// Those whose recorders were seen and who are redeployed without anybody's doing: now, or in time.
pub(super) fn redeployed<'a>(
    plan: &'a Plan,
    pack: &PackName,
) -> Option<&'a BTreeMap<AccountId, Timestamp>> {
    let held = plan.holds.iter().filter(|hold| lift(hold.reason) == Lift::Time);
    let held = held.filter_map(|hold| hold.step.as_deref());
    let mut steps = plan.steps.iter().chain(held).filter(|step| step.pack == *pack);
    steps.find_map(|step| step.reason.redeployed()).map(|(_, seen)| seen)
}

/// Whether a step is for this member.
pub(super) fn helps(step: &PlanStep, member: (AccountId, MemberStatus)) -> bool {
    let (account, status) = member;
    match &step.reason {
        Reason::Redeploy { accounts, seen: _ } => accounts.contains(&account),
        Reason::MembersFailed { classes } => {
            status.failure_class().is_some_and(|class| classes.contains_key(&class))
        }
        // Whatever is put, AWS tries everybody again; what only a person can mend fails again.
        Reason::Missing
        | Reason::Vanished
        | Reason::Adoption
        | Reason::Changed
        | Reason::ForeignChange
        | Reason::ForeignWrite
        | Reason::Failed { .. } => status.failure_class().is_none_or(FailureClass::is_retryable),
        Reason::Unwanted | Reason::RegionDropped | Reason::Absent => false,
    }
}

/// Whether some member waits for a person, besides those whom this step is for.
fn action_required(rollout: &Rollout, step: Option<&PlanStep>) -> bool {
    let is_helped = |member: &TroubledMember| {
        step.is_some_and(|step| helps(step, (member.account, member.status)))
    };
    let needs = |member: &&TroubledMember| match member.status {
        MemberStatus::Failed(class) => class.owner() != Owner::Aws && !is_helped(member),
        MemberStatus::Missing => !is_helped(member),
        MemberStatus::Ok
        | MemberStatus::InProgress
        | MemberStatus::Waiting
        | MemberStatus::Inactive
        | MemberStatus::NotYetListed
        | MemberStatus::Left => false,
    };
    // Of those that are not kept by name nobody can say whom a step helps.
    rollout.truncated || rollout.troubled.iter().any(|member| needs(&member))
}

/// An rollout without its members, which have documents of their own.
fn bare(rollout: Option<&Rollout>) -> Rollout {
    let unread = || Rollout {
        health: RolloutHealth::Unknown,
        why: None,
        aggregate_stuck: false,
        expected: None,
        counts: Counts::default(),
        classes: BTreeMap::new(),
        troubled: Arc::default(),
        truncated: false,
        new_accounts: BTreeMap::new(),
        management_missing: false,
        resynced: None,
        read: None,
    };
    rollout.map_or_else(unread, |rollout| Rollout {
        health: rollout.health,
        why: rollout.why.clone(),
        aggregate_stuck: rollout.aggregate_stuck,
        expected: rollout.expected,
        counts: rollout.counts,
        classes: rollout.classes.clone(),
        truncated: rollout.truncated,
        management_missing: rollout.management_missing,
        resynced: rollout.resynced,
        read: rollout.read,
        ..unread()
    })
}

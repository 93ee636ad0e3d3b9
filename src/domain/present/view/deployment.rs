//! A pack deployment: one pack in one region, on both axes, with everything that they stand for.
//!
//! Packs that no manifest declares and that are left alone have none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::base::model::{AccountId, PackName, Timestamp};
use crate::domain::members::rollout::{CappedMembers, Rollout, RolloutHealth};
use crate::domain::observed::failure_class::FailureClass;
use crate::domain::observed::member::{Counts, MemberStatus};
use crate::domain::observed::packs::RolloutStatus;
use crate::domain::plan::hold::{Hold, HoldReason, Lift};
use crate::domain::plan::outcome::StepResult;
use crate::domain::plan::region_plan::Plan;
use crate::domain::plan::step::{ActionKind, PlanStep, Reason};
use crate::domain::present::axes::{DeploymentMark, HealthStatus, SyncStatus};
use crate::domain::present::report::{PackReport, RegionReport, SyncReason};

/// One pack in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackDeploymentView {
    /// Whether AWS holds what the manifests ask for.
    pub sync: SyncStatus,
    /// How it is doing in its members. It follows `rollout.health`, which may say more.
    pub health: HealthStatus,
    /// Whether nothing gets better until a person acts.
    pub action_required: bool,
    /// Why it is no better, in words.
    pub why: Option<String>,
    /// Why it is out of sync, if there is more to say. What else holds it is in `holds`.
    pub reason: Option<SyncReason>,
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

impl PackDeploymentView {
    /// Whether AWS holds something else than the manifests ask for, and nobody asked to leave it.
    pub fn is_out_of_sync(&self) -> bool {
        self.sync == SyncStatus::OutOfSync && self.health != HealthStatus::Suspended
    }

    /// Whether AWS is removing it, or has just accepted its deletion.
    pub fn is_removed(&self) -> bool {
        let is_accepted = self.action == Some(ActionKind::Delete) && self.holds.is_empty();
        let is_going = self.rollout.health == RolloutHealth::Deleting;
        self.health == HealthStatus::Progressing && (is_going || is_accepted)
    }

    /// Both axes in one mark.
    pub fn mark(&self) -> DeploymentMark {
        DeploymentMark::of(self.sync, self.health)
    }
}

/// The pack deployments of a region: every pack that is ours or desired, the region read or not.
/// `troubled` are those with a problem that requires action.
pub(super) fn deployments(
    report: Option<&RegionReport>,
    wanted: &BTreeSet<&PackName>,
    troubled: &BTreeSet<&PackName>,
) -> BTreeMap<PackName, PackDeploymentView> {
    let mut all = bare_deployments(report, wanted);
    for (pack, deployment) in &mut all {
        deployment.action_required = troubled.contains(pack);
    }
    all
}

/// The same, before it is known which of them require action.
pub(super) fn bare_deployments(
    report: Option<&RegionReport>,
    wanted: &BTreeSet<&PackName>,
) -> BTreeMap<PackName, PackDeploymentView> {
    let Some(report) = report else {
        let unread = |name: &&PackName| ((*name).clone(), unknown(None, "not refreshed yet"));
        return wanted.iter().map(unread).collect();
    };
    let Some(why) = report.unknown.as_ref().map(|unknown| &unknown.why) else {
        let read = report.packs.iter();
        let read =
            read.filter_map(|(name, pack)| Some((name.clone(), deployment(name, pack, report)?)));
        return read.collect();
    };
    let known = report.tracking.packs.keys();
    let names: BTreeSet<&PackName> = known.chain(wanted.iter().copied()).collect();
    let rollout = |name| report.tracking.packs.get(name);
    names.into_iter().map(|name| (name.clone(), unknown(rollout(name), why))).collect()
}

/// A pack in a region that could not be read.
fn unknown(rollout: Option<&Rollout>, why: &str) -> PackDeploymentView {
    PackDeploymentView {
        sync: SyncStatus::Unknown,
        health: HealthStatus::Unknown,
        action_required: false,
        why: Some(why.to_owned()),
        reason: None,
        status: None,
        last_update: None,
        action: None,
        holds: Vec::new(),
        // What was read before says nothing about the health of today.
        rollout: Rollout { health: RolloutHealth::Unknown, ..bare(rollout) },
    }
}

/// A pack of a region that was read; `None` for one that is left alone.
fn deployment(
    name: &PackName,
    pack: &PackReport,
    report: &RegionReport,
) -> Option<PackDeploymentView> {
    let sync = pack.sync?;
    let rollout = report.tracking.packs.get(name);
    let holds: Vec<&Hold> =
        report.plan.holds.iter().filter(|hold| hold.pack.as_ref() == Some(name)).collect();
    let step = report.plan.steps_with_held().find(|step| step.pack == *name);
    let strongest = holds.iter().max_by_key(|hold| hold.why.lift());
    let gate = strongest.filter(|hold| hold.why.lift() != Lift::Time);
    // The next plan holds it for this reason; until then the last outcome counts.
    let refused = refusal(name, report);
    let change = if gate.is_some() || refused.is_some() {
        Pending::Nothing
    } else if was_accepted(name, report) {
        Pending::Accepted
    } else if step.is_some() {
        Pending::Planned
    } else {
        Pending::Nothing
    };
    let is_suspended = gate.is_some_and(|hold| hold.why.lift() == Lift::Purpose);
    let members = rollout.map_or(RolloutHealth::Unknown, |rollout| rollout.health);
    let health = health(members, change, is_suspended);
    let refused = refused.map(|why| format!("AWS refused the last change: {why}"));
    let held = gate.map(|hold| hold.why.to_string()).or(refused);
    let held = held.or_else(|| strongest.map(|hold| hold.why.to_string()));
    let why = held.or_else(|| rollout.and_then(|rollout| rollout.why.clone()));
    Some(PackDeploymentView {
        sync,
        health,
        action_required: false,
        why,
        reason: pack.reason,
        status: pack.status.clone(),
        last_update: pack.last_update,
        action: step.map(|step| step.action.kind()),
        holds: pack.holds.clone(),
        rollout: bare(rollout),
    })
}

/// What happens to a pack next, as far as nothing holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    /// Nothing, or nothing that comes by itself.
    Nothing,
    /// conformd is about to change it.
    Planned,
    /// AWS has just accepted a change, which the next reconciliation will read.
    Accepted,
}

/// The health of a pack deployment. It is never better than what was read of the members.
fn health(members: RolloutHealth, change: Pending, is_suspended: bool) -> HealthStatus {
    let members = HealthStatus::of(members);
    let health = match (members, change) {
        // What was not read of the members is about what the change replaces.
        (HealthStatus::Unknown, Pending::Planned | Pending::Accepted) => HealthStatus::Progressing,
        (_, Pending::Accepted) => members.max(HealthStatus::Progressing),
        (_, Pending::Nothing | Pending::Planned) => members,
    };
    if is_suspended { health.max(HealthStatus::Suspended) } else { health }
}
/// Whether AWS has just taken a step for this pack, which the next look will show.
fn was_accepted(name: &PackName, report: &RegionReport) -> bool {
    let is_taken = |ending: &StepResult| matches!(ending, StepResult::Accepted { .. });
    report.outcomes.iter().any(|outcome| outcome.step.pack == *name && is_taken(&outcome.result))
}

/// Whether the pack is left as it is: it is not ours, or was released.
pub(super) fn is_left_alone(report: &RegionReport, pack: &PackName) -> bool {
    report.packs.get(pack).is_some_and(|pack| pack.sync.is_none())
}

/// Why AWS refused the last step for this pack, where trying again changes nothing.
fn refusal<'a>(name: &PackName, report: &'a RegionReport) -> Option<&'a str> {
    let mut outcomes = report.outcomes.iter().filter(|outcome| outcome.step.pack == *name);
    outcomes.find_map(|outcome| match &outcome.result {
        StepResult::Failed { kind, why } if kind.is_final() => Some(why.as_str()),
        StepResult::Failed { .. }
        | StepResult::Accepted { .. }
        | StepResult::Unknown { .. }
        | StepResult::NotStarted => None,
    })
}

/// Those whose recorders were seen and to which conformd redeploys automatically, now or later.
pub(super) fn redeployed<'a>(
    plan: &'a Plan,
    pack: &PackName,
) -> Option<&'a BTreeMap<AccountId, Timestamp>> {
    let held = plan.holds.iter().filter(|hold| hold.why.lift() == Lift::Time);
    let held = held.filter_map(|hold| hold.step.as_deref());
    let mut steps = plan.steps.iter().chain(held).filter(|step| step.pack == *pack);
    steps.find_map(|step| step.reason.redeployed()).map(|redeployed| redeployed.seen)
}

/// The step for a pack that nothing but time holds.
pub(super) fn helping_step<'a>(name: &PackName, report: &'a RegionReport) -> Option<&'a PlanStep> {
    let mut holds = report.plan.holds.iter().filter(|hold| hold.pack.as_ref() == Some(name));
    let is_gated = holds.any(|hold| hold.why.lift() != Lift::Time);
    report.plan.steps_with_held().find(|step| step.pack == *name && !is_gated)
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

/// A rollout without its members, which have documents of their own.
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
        unread: None,
        outdated: false,
        unrecognized: CappedMembers::default(),
        removals: BTreeMap::new(),
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
        unread: rollout.unread,
        outdated: rollout.outdated,
        resynced: rollout.resynced,
        read: rollout.read,
        ..unread()
    })
}

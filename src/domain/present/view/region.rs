//! One region as the status shows it: its last report, field by field, and its pack deployments.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use super::deployment::{PackDeploymentView, deployments};
use super::problem::{Problems, problems};
use super::{CurrentState, NotFound, absent};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, PackName, Region, Revision, Timestamp};
use crate::domain::observed::packs::Unknown;
use crate::domain::plan::hold::{Hold, HoldReason};
use crate::domain::plan::loss::Loss;
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::plan::pending_approval::PendingApproval;
use crate::domain::plan::region_plan::Plan;
use crate::domain::plan::step::ActionKind;
use crate::domain::plan::trip::{Trip, TripReason};
use crate::domain::present::axes::{HealthStatus, SyncStatus};
use crate::domain::present::report::{PackReport, RegionReport, Timing};

/// One region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegionView {
    /// Whether AWS holds everything that the manifests ask for here.
    pub sync: SyncStatus,
    /// The worst health of its pack deployments; unknown while the region is.
    pub health: HealthStatus,
    /// Every pack that is ours or wanted here.
    pub deployments: BTreeMap<PackName, PackDeploymentView>,
    /// The last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportView>,
}

/// A report, without its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportView {
    /// The owner of the packs.
    pub account: AccountId,
    /// How far conformd may go.
    pub mode: Mode,
    /// Which reconciliation of the process this was.
    pub reconciliation: u64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How long its parts took.
    pub timing: TimingView,
    /// When the region was last read whole.
    pub last_read: Option<Timestamp>,
    /// Why it could not be read this time.
    pub unknown: Option<Unknown>,
    /// When the members in trouble were last read, by AWS's clock.
    pub trouble_last: Option<Timestamp>,
    /// The oldest of the last full resyncs of all packs, by AWS's clock.
    pub resync_last: Option<Timestamp>,
    /// The revision that was enforced.
    pub revision: Option<Revision>,
    /// How many packs are visible, whoever owns them.
    pub observed: usize,
    /// How many steps of each kind are planned.
    pub steps: BTreeMap<ActionKind, usize>,
    /// What waits, and why.
    pub holds: Vec<HoldView>,
    /// What waits for an approval.
    pub pending: Option<PendingApprovalView>,
    /// The approvals that its steps rest on.
    pub approvals: BTreeSet<String>,
    /// What became of the steps.
    pub outcomes: Vec<OutcomeView>,
    /// Every visible pack and every wanted one.
    pub packs: BTreeMap<PackName, PackReport>,
}

/// How long the parts of a reconciliation took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimingView {
    /// Reading the region.
    pub observe_seconds: f64,
    /// Planning and ruling.
    pub plan_seconds: f64,
    /// Taking the steps.
    pub apply_seconds: f64,
}

/// Losses of one region that wait for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PendingApproval")]
pub struct PendingApprovalView {
    /// The limits that they exceed.
    pub trips: Vec<TripView>,
    /// What would be lost, by pack.
    pub losses: BTreeMap<PackName, BTreeSet<Loss>>,
}

/// One limit that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Trip")]
pub struct TripView {
    /// Which one.
    pub reason: TripReason,
    /// By how much, in words.
    pub why: String,
}

/// Something that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldView {
    /// The pack; `None` when the whole region waits.
    pub pack: Option<PackName>,
    /// The kind of reason.
    pub reason: HoldReason,
    /// The reason in words.
    pub why: String,
    /// When it is looked at again, if time alone can lift it.
    pub until: Option<Timestamp>,
    /// What would be done otherwise.
    pub action: Option<ActionKind>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeView {
    /// The pack.
    pub pack: PackName,
    /// What was done to it.
    pub action: ActionKind,
    /// How that ended.
    pub result: StepResult,
}

/// One configured region, by its name.
pub fn region_named(facts: &CurrentState, name: &str) -> Result<(Region, RegionView), NotFound> {
    let mut regions = facts.regions();
    let Some((name, report)) = regions.find(|(region, _)| region.as_str() == name) else {
        let regions = facts.about.regions.iter().map(Region::as_str);
        return Err(absent("configured region", name, regions));
    };
    Ok((name.clone(), region(facts, &problems(facts), (name, report))))
}

/// A region with its last report, if there is one.
pub(super) fn region(
    facts: &CurrentState,
    problems: &Problems,
    (name, report): (&Region, Option<&RegionReport>),
) -> RegionView {
    let deployments = deployments(report, &facts.desired(name), &problems.packs_in(name));
    let (sync, health) = match report.filter(|report| report.unknown.is_none()) {
        None => (SyncStatus::Unknown, HealthStatus::Unknown),
        Some(report) => {
            let worst = deployments.values().map(|deployment| deployment.health).max();
            (SyncStatus::of(report.is_synced()), worst.unwrap_or(HealthStatus::Healthy))
        }
    };
    RegionView { sync, health, deployments, report: report.map(report_view) }
}

impl From<&PendingApproval> for PendingApprovalView {
    fn from(PendingApproval { trips, losses }: &PendingApproval) -> Self {
        let view = |trip: &Trip| TripView { reason: trip.reason(), why: trip.to_string() };
        Self { trips: trips.iter().map(view).collect(), losses: losses.clone() }
    }
}

fn report_view(report: &RegionReport) -> ReportView {
    let RegionReport {
        place,
        mode,
        reconciliation,
        started,
        finished,
        timing,
        last_read,
        unknown,
        revision,
        plan,
        pending,
        approvals,
        outcomes,
        packs,
        observed,
        tracking,
    } = report;
    ReportView {
        account: place.account,
        mode: *mode,
        reconciliation: *reconciliation,
        started: *started,
        finished: *finished,
        timing: timing_view(*timing),
        last_read: *last_read,
        unknown: unknown.clone(),
        trouble_last: tracking.trouble_last,
        resync_last: tracking.resync_last,
        revision: revision.clone(),
        observed: *observed,
        steps: steps(plan),
        holds: plan.holds.iter().map(hold_view).collect(),
        pending: pending.as_ref().map(PendingApprovalView::from),
        approvals: approvals.clone(),
        outcomes: outcomes.iter().map(outcome_view).collect(),
        packs: packs.clone(),
    }
}

fn timing_view(Timing { observe, plan, apply }: Timing) -> TimingView {
    TimingView {
        observe_seconds: observe.as_secs_f64(),
        plan_seconds: plan.as_secs_f64(),
        apply_seconds: apply.as_secs_f64(),
    }
}

fn steps(plan: &Plan) -> BTreeMap<ActionKind, usize> {
    ActionKind::iter().map(|kind| (kind, plan.count(kind))).collect()
}

fn hold_view(hold: &Hold) -> HoldView {
    let Hold { pack, why, until, step } = hold;
    HoldView {
        pack: pack.clone(),
        reason: hold.reason(),
        why: why.to_string(),
        until: *until,
        action: step.as_ref().map(|step| step.action.kind()),
    }
}

fn outcome_view(Outcome { step, result: ending }: &Outcome) -> OutcomeView {
    OutcomeView { pack: step.pack.clone(), action: step.action.kind(), result: ending.clone() }
}

//! The serialisable answer to "what is going on in this region, and why".
//!
//! The status page, the API, the metrics and the command line show nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use crate::domain::base::mode::Mode;
use crate::domain::base::model::{PackName, Place, Region, Revision, Timestamp};
use crate::domain::base::time::after;
use crate::domain::declared::approval::Approval;
use crate::domain::declared::catalog::{Catalog, Declared};
use crate::domain::declared::diagnostic::Severity;
use crate::domain::declared::source::SourceStatus;
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::members::tracking::Tracking;
use crate::domain::observed::packs::{
    Observed, ObservedPack, Ownership, RUN_MAX, RolloutStatus, Unknown,
};
use crate::domain::plan::guard::Ruling;
use crate::domain::plan::hold::{Hold, HoldCause, HoldReason};
use crate::domain::plan::outcome::Outcome;
use crate::domain::plan::pending_approval::PendingApproval;
use crate::domain::plan::region_plan::{Bystander, Plan};
use crate::domain::plan::step::{Action, Change, PlanStep, Reason};
use crate::domain::present::axes::SyncStatus;

/// The last report of each region.
pub type Reports = BTreeMap<Region, Arc<RegionReport>>;

/// One region after a reconciliation.
#[derive(Debug, Clone)]
pub struct RegionReport {
    /// Where.
    pub place: Place,
    /// How far conformd may go.
    pub mode: Mode,
    /// Which reconciliation of this process this was.
    pub reconciliation: u64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How long its parts took.
    pub timing: Timing,
    /// When the region was last read whole.
    pub last_read: Option<Timestamp>,
    /// Why it could not be read this time.
    pub unknown: Option<Unknown>,
    /// The revision that was enforced.
    pub revision: Option<Revision>,
    /// What was planned after guard and mode.
    pub plan: Plan,
    /// What waits for an approval.
    pub pending: Option<PendingApproval>,
    /// The approvals that its steps rest on.
    pub approvals: BTreeSet<String>,
    /// What became of the steps.
    pub outcomes: Vec<Outcome>,
    /// Every pack that is ours, wanted or visible.
    pub packs: BTreeMap<PackName, PackReport>,
    /// How many packs are visible, whoever owns them.
    pub observed: usize,
    /// What is known of the members of its packs.
    pub tracking: Tracking,
}

/// How long the parts of a reconciliation took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Reading the region.
    pub observe: Duration,
    /// Planning and ruling.
    pub plan: Duration,
    /// Taking the steps.
    pub apply: Duration,
}

/// One pack in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackReport {
    /// Whether AWS holds what the manifests ask for; `None`: they do not ask for this pack, and it
    /// is left alone.
    pub sync: Option<SyncStatus>,
    /// Why it does not, or why the pack is left alone, if there is more to say.
    pub reason: Option<SyncReason>,
    /// In what it differs.
    pub drift: BTreeSet<OutOfSyncKind>,
    /// AWS's aggregate status: informative, never the health.
    pub status: Option<RolloutStatus>,
    /// When AWS last changed it.
    pub last_update: Option<Timestamp>,
    /// Why nothing is done about it, if something should be.
    pub holds: Vec<HoldReason>,
    /// What is odd about it and stops nothing, a sentence each.
    pub warnings: Vec<String>,
}

/// Why a pack is out of sync, or is left as it is: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SyncReason {
    /// Its manifest is invalid.
    Invalid,
    /// AWS refused its content.
    Rejected,
    /// Somebody keeps changing it.
    Conflict,
    /// It is paused.
    Suspended,
    /// Left in place without a manifest.
    Orphaned,
    /// Nobody's.
    Unmanaged,
    /// Another installation's.
    Foreign,
}

impl SyncReason {
    /// Every reason, in label order.
    pub const ALL: [Self; 7] = [
        Self::Invalid,
        Self::Rejected,
        Self::Conflict,
        Self::Suspended,
        Self::Orphaned,
        Self::Unmanaged,
        Self::Foreign,
    ];

    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Suspended => "suspended",
            Self::Orphaned => "orphaned",
            Self::Unmanaged => "unmanaged",
            Self::Foreign => "foreign",
        }
    }
}

/// In what a pack differs: the closed set of a metric label.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum OutOfSyncKind {
    /// It does not exist.
    Missing,
    /// Its template.
    Template,
    /// Its parameters.
    Parameters,
    /// Its excluded accounts.
    Exclusions,
    /// Where its results go.
    Delivery,
    /// Its deployment failed.
    Failed,
    /// Somebody else wrote it.
    ForeignWrite,
    /// It exists and should not.
    Unwanted,
}

impl OutOfSyncKind {
    /// The word used in labels and texts.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// When a reconciliation began and which one it was.
#[derive(Debug, Clone, Copy)]
pub struct Reconciliation {
    /// Its number, from 1.
    pub number: u64,
    /// When it began.
    pub started: Timestamp,
    /// When the region was last read whole, this reconciliation included.
    pub last_read: Option<Timestamp>,
}

impl RegionReport {
    /// The report of a reconciliation that has ruled and not acted yet.
    pub fn ruled(
        reconciliation: Reconciliation,
        mode: Mode,
        observed: &Observed,
        ruling: &Ruling,
    ) -> Self {
        let Ruling { approved, pending, held: _, basis: _, unjudged: _ } = ruling;
        let plan = approved.plan().clone();
        let (unknown, packs, count) = match observed {
            Observed::Unknown(unknown) => (Some(unknown.clone()), BTreeMap::new(), 0),
            Observed::Seen(seen) => (None, pack_reports(&seen.packs, &plan), seen.packs.len()),
        };
        Self {
            place: plan.place.clone(),
            mode,
            reconciliation: reconciliation.number,
            started: reconciliation.started,
            finished: reconciliation.started,
            timing: Timing::default(),
            last_read: reconciliation.last_read,
            unknown,
            revision: plan.revision.clone(),
            plan,
            pending: pending.clone(),
            approvals: approved.approval_names().into_iter().map(ToOwned::to_owned).collect(),
            outcomes: Vec::new(),
            packs,
            observed: count,
            tracking: Tracking::default(),
        }
    }

    /// Shows steps that AWS refused as held, as the next plan will.
    pub fn hold(&mut self, holds: Vec<Hold>) {
        for hold in holds {
            let Some(name) = &hold.pack else { continue };
            self.plan.steps.retain(|step| step.pack != *name);
            if let Some(pack) = self.packs.get_mut(name) {
                pack.holds.push(hold.reason());
                let reason = sync_reason(hold.reason()).filter(|_| !is_about_members(&hold));
                pack.reason = pack.reason.or(reason);
            }
            self.plan.holds.push(hold);
        }
        self.plan.holds.sort_by(|one, other| one.pack.cmp(&other.pack));
    }

    /// The same, with what is odd about its packs.
    #[must_use]
    pub fn warned(mut self, warnings: BTreeMap<PackName, Vec<String>>) -> Self {
        for (name, warnings) in warnings {
            if let Some(pack) = self.packs.get_mut(&name) {
                pack.warnings = warnings;
            }
        }
        self
    }

    /// Whether AWS holds everything that is wanted here, as far as could be seen.
    pub fn is_synced(&self) -> bool {
        self.unknown.is_none()
            && self.plan.revision.is_some()
            && self.plan.steps_with_held().all(PlanStep::is_remedy)
            // Packs that are left alone do not count. What only members lack is said by the holds.
            && self.packs.values().all(|pack| pack.sync.is_none_or(SyncStatus::is_synced))
    }

    /// Whether AWS is still deploying or removing some pack of ours, as far as it can be believed:
    /// by its members, and by the aggregate where they were not read.
    pub fn is_in_progress(&self) -> bool {
        self.packs.iter().any(|(name, pack)| {
            let is_others =
                matches!(pack.reason, Some(SyncReason::Unmanaged | SyncReason::Foreign));
            !is_others && self.is_at_work(name, pack)
        })
    }

    fn is_at_work(&self, name: &PackName, pack: &PackReport) -> bool {
        let rollout = self.tracking.packs.get(name);
        match rollout.map(|rollout| (rollout.health, rollout.counts)) {
            Some((RolloutHealth::StuckAggregate, _)) => true,
            // Accounts that only wait for a recorder may do so for hours.
            Some((RolloutHealth::Progressing, counts)) => {
                counts.in_progress > 0 || counts.waiting == 0
            }
            Some((RolloutHealth::Healthy | RolloutHealth::Missing, _)) => false,
            // With failures, AWS may be at work on the others.
            Some((RolloutHealth::Degraded, counts)) => counts.in_progress > 0,
            Some((RolloutHealth::Unknown | RolloutHealth::Deleting, _)) | None => {
                let update = pack.last_update;
                let is_recent = update.is_none_or(|at| after(at, RUN_MAX) > self.started);
                is_recent && pack.status.as_ref().is_some_and(RolloutStatus::is_in_progress)
            }
        }
    }
}

fn pack_reports(
    packs: &BTreeMap<PackName, ObservedPack>,
    plan: &Plan,
) -> BTreeMap<PackName, PackReport> {
    let held = plan.holds.iter().filter_map(|hold| hold.pack.as_ref());
    let stepped = plan.steps.iter().map(|step| &step.pack);
    let names: BTreeSet<&PackName> = packs.keys().chain(held).chain(stepped).collect();
    names.into_iter().map(|name| (name.clone(), pack_report(name, packs.get(name), plan))).collect()
}

fn pack_report(name: &PackName, pack: Option<&ObservedPack>, plan: &Plan) -> PackReport {
    let holds = plan.holds.iter().filter(|hold| hold.pack.as_ref() == Some(name));
    let holds: Vec<&Hold> = holds.collect();
    let steps: Vec<&PlanStep> =
        plan.steps_with_held().filter(|step| step.pack == *name && !step.is_remedy()).collect();
    let mut drift: BTreeSet<OutOfSyncKind> = steps.iter().flat_map(|step| drift(step)).collect();
    if holds.iter().any(|hold| matches!(hold.why, HoldCause::Replaced { .. })) {
        drift.insert(OutOfSyncKind::ForeignWrite);
    }
    let about_it = holds.iter().filter(|hold| !is_about_members(hold)).map(|hold| hold.reason());
    let about_it: Vec<HoldReason> = about_it.collect();
    let reason = match plan.bystanders.get(name) {
        Some(Bystander::Unmanaged) => Some(SyncReason::Unmanaged),
        Some(Bystander::Foreign(_) | Bystander::Void(_)) => Some(SyncReason::Foreign),
        None => about_it.iter().find_map(|hold| sync_reason(*hold)),
    };
    let is_owned = pack.is_some_and(|pack| matches!(pack.ownership, Ownership::Ours(_)));
    let is_as_desired = match reason {
        Some(SyncReason::Orphaned) => None,
        // Somebody else's pack under a name that a manifest declares is held; any other is a
        // bystander.
        Some(SyncReason::Unmanaged | SyncReason::Foreign) => (!holds.is_empty()).then_some(false),
        Some(SyncReason::Suspended) => Some(drift.is_empty()),
        Some(SyncReason::Invalid | SyncReason::Rejected | SyncReason::Conflict) => Some(false),
        None => Some(is_owned && steps.is_empty() && about_it.is_empty()),
    };
    PackReport {
        sync: is_as_desired.map(SyncStatus::of),
        reason,
        drift,
        status: pack.and_then(|pack| pack.status.as_ref()).map(|record| record.status.clone()),
        last_update: pack.map(|pack| pack.record.last_update),
        holds: holds.iter().map(|hold| hold.reason()).collect(),
        warnings: Vec::new(),
    }
}

/// Whether it is only about members that failed: the pack itself is as wanted.
fn is_about_members(hold: &Hold) -> bool {
    match &hold.step {
        Some(step) => step.is_remedy(),
        None => hold.reason() == HoldReason::Retry,
    }
}

/// Which reason a hold is, if it is one.
fn sync_reason(hold: HoldReason) -> Option<SyncReason> {
    match hold {
        HoldReason::Invalid | HoldReason::Unsupported => Some(SyncReason::Invalid),
        HoldReason::Rejected => Some(SyncReason::Rejected),
        HoldReason::Conflict => Some(SyncReason::Conflict),
        HoldReason::Suspended => Some(SyncReason::Suspended),
        HoldReason::Orphaned => Some(SyncReason::Orphaned),
        HoldReason::Unmanaged => Some(SyncReason::Unmanaged),
        HoldReason::Foreign => Some(SyncReason::Foreign),
        HoldReason::Mode
        | HoldReason::Source
        | HoldReason::Unknown
        | HoldReason::Unconfirmed
        | HoldReason::Settling
        | HoldReason::Guard
        | HoldReason::InProgress
        | HoldReason::Quota
        | HoldReason::Retry
        | HoldReason::Denied
        | HoldReason::Undeclared
        | HoldReason::Membership => None,
    }
}

fn drift(step: &PlanStep) -> Vec<OutOfSyncKind> {
    let by_reason = match (&step.action, &step.reason) {
        (Action::Create(_), _) => return vec![OutOfSyncKind::Missing],
        (Action::Delete, _) => return vec![OutOfSyncKind::Unwanted],
        (_, Reason::Failed { .. }) => Some(OutOfSyncKind::Failed),
        (_, Reason::ForeignChange | Reason::ForeignWrite) => Some(OutOfSyncKind::ForeignWrite),
        (
            _,
            Reason::MembersFailed { .. }
            | Reason::Redeploy { .. }
            | Reason::Missing
            | Reason::Vanished
            | Reason::Adoption
            | Reason::Changed
            | Reason::Unwanted
            | Reason::RegionDropped
            | Reason::Absent,
        ) => None,
    };
    let by_change = step.changes.iter().map(|change| match change {
        Change::Template { .. } | Change::DeletionPolicy { .. } => OutOfSyncKind::Template,
        Change::Parameter { .. } => OutOfSyncKind::Parameters,
        Change::Exclusions { .. } => OutOfSyncKind::Exclusions,
        Change::Delivery { .. } => OutOfSyncKind::Delivery,
    });
    by_reason.into_iter().chain(by_change).collect()
}

/// What a revision declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declarations {
    /// Manifests that passed every check.
    pub valid: usize,
    /// Manifests that did not, or files that hold none because they cannot be read.
    pub invalid: usize,
    /// Whether everything passed: only then may it lead to deletions.
    pub wholly_valid: bool,
    /// Approvals, by name.
    pub approvals: BTreeMap<String, DeclaredApproval>,
    /// Everything that was found, one line each, ordered by place.
    pub diagnostics: Vec<String>,
}

/// An approval as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeclaredApproval {
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: Timestamp,
}

impl Declarations {
    /// What the revision in force declares.
    pub fn in_force(source: &SourceStatus) -> Self {
        source.catalog.as_deref().map(Self::of).unwrap_or_default()
    }

    /// What this catalog declares.
    pub fn of(catalog: &Catalog) -> Self {
        let is_good = |declared: &&Declared| match declared {
            Declared::Good(_) | Declared::Absent(_) => true,
            Declared::Broken { .. } => false,
        };
        let valid = catalog.packs.values().filter(is_good).count();
        let broken = catalog.packs.len().saturating_sub(valid);
        // A file that does not parse claims no name; two manifests in one file are one path.
        let errors = catalog.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let files: BTreeSet<_> = errors.map(|found| &found.path).collect();
        let at_least = usize::from(!catalog.wholly_valid);
        let approvals = catalog.approvals.iter().map(|(name, approval)| {
            let Approval { name: _, origin: _, reason, expires, permits: _ } = approval;
            (name.clone(), DeclaredApproval { reason: reason.clone(), expires: *expires })
        });
        Self {
            valid,
            invalid: broken.max(files.len()).max(at_least),
            wholly_valid: catalog.wholly_valid,
            approvals: approvals.collect(),
            diagnostics: catalog.diagnostics.iter().map(ToString::to_string).collect(),
        }
    }
}

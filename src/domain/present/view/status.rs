//! The status: what is going on in every region and why.
//!
//! Its JSON is a promise (`docs/api.md`): fields are named here one by one, so that a change of
//! the reports is a decision and no accident.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::PackDeploymentView;
use super::health::{HealthParts, HealthView};
use super::new_accounts::{NewAccountsSummary, new_accounts_summary};
use super::problem::{ProblemView, problems};
use super::region::{RegionView, region};
use super::{About, ConfirmedCaller, CurrentState, VERSION, census, health};
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{Installation, Region, Revision, Timestamp};
use crate::domain::declared::source::SourceStatus;
use crate::domain::members::rollout::RolloutHealth;
use crate::domain::observed::member::Counts;
use crate::domain::organization::membership::ListFreshness;
use crate::domain::organization::membership_status::MembershipStatus;
use crate::domain::plan::record::RecordStatus;
use crate::domain::present::axes::{HealthStatus, SyncStatus};
use crate::domain::present::report::{Declarations, SyncReason};
use crate::domain::present::view::totals::Totals;

/// The whole answer: `GET /api/v1/status`, `conformd status -o json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// See [`VERSION`].
    pub version: u32,
    /// Whether nothing in it is about a real account.
    pub simulated: bool,
    /// By AWS's clock.
    pub now: Timestamp,
    /// The program that answers.
    pub program: ProgramView,
    /// Whose packs are ours.
    pub installation: Installation,
    /// How far conformd may go.
    pub mode: Mode,
    /// The worst sync of all regions.
    pub sync: SyncStatus,
    /// Is everything as it should be?
    pub health: HealthView,
    /// Whether AWS has confirmed who asks.
    pub caller: ConfirmedCaller,
    /// The manifests.
    pub source: SourceView,
    /// The account list.
    pub organization: OrganizationView,
    /// What remembers losses over restarts.
    pub record: RecordView,
    /// Counts over all regions.
    pub totals: Totals,
    /// What is wrong and who must act, the most severe first.
    pub problems: Vec<ProblemView>,
    /// Accounts that joined lately.
    pub new_accounts: NewAccountsSummary,
    /// Every configured region.
    pub regions: BTreeMap<Region, RegionView>,
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramView {
    /// Its version.
    pub version: String,
    /// When the process began.
    pub started: Timestamp,
}

/// The record: what remembers losses over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordView {
    /// Whether it can be relied on.
    pub usable: bool,
    /// When it began: losses before that are not known.
    pub began: Option<Timestamp>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

impl RecordView {
    fn of(status: Option<&RecordStatus>) -> Self {
        match status {
            None => Self::default(),
            Some(RecordStatus::Usable { began }) => {
                Self { usable: true, began: Some(began.wall), problem: None }
            }
            Some(RecordStatus::Unusable(none)) => {
                Self { problem: Some(none.why.clone()), ..Self::default() }
            }
        }
    }
}

/// The source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceView {
    /// The revision in force.
    pub revision: Option<Revision>,
    /// When reading it was last tried.
    pub attempt_last: Option<Timestamp>,
    /// When it was last read whole and accepted.
    pub read_last: Option<Timestamp>,
    /// Why the last reading gave nothing.
    pub problem: Option<String>,
    /// Readings since the start, by result.
    pub reads: BTreeMap<String, u64>,
    /// What the revision declares.
    pub declared: Declarations,
}

/// The account list, and how far it can be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationView {
    /// How far.
    pub freshness: FreshnessKind,
    /// Why no further.
    pub why: Option<String>,
    /// How old the list is, in seconds.
    pub age_seconds: Option<u64>,
    /// What it holds.
    pub list: MembershipStatus,
}

/// How far the account list can be believed, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreshnessKind {
    /// It is the newest there is.
    Current,
    /// It is old or in doubt: nothing that depends on it changes.
    Frozen,
    /// There is none.
    Unknown,
}

/// The status of every configured region.
pub fn status(facts: &CurrentState) -> StatusView {
    let About {
        version,
        started,
        installation,
        mode,
        simulated,
        regions: _,
        list_age_max: _,
        redeploy: _,
        source_interval: _,
        region_interval: _,
        resync_interval: _,
        quota: _,
    } = &facts.about;
    let problems = problems(facts);
    let view = |(name, report)| (Region::clone(name), region(facts, &problems, (name, report)));
    let regions: BTreeMap<Region, RegionView> = facts.regions().map(view).collect();
    let (totals, new_accounts) = (totals(&regions), new_accounts_summary(facts));
    let parts = HealthParts {
        problems: &problems,
        regions: &regions,
        totals: &totals,
        new_accounts: &new_accounts,
    };
    let worst = regions.values().map(|region| region.sync).max();
    StatusView {
        version: VERSION,
        simulated: *simulated,
        now: facts.now,
        program: ProgramView { version: version.clone(), started: *started },
        installation: installation.clone(),
        mode: *mode,
        sync: worst.unwrap_or(SyncStatus::Synced),
        health: health::health(facts, &parts),
        caller: facts.caller.clone(),
        source: source(&facts.source),
        organization: organization(facts),
        record: RecordView::of(facts.record.as_ref()),
        problems: problems.all,
        totals,
        new_accounts,
        regions,
    }
}

fn source(source: &SourceStatus) -> SourceView {
    SourceView {
        revision: source.revision().cloned(),
        attempt_last: source.attempt_last,
        read_last: source.read_last,
        problem: source.problem().map(ToOwned::to_owned),
        reads: source.reads.iter().map(|(end, count)| (end.to_string(), *count)).collect(),
        declared: Declarations::in_force(source),
    }
}

pub(super) fn organization(facts: &CurrentState) -> OrganizationView {
    let (freshness, why) = match facts.list_freshness() {
        ListFreshness::Current | ListFreshness::ReadOnce { confirms_at: _ } => {
            (FreshnessKind::Current, None)
        }
        ListFreshness::Frozen(doubt) => (FreshnessKind::Frozen, Some(doubt.to_string())),
        ListFreshness::Unknown(doubt) => (FreshnessKind::Unknown, Some(doubt.to_string())),
    };
    let list = facts.membership.status();
    let age_seconds = list.age(facts.now).map(|age| age.as_secs());
    OrganizationView { freshness, why, age_seconds, list }
}

fn totals(regions: &BTreeMap<Region, RegionView>) -> Totals {
    let deployments = || regions.values().flat_map(|region| region.deployments.values());
    let reports = || regions.values().filter_map(|region| region.report.as_ref());
    let packs = || reports().flat_map(|report| report.packs.values());
    Totals {
        regions: census(SyncStatus::ALL, regions.values().map(|region| region.sync)),
        sync: census(SyncStatus::ALL, deployments().map(|deployment| deployment.sync)),
        health: census(HealthStatus::ALL, deployments().map(|deployment| deployment.health)),
        rollouts: census(RolloutHealth::ALL, deployments().map(|one| one.rollout.health)),
        reasons: census(SyncReason::ALL, packs().filter_map(|pack| pack.reason)),
        action_required: deployments().filter(|deployment| deployment.action_required).count(),
        members: deployments().fold(Counts::default(), plus),
        held: reports().map(|report| report.holds.len()).sum(),
        blocked: reports()
            .filter_map(|report| report.pending.as_ref())
            .map(|pending| pending.losses.len())
            .sum(),
    }
}

fn plus(sum: Counts, deployment: &PackDeploymentView) -> Counts {
    let Counts { ok, in_progress, waiting, failed, missing, inactive, not_yet_listed, left } =
        deployment.rollout.counts;
    Counts {
        ok: sum.ok.saturating_add(ok),
        in_progress: sum.in_progress.saturating_add(in_progress),
        waiting: sum.waiting.saturating_add(waiting),
        failed: sum.failed.saturating_add(failed),
        missing: sum.missing.saturating_add(missing),
        inactive: sum.inactive.saturating_add(inactive),
        not_yet_listed: sum.not_yet_listed.saturating_add(not_yet_listed),
        left: sum.left.saturating_add(left),
    }
}

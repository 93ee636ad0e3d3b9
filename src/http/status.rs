//! The status: what is going on in every region and why, as JSON.
//!
//! The shape is a promise (`docs/api.md`): fields are named here one by one, so that a change of
//! the reports is a decision and no accident.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{API_VERSION, About, Caller};
use crate::domain::guard::Blocked;
use crate::domain::mode::Mode;
use crate::domain::model::{AccountId, Installation, PackName, Region, Revision, Timestamp};
use crate::domain::observed::Unseen;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{ActionKind, Hold, HoldReason, Plan};
use crate::domain::report::{PackReport, PackState, RegionReport, Reports, SourceStatus, Timing};

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Status<'a> {
    version: u32,
    simulated: bool,
    now: Timestamp,
    program: Program<'a>,
    installation: &'a Installation,
    mode: Mode,
    caller: &'a Caller,
    source: &'a SourceStatus,
    totals: Totals,
    regions: BTreeMap<&'a Region, RegionStatus<'a>>,
}

#[derive(Serialize)]
struct Program<'a> {
    version: &'a str,
    started: Timestamp,
}

/// Counts over all regions, zeros included.
#[derive(Serialize)]
struct Totals {
    regions: BTreeMap<RegionState, usize>,
    packs: BTreeMap<PackState, usize>,
    held: usize,
    blocked: usize,
}

/// How a region is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum RegionState {
    /// No report yet.
    Pending,
    /// It could not be read.
    Unseen,
    /// AWS is working on a pack of ours.
    InProgress,
    /// It differs from what is wanted.
    Drifted,
    /// It holds what is wanted.
    Synced,
}

impl RegionState {
    const ALL: [Self; 5] =
        [Self::Pending, Self::Unseen, Self::InProgress, Self::Drifted, Self::Synced];

    fn of(report: Option<&RegionReport>) -> Self {
        let Some(report) = report else { return Self::Pending };
        if report.unseen.is_some() {
            Self::Unseen
        } else if report.is_in_progress() {
            Self::InProgress
        } else if report.is_synced() {
            Self::Synced
        } else {
            Self::Drifted
        }
    }
}

#[derive(Serialize)]
struct RegionStatus<'a> {
    state: RegionState,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportStatus<'a>>,
}

#[derive(Serialize)]
struct ReportStatus<'a> {
    account: &'a AccountId,
    mode: Mode,
    tick: u64,
    started: Timestamp,
    finished: Timestamp,
    timing: Timing,
    seen_last: Option<Timestamp>,
    unseen: Option<&'a Unseen>,
    revision: Option<&'a Revision>,
    observed: usize,
    steps: BTreeMap<ActionKind, usize>,
    holds: Vec<HoldStatus<'a>>,
    blocked: Option<&'a Blocked>,
    approval: Option<&'a str>,
    outcomes: Vec<OutcomeStatus<'a>>,
    packs: &'a BTreeMap<PackName, PackReport>,
}

#[derive(Serialize)]
struct HoldStatus<'a> {
    pack: Option<&'a PackName>,
    reason: HoldReason,
    why: &'a str,
    until: Option<Timestamp>,
    action: Option<ActionKind>,
}

#[derive(Serialize)]
struct OutcomeStatus<'a> {
    pack: &'a PackName,
    action: ActionKind,
    ending: &'a Ending,
}

/// What the status is made of.
pub(super) struct Facts<'a> {
    pub(super) about: &'a About,
    pub(super) caller: &'a Caller,
    pub(super) source: &'a SourceStatus,
    pub(super) reports: &'a Reports,
    pub(super) now: Timestamp,
}

/// Every configured region is there, with its report once there is one.
pub(super) fn status<'a>(facts: &Facts<'a>) -> Status<'a> {
    let Facts { about, caller, source, reports, now } = *facts;
    let About { version, started, installation, mode, simulated, regions } = about;
    let regions: BTreeMap<&Region, Option<&RegionReport>> =
        regions.iter().map(|region| (region, reports.get(region).map(Arc::as_ref))).collect();
    Status {
        version: API_VERSION,
        simulated: *simulated,
        now,
        program: Program { version, started: *started },
        installation,
        mode: *mode,
        caller,
        source,
        totals: totals(&regions),
        regions: regions
            .into_iter()
            .map(|(region, report)| (region, region_status(report)))
            .collect(),
    }
}

fn totals(regions: &BTreeMap<&Region, Option<&RegionReport>>) -> Totals {
    let reports = || regions.values().copied().flatten();
    let packs = || reports().flat_map(|report| report.packs.values());
    let in_state = |state| regions.values().filter(|it| RegionState::of(**it) == state).count();
    let packs_in = |state| packs().filter(|pack| pack.state == state).count();
    Totals {
        regions: RegionState::ALL.into_iter().map(|state| (state, in_state(state))).collect(),
        packs: PackState::ALL.into_iter().map(|state| (state, packs_in(state))).collect(),
        held: reports().map(|report| report.plan.holds.len()).sum(),
        blocked: reports()
            .filter_map(|report| report.blocked.as_ref())
            .map(|it| it.packs.len())
            .sum(),
    }
}

fn region_status(report: Option<&RegionReport>) -> RegionStatus<'_> {
    RegionStatus { state: RegionState::of(report), report: report.map(report_status) }
}

fn report_status(report: &RegionReport) -> ReportStatus<'_> {
    let RegionReport {
        place,
        mode,
        tick,
        started,
        finished,
        timing,
        seen_last,
        unseen,
        revision,
        plan,
        blocked,
        approval,
        outcomes,
        packs,
        observed,
        tracking: _,
    } = report;
    ReportStatus {
        account: &place.account,
        mode: *mode,
        tick: *tick,
        started: *started,
        finished: *finished,
        timing: *timing,
        seen_last: *seen_last,
        unseen: unseen.as_ref(),
        revision: revision.as_ref(),
        observed: *observed,
        steps: steps(plan),
        holds: plan.holds.iter().map(hold_status).collect(),
        blocked: blocked.as_ref(),
        approval: approval.as_deref(),
        outcomes: outcomes.iter().map(outcome_status).collect(),
        packs,
    }
}

fn steps(plan: &Plan) -> BTreeMap<ActionKind, usize> {
    ActionKind::ALL.into_iter().map(|kind| (kind, plan.count(kind))).collect()
}

fn hold_status(hold: &Hold) -> HoldStatus<'_> {
    let Hold { pack, reason, why, until, step } = hold;
    let action = step.as_ref().map(|step| step.action.kind());
    HoldStatus { pack: pack.as_ref(), reason: *reason, why, until: *until, action }
}

fn outcome_status(outcome: &Outcome) -> OutcomeStatus<'_> {
    let Outcome { step, ending } = outcome;
    OutcomeStatus { pack: &step.pack, action: step.action.kind(), ending }
}

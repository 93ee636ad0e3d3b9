//! What metrics are made of: values that do not change while a process runs, and those of a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::base::heartbeat::TaskId;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::present::report::Reports;
use crate::domain::present::view::CurrentState;

/// What does not change while the process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its version.
    pub version: String,
    /// The commit it was built from, if that is known.
    pub commit: Option<String>,
    /// Whether it talks to the built-in simulator.
    pub simulated: bool,
    /// When the process began.
    pub started: Timestamp,
}

/// What a reload may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadedSettings {
    /// How far conformd may go.
    pub mode: Mode,
    /// The configured regions.
    pub regions: BTreeSet<Region>,
    /// How often things are done.
    pub intervals: LoopPeriods,
    /// Organization packs per region (AWS Config quota).
    pub quota: usize,
    /// Keys of `metadata.labels` that metrics of packs show.
    pub pack_labels: BTreeSet<String>,
}

/// Periods of the loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopPeriods {
    /// Reading the source.
    pub source: Duration,
    /// Reading the account list.
    pub organization: Duration,
    /// Looking at a region.
    pub region: Duration,
    /// Reading the members in trouble.
    pub failure_resync: Duration,
    /// Reading every member.
    pub full_resync: Duration,
}

/// Everything that gauges are a projection of.
#[derive(Debug, Clone, Copy)]
pub struct MetricsView<'a> {
    /// Everything that is known at this moment.
    pub facts: &'a CurrentState,
    /// When each long task last beat.
    pub beats: &'a BTreeMap<TaskId, Timestamp>,
    /// The time, by the own clock: that of the beats.
    pub now: Timestamp,
}

/// What projections and counts need to remember. Its lock also keeps two scrapes apart.
#[derive(Debug, Default)]
pub(super) struct CountedSoFar {
    pub(super) regions: BTreeSet<Region>,
    pub(super) interval: Duration,
    /// The last report of each region that could be read.
    pub(super) seen: Reports,
    /// Packs that have a counter.
    pub(super) counted: BTreeSet<(Region, PackName)>,
    /// Packs with an external change at the last reconciliation of the region.
    pub(super) foreign: BTreeMap<Region, BTreeSet<PackName>>,
    /// New accounts whose way to all their packs was counted, with when they joined.
    pub(super) complete: BTreeMap<Region, BTreeSet<(AccountId, Timestamp)>>,
}

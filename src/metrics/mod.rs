//! The metrics: gauges are a projection of the reports, counters count events.
//!
//! Names, types, labels and meanings are in `docs/metrics.md`; a test compares the two. Label
//! values come from closed sets and exist from the start, at zero; packs are the one exception.
//! Nothing here decides anything.

mod closed;
mod count;
mod families;
mod figures;
mod labels;
mod memory_limit;
mod process;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use prometheus::{Registry, TextEncoder};
use thiserror::Error;

use crate::domain::base::heartbeat::Beater;
use crate::domain::base::mode::Mode;
use crate::domain::base::model::{AccountId, PackName, Region, Timestamp};
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::Membership;
use crate::domain::present::report::{Reports, SourceStatus};
pub use count::Exchange;
use families::Families;

/// The content type of [`Metrics::scrape`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is known before the first report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The program.
    pub program: Program,
    /// The settings.
    pub settings: Settings,
}

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
pub struct Settings {
    /// How far conformd may go.
    pub mode: Mode,
    /// The configured regions.
    pub regions: BTreeSet<Region>,
    /// How often things are done.
    pub intervals: Intervals,
    /// Organization packs per region (AWS Config quota).
    pub quota: usize,
}

/// Periods of the loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// Reading the source.
    pub source: Duration,
    /// Reading the account list.
    pub organization: Duration,
    /// Looking at a region.
    pub region: Duration,
    /// Reading the members in trouble.
    pub sweep_trouble: Duration,
    /// Reading every member.
    pub sweep_full: Duration,
}

/// Everything that gauges are a projection of.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The last report of each region.
    pub reports: &'a Reports,
    /// The source.
    pub source: &'a SourceStatus,
    /// Who is a member of the organization.
    pub membership: &'a Membership,
    /// What is known of the members' recorders.
    pub recorders: &'a Recorders,
    /// AWS's clock minus the own one, as far as AWS's answers told.
    pub skew: Option<SignedDuration>,
    /// When each long task last beat.
    pub beats: &'a BTreeMap<Beater, Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// Why there are no metrics at all: two families of one name, or a name that is none.
#[derive(Debug, Error)]
#[error("metrics could not be registered")]
pub struct Unregistered(#[source] prometheus::Error);

/// Why there is no text.
#[derive(Debug, Error)]
#[error("metrics could not be written as text")]
pub struct Unencodable(#[source] prometheus::Error);

/// The metrics of one process. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    families: Families,
    memory: Mutex<Memory>,
}

/// What projections and counts need to remember. Its lock also keeps two scrapes apart.
#[derive(Debug, Default)]
struct Memory {
    regions: BTreeSet<Region>,
    interval: Duration,
    /// The last report of each region that could be read.
    seen: Reports,
    /// Packs that have a counter.
    counted: BTreeSet<(Region, PackName)>,
    /// Packs that somebody else had changed when the region was last reconciled.
    foreign: BTreeMap<Region, BTreeSet<PackName>>,
    /// New accounts whose way to all their packs was counted, with when they joined.
    converged: BTreeMap<Region, BTreeSet<(AccountId, Timestamp)>>,
}

impl Metrics {
    /// Registers every family on a registry of its own, with every label value at zero.
    pub fn new(setup: &Setup) -> Result<Self, Unregistered> {
        let registry = Registry::new();
        let families = Families::register(&registry).map_err(Unregistered)?;
        process::register(&registry, &setup.program).map_err(Unregistered)?;
        memory_limit::register(&registry).map_err(Unregistered)?;
        families.show_program(&setup.program);
        families.zero();
        let metrics = Self(Arc::new(Inner { registry, families, memory: Mutex::default() }));
        metrics.configure(&setup.settings);
        Ok(metrics)
    }

    /// Takes settings into use: the series of new regions appear, those of gone ones disappear.
    pub fn configure(&self, settings: &Settings) {
        let families = &self.0.families;
        families.show_settings(settings);
        let mut memory = self.memory();
        for gone in memory.regions.difference(&settings.regions) {
            families.remove_region(gone);
        }
        for region in &settings.regions {
            families.zero_region(region);
        }
        memory.regions.clone_from(&settings.regions);
        memory.foreign.retain(|region, _| settings.regions.contains(region));
        memory.converged.retain(|region, _| settings.regions.contains(region));
        memory.interval = settings.intervals.region;
    }

    /// Projects the view and writes everything as text.
    pub fn scrape(&self, view: View<'_>) -> Result<String, Unencodable> {
        let mut memory = self.memory();
        self.0.families.show(view, &mut memory);
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).map_err(Unencodable)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic in here leaves a memory that the next projection puts right.
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

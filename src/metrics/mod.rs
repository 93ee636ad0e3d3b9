//! The metrics: gauges are a projection of the reports, counters count events.
//!
//! The tables of `docs/metrics.md` are generated from what is registered here. Label
//! values come from closed sets and exist from the start, at zero; packs are the one exception.
//! Nothing here decides anything.

mod closed;
mod count;
mod families;
mod figures;
mod labels;
mod memory_limit;
mod pack_labels;
mod process;
mod show;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{Registry, TextEncoder};
use thiserror::Error;

use families::Families;
use view::CountedSoFar;

pub use count::Exchange;
pub use view::{LoopPeriods, MetricsView, Program, ReloadedSettings};

/// The content type of [`Metrics::scrape`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is known before the first report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSetup {
    /// The program.
    pub program: Program,
    /// The settings.
    pub settings: ReloadedSettings,
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
pub struct Metrics(Arc<MetricsInner>);

#[derive(Debug)]
struct MetricsInner {
    registry: Registry,
    families: Families,
    memory: Mutex<CountedSoFar>,
}

impl Metrics {
    /// Registers every family on a registry of its own, with every label value at zero.
    pub fn new(setup: &MetricsSetup) -> Result<Self, Unregistered> {
        let registry = Registry::new();
        let families = Families::register(&registry).map_err(Unregistered)?;
        process::register(&registry, &setup.program).map_err(Unregistered)?;
        memory_limit::register(&registry).map_err(Unregistered)?;
        families.show_program(&setup.program);
        families.zero();
        let metrics = Self(Arc::new(MetricsInner { registry, families, memory: Mutex::default() }));
        metrics.configure(&setup.settings);
        Ok(metrics)
    }

    /// Takes settings into use: the series of new regions appear, those of gone ones disappear.
    pub fn configure(&self, settings: &ReloadedSettings) {
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
        memory.complete.retain(|region, _| settings.regions.contains(region));
        memory.interval = settings.intervals.region;
    }

    /// Projects the view and writes everything as text.
    pub fn scrape(&self, view: MetricsView<'_>) -> Result<String, Unencodable> {
        let mut memory = self.memory();
        self.0.families.show(view, &mut memory);
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).map_err(Unencodable)
    }

    fn memory(&self) -> MutexGuard<'_, CountedSoFar> {
        // A panic in here leaves a memory that the next projection puts right.
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

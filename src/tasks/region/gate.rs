//! The gate before each step: the inputs of the plan must still be the current ones when it is
//! sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::clock_readings::running;
use super::shared_window::{SharedWindow, UnrecordedLoss};
use crate::clock::Clock;
use crate::domain::base::model::{PackName, Region, Revision};
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::source::SourceStatus;
use crate::domain::plan::guard::Used;
use crate::domain::plan::own_puts::WriteSpan;
use crate::domain::plan::step::PlanStep;
use crate::executor;
use crate::tasks::source::{FreshReading, NoFreshReading};

/// The inputs that can change after a plan was made, as the daemon and the commands watch them.
#[derive(Debug, Clone, Default)]
pub struct PlanInvalidation {
    /// Nothing begins after this.
    pub stop: CancellationToken,
    /// The settings, if they can change: the version that the plan was made with counts as seen.
    pub policy:
        Option<watch::Receiver<std::sync::Arc<crate::tasks::region::settings::RegionSettings>>>,
    /// The source, if it can change; likewise.
    pub source: Option<watch::Receiver<SourceStatus>>,
    /// What the settings demand of manifests, if that can change.
    pub constraints: Option<watch::Receiver<Constraints>>,
    /// How to read the source afresh; without it a command has read it just now.
    pub fresh_reading: Option<FreshReading>,
}

impl From<CancellationToken> for PlanInvalidation {
    fn from(stop: CancellationToken) -> Self {
        Self { stop, ..Self::default() }
    }
}

/// The oldest observation on which a loss may rest. It grows old behind a queue of slow writes, in
/// a stopped process, or on a machine that slept.
pub(super) const OBSERVATION_AGE_MAX: Duration = Duration::from_mins(2);

/// The gate of one reconciliation.
#[derive(Debug)]
pub(super) struct ReconciliationGate<'a> {
    pub(super) watched: &'a PlanInvalidation,
    pub(super) window: &'a SharedWindow,
    pub(super) clock: &'a Clock,
    pub(super) region: &'a Region,
    /// When the observation that the plan rests on began, on the monotonic clock, sleep included.
    pub(super) observed: Duration,
    /// The time that each request took, by AWS's clock.
    pub(super) spans: Mutex<BTreeMap<PackName, WriteSpan>>,
}

impl ReconciliationGate<'_> {
    fn spans(&self) -> MutexGuard<'_, BTreeMap<PackName, WriteSpan>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the catalog in force was checked against other demands than those of the settings now. A
/// region that is new, or whose task begins anew, plans at once; the source is checked again
/// meanwhile, and may hold what the settings forbid by now.
fn is_unchecked(
    source: &watch::Receiver<SourceStatus>,
    constraints: &watch::Receiver<Constraints>,
) -> bool {
    let source = source.borrow();
    source.catalog.as_ref().is_some_and(|catalog| catalog.constraints != *constraints.borrow())
}

/// Why a step may not begin.
#[derive(Debug, Error)]
pub(super) enum StepRefusal {
    /// conformd was told to stop.
    #[error("stop")]
    Stopping,
    /// The plan was made with other settings.
    #[error("the settings have changed")]
    SettingsChanged,
    /// The plan was made of another status of the source.
    #[error("the source has changed")]
    SourceChanged,
    /// The manifests were checked against other settings.
    #[error("the manifests were not checked against the new settings yet")]
    ManifestsUnchecked,
    /// The source could not be read again.
    #[error(transparent)]
    NoFreshReading(NoFreshReading),
    /// The source holds another revision than the one that was planned.
    #[error("the source has changed: it is at {0} now")]
    OtherRevision(Revision),
    /// The observation is older than [`OBSERVATION_AGE_MAX`].
    #[error("the region was last read {} s ago; it is read again first", .0.as_secs())]
    ObservationOld(Duration),
    /// The losses of the step are not recorded.
    #[error(transparent)]
    Unrecorded(UnrecordedLoss),
}

impl executor::WriteGate for ReconciliationGate<'_> {
    type Refusal = StepRefusal;

    fn closed(&self) -> Option<StepRefusal> {
        let PlanInvalidation { stop, policy, source, constraints, fresh_reading: _ } = self.watched;
        // A channel whose sender is gone belongs to a process that is ending.
        let has_changed = |changed: Result<bool, _>| changed.unwrap_or(true);
        if stop.is_cancelled() {
            Some(StepRefusal::Stopping)
        } else if policy.as_ref().is_some_and(|it| has_changed(it.has_changed())) {
            Some(StepRefusal::SettingsChanged)
        } else if source.as_ref().is_some_and(|it| has_changed(it.has_changed())) {
            Some(StepRefusal::SourceChanged)
        } else if let (Some(source), Some(constraints)) = (source, constraints)
            && is_unchecked(source, constraints)
        {
            Some(StepRefusal::ManifestsUnchecked)
        } else {
            None
        }
    }

    async fn permit(
        &self,
        step: &PlanStep,
        permits: &[Used],
        revision: Option<&Revision>,
    ) -> Result<(), StepRefusal> {
        // The source is read first, since that takes time: the age of the observation and the
        // record are checked as close to the request as possible.
        if let Some(reading) = &self.watched.fresh_reading {
            let newest = reading.newest_revision().await.map_err(StepRefusal::NoFreshReading)?;
            if Some(&newest) != revision {
                return Err(StepRefusal::OtherRevision(newest));
            }
            // Settings may have changed meanwhile, which makes no revision.
            if let Some(why) = self.closed() {
                return Err(why);
            }
        }
        let age = running(self.clock).saturating_sub(self.observed);
        if age > OBSERVATION_AGE_MAX {
            return Err(StepRefusal::ObservationOld(age));
        }
        let recorded = self.window.begin(self.region, step, permits, revision).await;
        recorded.map_err(StepRefusal::Unrecorded)
    }

    fn sending(&self, pack: &PackName) {
        self.spans().insert(pack.clone(), WriteSpan::at(self.clock.aws_now()));
    }

    fn answered(&self, pack: &PackName) {
        if let Some(span) = self.spans().get_mut(pack) {
            span.ended = self.clock.aws_now();
        }
    }
}

//! The daemon's loop around one region's reconciler: wake, reconciliation, publish, wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::PlanInvalidation;
use super::reconciler::{Reconciler, Surroundings};
use super::settings::RegionSettings;
use crate::beats::{Beats, SILENCE_MAX};
use crate::clock::Clock;
use crate::cloud::{RegionReader, Writer};
use crate::domain::base::heartbeat::TaskId;
use crate::domain::declared::constraints::Constraints;
use crate::domain::declared::source::SourceStatus;
use crate::domain::members::new_account::{NewAccount, Warning, Warnings};
use crate::domain::observed::recorder::Recorders;
use crate::domain::organization::membership::Membership;
use crate::domain::present::journal::Notification;
use crate::domain::present::plan_text::{PlanText, Values};
use crate::domain::present::report::{RegionReport, Reports};
use crate::metrics::Metrics;
use crate::tasks::source::FreshReading;

/// The inputs and outputs of a region task. In every channel the latest value wins.
#[derive(Debug, Clone)]
pub struct RegionChannels {
    /// The settings of the region.
    pub policy: watch::Receiver<Arc<RegionSettings>>,
    /// What the settings demand of manifests.
    pub constraints: watch::Receiver<Constraints>,
    /// The status of the source.
    pub source: watch::Receiver<SourceStatus>,
    /// What the organization task says.
    pub membership: watch::Receiver<Arc<Membership>>,
    /// The recorders that the probe observed.
    pub recorders: watch::Receiver<Arc<Recorders>>,
    /// Reads the source afresh.
    pub fresh_reading: FreshReading,
    /// Accepted by `POST /api/v1/reconcile` and SIGHUP.
    pub reconcile_now: watch::Receiver<u64>,
    /// Where reports go.
    pub reports: watch::Sender<Reports>,
    /// Where reconciliations go, each of them: a report that is replaced takes its outcomes with
    /// it.
    pub news: broadcast::Sender<Notification>,
    /// Counters of events.
    pub metrics: Metrics,
    /// Where the task proves that it is alive.
    pub beats: Beats,
}

/// How long the first reconciliation waits for the source: without manifests it could only observe.
const FIRST_MANIFESTS_MAX: Duration = Duration::from_secs(10);

/// Reconciles one region until `stop`, or until the mode needs a reconciler with or without a
/// writer. No reconciliation begins after that; one that began ends.
pub async fn run<R: RegionReader, W: Writer>(
    mut reconciler: Reconciler<R, W>,
    mut channels: RegionChannels,
    clock: Clock,
    stop: CancellationToken,
) {
    let region = reconciler.reader().place().region.clone();
    let heartbeat = channels.beats.begin(TaskId::regional(&region), SILENCE_MAX);
    // Cancel-safe: nothing has begun.
    tokio::select! {
        biased;
        () = stop.cancelled() => return heartbeat.end(),
        _ = channels.source.wait_for(|source| source.catalog.is_some()) => {}
        () = tokio::time::sleep(FIRST_MANIFESTS_MAX) => {}
    }
    let (mut reason, mut number) = ("start", 0_u64);
    let mut warnings = Warnings::default();
    while !stop.is_cancelled() {
        let policy = channels.policy.borrow_and_update().clone();
        if policy.mode.may_put() != reconciler.can_write() {
            break;
        }
        number = number.saturating_add(1);
        channels.reconcile_now.mark_unchanged();
        let around = Surroundings {
            source: channels.source.borrow_and_update().clone(),
            membership: Arc::clone(&channels.membership.borrow_and_update()),
            recorders: Arc::clone(&channels.recorders.borrow_and_update()),
        };
        let revision = around.source.revision().map(ToString::to_string);
        let span = tracing::info_span!("reconciliation", %region, number, reason, revision);
        // Their versions that were taken above count as seen: any newer one closes the gate.
        let watched = PlanInvalidation {
            stop: stop.clone(),
            policy: Some(channels.policy.clone()),
            source: Some(channels.source.clone()),
            constraints: Some(channels.constraints.clone()),
            fresh_reading: Some(channels.fresh_reading.clone()),
        };
        let reconciliation =
            reconciler.reconcile(&policy, &around, &watched).instrument(span.clone());
        // Every call has its own timeout, so a reconciliation that is polled is alive.
        let report = heartbeat.during(reconciliation).await;
        span.in_scope(|| {
            describe(&report);
            warn_of(&warnings.due(&report.tracking.new_accounts, report.finished));
        });
        let pause = reconciler.pause(&report, &policy.pace);
        let report = Arc::new(report);
        // Sending never waits. Without a receiver the notification is dropped, which is fine.
        drop(channels.news.send(Notification::Reconciled(Arc::clone(&report))));
        publish(&channels.reports, &report, &stop);
        // After it is shown, so that no scrape takes the counter of a new pack for a leftover.
        channels.metrics.reconciled(&report);
        let rest = Rest { policy: &policy, clock: &clock, pause, stop: &stop };
        reason = heartbeat.during(rest.read_members(&mut reconciler, &mut channels, report)).await;
    }
    heartbeat.end();
}

/// Shows a report, unless the region has left the settings meanwhile and is not shown any more.
fn publish(reports: &watch::Sender<Reports>, report: &Arc<RegionReport>, stop: &CancellationToken) {
    reports.send_if_modified(|reports| {
        let is_current = !stop.is_cancelled();
        if is_current {
            reports.insert(report.place.region.clone(), Arc::clone(report));
        }
        is_current
    });
}

/// The time between two reconciliations.
struct Rest<'a> {
    policy: &'a RegionSettings,
    clock: &'a Clock,
    pause: Duration,
    stop: &'a CancellationToken,
}

impl Rest<'_> {
    /// Reads members until something wakes the region, and shows what it learns; says what woke it.
    async fn read_members<R: RegionReader, W: Writer>(
        &self,
        reconciler: &mut Reconciler<R, W>,
        channels: &mut RegionChannels,
        mut report: Arc<RegionReport>,
    ) -> &'static str {
        let began = self.clock.elapsed();
        let (mut end, mut reason) = (began.saturating_add(self.pause), "period");
        loop {
            let left = end.saturating_sub(self.clock.elapsed());
            // Waking goes first, so that no write waits for a reading: that one may be dropped at
            // any moment and goes on in the next rest.
            let news = tokio::select! {
                biased;
                woken = wake(channels, self.clock, left, self.stop) => {
                    return if woken == "period" { reason } else { woken };
                }
                news = reconciler.follow(self.policy) => news,
            };
            let tracking = reconciler.tracking().clone();
            report = Arc::new(RegionReport { tracking, ..RegionReport::clone(&report) });
            publish(&channels.reports, &report, self.stop);
            let soon = began.saturating_add(self.policy.pace.refresh_again);
            if news.matters && soon < end {
                (end, reason) = (soon, "members");
            }
        }
    }
}

/// Waits for whatever comes first, and says what it was.
///
/// Wake-ups are hints: a reconciliation reads everything afresh, so losing one costs time, not
/// truth.
async fn wake(
    channels: &mut RegionChannels,
    clock: &Clock,
    pause: Duration,
    stop: &CancellationToken,
) -> &'static str {
    // All arms are cancel-safe: `changed` only marks a version as seen.
    tokio::select! {
        biased;
        () = stop.cancelled() => "stop",
        Ok(()) = channels.source.changed() => "revision",
        Ok(()) = channels.policy.changed() => "settings",
        Ok(()) = channels.membership.changed() => "membership",
        Ok(()) = channels.recorders.changed() => "recorders",
        Ok(()) = channels.reconcile_now.changed() => "request",
        () = clock.sleep(pause) => "period",
    }
}

/// New accounts of one reconciliation that are named in the log; the report has all of them.
const WARNED_MAX: usize = 20;

/// Logs the new accounts whose deadline is near or was missed.
fn warn_of(due: &[(Warning, &NewAccount)]) {
    for (warning, new_account) in due.iter().take(WARNED_MAX) {
        let (account, missing) = (new_account.account.as_str(), new_account.missing.len());
        let deadline = new_account.deadline.to_string();
        match warning {
            Warning::Near => {
                tracing::warn!(account, deadline, missing, "new account waits for its packs");
            }
            Warning::Imminent => {
                tracing::error!(account, deadline, missing, "new account is close to its deadline");
            }
            Warning::Missed => {
                tracing::error!(account, deadline, missing, "new account missed its deadline");
            }
        }
    }
    let more = due.len().saturating_sub(WARNED_MAX);
    if more > 0 {
        tracing::error!(more, "more new accounts lack packs");
    }
}

/// Logs the result of a reconciliation.
fn describe(report: &RegionReport) {
    if let Some(unknown) = &report.unknown {
        tracing::warn!(kind = unknown.kind.as_str(), error = unknown.why, "region unknown");
        return;
    }
    if let Some(pending) = &report.pending {
        let what = pending.summary();
        tracing::error!(what, trips = pending.trips.len(), "losses wait for approval");
    }
    // An idle reconciliation is logged at level debug: every region has one each interval, and the
    // log shows what changed.
    if report.outcomes.is_empty() {
        tracing::debug!(
            packs = report.packs.len(),
            holds = report.plan.holds.len(),
            "reconciliation idle"
        );
    } else {
        let text = PlanText { plan: &report.plan, values: Values::Hidden }.to_string();
        tracing::info!(plan = text, steps = report.outcomes.len(), "reconciliation wrote");
    }
}

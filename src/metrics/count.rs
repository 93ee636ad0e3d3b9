//! Counters: events, each counted once, when it happens.

use std::collections::BTreeSet;
use std::sync::MutexGuard;
use std::time::Duration;

use strum::IntoEnumIterator as _;

use super::Metrics;
use super::closed::{Family as _, is_regional, request_results};
use super::figures::seconds;
use super::view::CountedSoFar;
use crate::cloud::{Attempt, AttemptObserver, Op};
use crate::domain::base::failure::FailureKind;
use crate::domain::base::heartbeat::Task;
use crate::domain::base::model::{PackName, Region, Timestamp};
use crate::domain::base::time::after;
use crate::domain::members::new_account::{NEW, NewAccount};
use crate::domain::plan::outcome::{Outcome, StepResult};
use crate::domain::present::report::{OutOfSyncKind, RegionReport};
use crate::metrics::labels::{ReconcileResult, ReconciliationPhase, Requeue};

/// One request to the own server and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// The template of the route, never the path.
    pub route: &'static str,
    /// The method, of a closed set.
    pub method: &'static str,
    /// The class of the status code: `2xx`.
    pub code: &'static str,
    /// How long the answer took.
    pub elapsed: Duration,
}

impl Metrics {
    /// A region was reconciled: counts the reconciliation, its parts and its mutations.
    pub fn reconciled(&self, report: &RegionReport) {
        if !self.memory().regions.contains(&report.place.region) {
            // Its last reconciliation ended after a reload had dropped the region.
            return;
        }
        let region = report.place.region.as_str();
        let reconcile = &self.0.families.reconcile;
        reconcile
            .reconciles
            .with_label_values(&[region, ReconcileResult::of(report).as_str()])
            .inc();
        let timing = report.timing;
        for (phase, took) in
            ReconciliationPhase::iter().zip([timing.observe, timing.plan, timing.apply])
        {
            reconcile.duration.with_label_values(&[phase.as_str()]).observe(took.as_secs_f64());
        }
        let took = timing.observe.saturating_add(timing.plan).saturating_add(timing.apply);
        if took > self.memory().interval {
            reconcile.overruns.with_label_values(&[region]).inc();
        }
        if report.unknown.is_some() {
            self.requeued(region, Requeue::RegionUnknown);
        }
        for outcome in &report.outcomes {
            self.mutated(&report.place.region, outcome);
        }
        self.count_foreign(report);
        self.count_complete(report);
    }

    fn mutated(&self, spot: &Region, outcome: &Outcome) {
        let region = spot.as_str();
        let Outcome { step, result: ending } = outcome;
        let result = match ending {
            StepResult::NotStarted => return,
            StepResult::Accepted { .. } => "accepted",
            StepResult::Unknown { .. } => "unknown",
            StepResult::Failed { kind, why: _ } => kind.as_str(),
        };
        let families = &self.0.families;
        let labels = [region, step.action.kind().as_str(), result];
        families.guard.mutations.with_label_values(&labels).inc();
        let is_put = step.action.content().is_some();
        if is_put && matches!(ending, StepResult::Accepted { .. }) {
            families.packs.puts.with_label_values(&[region, step.pack.as_str()]).inc();
            // From now on its counter goes away with it, whether or not it was scraped before.
            self.memory().counted.insert((spot.clone(), step.pack.clone()));
        }
        if let Some(reason) = Requeue::of(ending) {
            self.requeued(region, reason);
        }
    }

    fn requeued(&self, region: &str, reason: Requeue) {
        let requeues = &self.0.families.reconcile.requeues;
        requeues.with_label_values(&[region, reason.as_str()]).inc();
    }

    /// A foreign change is seen in every reconciliation until it is healed; it is counted in the
    /// first.
    fn count_foreign(&self, report: &RegionReport) {
        if report.unknown.is_some() {
            return;
        }
        let changed = report
            .packs
            .iter()
            .filter(|(_, pack)| pack.drift.contains(&OutOfSyncKind::ForeignWrite));
        let changed: BTreeSet<PackName> = changed.map(|(name, _)| name.clone()).collect();
        let mut memory = self.memory();
        let known = memory.foreign.entry(report.place.region.clone()).or_default();
        let news = changed.difference(known).count();
        *known = changed;
        let foreign = &self.0.families.guard.foreign;
        let region = report.place.region.as_str();
        foreign.with_label_values(&[region]).inc_by(u64::try_from(news).unwrap_or(u64::MAX));
    }

    /// Every report shows a new account that has every pack; only the first one is counted.
    fn count_complete(&self, report: &RegionReport) {
        let mut memory = self.memory();
        let counted = memory.complete.entry(report.place.region.clone()).or_default();
        // Who is not new any more comes back at most by joining again.
        let is_new = |joined: Timestamp| after(joined, NEW) >= report.finished;
        counted.retain(|(_, joined)| is_new(*joined));
        for NewAccount { account, joined, complete, .. } in &report.tracking.new_accounts {
            let Some(at) = complete else { continue };
            if is_new(*joined) && counted.insert((*account, *joined)) {
                let took = at.duration_since(*joined).as_secs_f64().max(0.);
                self.0.families.members.converge.observe(took);
            }
        }
    }

    /// Settings were read at the start or by a reload, and taken into use or not.
    pub fn reloaded(&self, successful: bool, now: Timestamp) {
        let program = &self.0.families.program;
        program.reload_successful.set(successful.into());
        if successful {
            program.reload_success.set(seconds(now));
        }
    }

    /// A panic was caught in a task.
    pub fn panicked(&self, task: Task) {
        self.0.families.tasks.panics.with_label_values(&[task.as_str()]).inc();
    }

    /// The state of the record, where one is configured.
    pub fn show_record(&self, usable: bool, bytes: u64, write_errors: u64) {
        let record = &self.0.families.record;
        record.usable.with_label_values(&[] as &[&str]).set(usable.into());
        record.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        let counted = record.write_errors.get();
        record.write_errors.inc_by(write_errors.saturating_sub(counted));
    }

    /// This many log lines could not be written.
    pub fn log_lines_dropped(&self, lines: u64) {
        self.0.families.tasks.log_lines_dropped.inc_by(lines);
    }

    /// The own server will answer these routes: all their series exist from now on.
    pub fn routes(
        &self,
        routes: &[&'static str],
        methods: &[&'static str],
        codes: &[&'static str],
    ) {
        let http = &self.0.families.http;
        for route in routes {
            http.duration.touch(&[route]);
            for method in methods {
                for code in codes {
                    http.requests.touch(&[route, method, code]);
                }
            }
        }
    }

    /// The own server answered.
    pub fn answered(&self, exchange: &Exchange) {
        let Exchange { route, method, code, elapsed } = *exchange;
        let http = &self.0.families.http;
        http.requests.with_label_values(&[route, method, code]).inc();
        http.duration.with_label_values(&[route]).observe(elapsed.as_secs_f64());
    }
}

impl Metrics {
    /// The right to count something of this region, if it is among the settings: the last requests
    /// to one that left them would bring its series back. Nothing is reconfigured while it lives.
    fn counting(&self, region: &str) -> Option<MutexGuard<'_, CountedSoFar>> {
        Some(self.memory()).filter(|memory| memory.regions.iter().any(|it| it.as_str() == region))
    }

    /// The same for requests: those about accounts go elsewhere, which the first of them shows.
    fn counting_request(&self, op: Op, region: &str) -> Option<MutexGuard<'_, CountedSoFar>> {
        if is_regional(op) {
            return self.counting(region);
        }
        let memory = self.memory();
        for result in request_results(op) {
            self.0.families.aws.requests.touch(&[region, op.service(), op.as_str(), result]);
        }
        Some(memory)
    }
}

impl AttemptObserver for Metrics {
    fn attempted(&self, attempt: &Attempt<'_>) {
        let Attempt { op, region, result, elapsed } = *attempt;
        let Some(_kept) = self.counting_request(op, region) else { return };
        let aws = &self.0.families.aws;
        let result = result.err().map_or("ok", FailureKind::as_str);
        aws.requests.with_label_values(&[region, op.service(), op.as_str(), result]).inc();
        let duration = aws.duration.with_label_values(&[op.service(), op.as_str()]);
        duration.observe(elapsed.as_secs_f64());
        // An adapter that does not announce its requests has none in flight.
        let inflight = aws.inflight.with_label_values(&[region]);
        if inflight.get() > 0 {
            inflight.dec();
        }
    }

    fn attempting(&self, op: Op, region: &str) {
        let Some(_kept) = self.counting_request(op, region) else { return };
        self.0.families.aws.inflight.with_label_values(&[region]).inc();
    }

    fn waited(&self, region: &str, wait: Duration) {
        let Some(_kept) = self.counting(region) else { return };
        self.0.families.aws.limiter_wait.with_label_values(&[region]).inc_by(wait.as_secs_f64());
    }
}

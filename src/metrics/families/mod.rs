//! Every family: its name, its type and its labels. Which label values there are is in `closed`.
//!
//! The label `region` always comes first. The library tells series apart by a hash over their label
//! values put together, so no two sets of values may read alike without separators: a region ends
//! with a digit, and everything that follows it begins with a letter; a status ends like no other.

mod members;

pub(super) use members::{MemberFamilies, OrganizationFamilies, PACK_ACCOUNTS};

use crate::metrics::pack_labels::LabelFamily;
use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result,
};

/// Seconds that a phase of a reconciliation takes. Ours: from a small region to a throttled one.
const PHASE_SECONDS: [f64; 11] = [0.01, 0.05, 0.1, 0.5, 1., 5., 10., 30., 60., 120., 300.];
/// Seconds that one attempt of a request takes, up to the timeout of an attempt.
const REQUEST_SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1., 2.5, 5., 10., 30.];
/// Seconds that an answer of the own server takes; requests end after 10.
const HTTP_SECONDS: [f64; 7] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.];

pub(super) const PACK_SYNCED: &str = "conformd_pack_synced";
pub(super) const PACK_UPDATE_LAST: &str = "conformd_pack_last_update_timestamp_seconds";
pub(super) const PACK_PUTS: &str = "conformd_pack_puts_total";

/// All families.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) program: ProgramFamilies,
    pub(super) source: SourceFamilies,
    pub(super) reconcile: ReconcileFamilies,
    pub(super) packs: PackFamilies,
    pub(super) members: MemberFamilies,
    pub(super) organization: OrganizationFamilies,
    pub(super) guard: GuardFamilies,
    pub(super) record: RecordFamilies,
    pub(super) aws: AwsFamilies,
    pub(super) http: HttpFamilies,
    pub(super) tasks: TaskFamilies,
}

#[derive(Debug)]
pub(super) struct ProgramFamilies {
    pub(super) build_info: IntGaugeVec,
    pub(super) simulated: IntGauge,
    pub(super) mode: IntGaugeVec,
    pub(super) interval: GaugeVec,
    pub(super) reload_successful: IntGauge,
    pub(super) reload_success: Gauge,
}

#[derive(Debug)]
pub(super) struct SourceFamilies {
    pub(super) attempt_last: Gauge,
    pub(super) success_last: Gauge,
    pub(super) revision_info: IntGaugeVec,
    pub(super) reads: IntCounterVec,
    pub(super) manifests: IntGaugeVec,
    pub(super) approvals: IntGaugeVec,
}

#[derive(Debug)]
pub(super) struct RecordFamilies {
    /// Without labels, and still a family: it is absent without `stateDirectory`.
    pub(super) usable: IntGaugeVec,
    pub(super) bytes: IntGauge,
    pub(super) write_errors: IntCounter,
}

#[derive(Debug)]
pub(super) struct ReconcileFamilies {
    pub(super) reconciles: IntCounterVec,
    pub(super) attempt_last: GaugeVec,
    pub(super) success_last: GaugeVec,
    pub(super) duration: HistogramVec,
    pub(super) overruns: IntCounterVec,
    pub(super) requeues: IntCounterVec,
    pub(super) blocked: IntGaugeVec,
}

#[derive(Debug)]
pub(super) struct PackFamilies {
    pub(super) synced: IntGaugeVec,
    pub(super) update_last: GaugeVec,
    pub(super) puts: IntCounterVec,
    pub(super) packs: IntGaugeVec,
    pub(super) sync_reasons: IntGaugeVec,
    pub(super) out_of_sync: IntGaugeVec,
    pub(super) observed: IntGaugeVec,
    pub(super) quota: IntGaugeVec,
    pub(super) conflicts: IntGaugeVec,
    pub(super) labels: LabelFamily,
    pub(super) suspended: IntGaugeVec,
    pub(super) warnings: IntGauge,
}

#[derive(Debug)]
pub(super) struct GuardFamilies {
    pub(super) tripped: IntGaugeVec,
    pub(super) held: IntGaugeVec,
    pub(super) changes: IntGaugeVec,
    pub(super) mutations: IntCounterVec,
    pub(super) foreign: IntCounterVec,
}

#[derive(Debug)]
pub(super) struct AwsFamilies {
    pub(super) requests: IntCounterVec,
    pub(super) duration: HistogramVec,
    pub(super) limiter_wait: CounterVec,
    pub(super) inflight: IntGaugeVec,
    /// Without labels, and still a family: it is absent while nothing is known.
    pub(super) clock_skew: GaugeVec,
}

#[derive(Debug)]
pub(super) struct HttpFamilies {
    pub(super) requests: IntCounterVec,
    pub(super) duration: HistogramVec,
}

#[derive(Debug)]
pub(super) struct TaskFamilies {
    pub(super) beat_last: GaugeVec,
    pub(super) panics: IntCounterVec,
    pub(super) log_lines_dropped: IntCounter,
    pub(super) series_dropped: IntGaugeVec,
    pub(super) problems: IntGaugeVec,
}

impl Families {
    pub(super) fn register(registry: &Registry) -> Result<Self> {
        let on = Register(registry);
        Ok(Self {
            program: ProgramFamilies::register(&on)?,
            source: SourceFamilies::register(&on)?,
            reconcile: ReconcileFamilies::register(&on)?,
            packs: PackFamilies::register(&on)?,
            members: MemberFamilies::register(&on)?,
            organization: OrganizationFamilies::register(&on)?,
            guard: GuardFamilies::register(&on)?,
            record: RecordFamilies::register(&on)?,
            aws: AwsFamilies::register(&on)?,
            http: HttpFamilies::register(&on)?,
            tasks: TaskFamilies::register(&on)?,
        })
    }
}

struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<Gauge> {
        self.add(Gauge::new(name, help)?)
    }

    fn int_gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        self.add(IntGauge::new(name, help)?)
    }

    fn gauges(&self, name: &str, labels: &[&str], help: &str) -> Result<GaugeVec> {
        self.add(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn int_gauges(&self, name: &str, labels: &[&str], help: &str) -> Result<IntGaugeVec> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.add(IntCounter::new(name, help)?)
    }

    fn counters(&self, name: &str, labels: &[&str], help: &str) -> Result<IntCounterVec> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn seconds(&self, name: &str, labels: &[&str], help: &str) -> Result<CounterVec> {
        self.add(CounterVec::new(Opts::new(name, help), labels)?)
    }

    fn histograms(
        &self,
        name: &str,
        labels: &[&str],
        buckets: &[f64],
        help: &str,
    ) -> Result<HistogramVec> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(opts, labels)?)
    }
}

impl ProgramFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            build_info: on.int_gauges(
                "conformd_build_info",
                &["version", "commit"],
                "Always 1, with the version and the commit of the program; `unknown` if the build \
                 did not name its commit.",
            )?,
            simulated: on.int_gauge(
                "conformd_simulated",
                "1 when the built-in simulator stands in for AWS: no other metric is about real \
                 accounts then.",
            )?,
            mode: on.int_gauges("conformd_mode", &["mode"], "1 for the active mode.")?,
            interval: on.gauges(
                "conformd_interval_seconds",
                &["loop"],
                "Configured period of each loop; alerts on staleness are multiples of it.",
            )?,
            reload_successful: on.int_gauge(
                "conformd_config_last_reload_successful",
                "1 when conformd could use the settings when it last read them.",
            )?,
            reload_success: on.gauge(
                "conformd_config_last_reload_success_timestamp_seconds",
                "When conformd last started to use settings that it read.",
            )?,
        })
    }
}

impl SourceFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            attempt_last: on.gauge(
                "conformd_source_last_attempt_timestamp_seconds",
                "When conformd last tried to read the source.",
            )?,
            success_last: on.gauge(
                "conformd_source_last_success_timestamp_seconds",
                "When conformd last read the source completely and accepted it.",
            )?,
            revision_info: on.int_gauges(
                "conformd_source_revision_info",
                &["revision"],
                "1 for the revision in force: one series, which is replaced; absent before the \
                 first.",
            )?,
            reads: on.counters(
                "conformd_source_reads_total",
                &["result"],
                "Readings of the source by outcome: `changed`, `unchanged`, `empty`, \
                 `unreadable`, `unreachable`, `unauthorized`, `untrusted`, `rewound`, `oversize`.",
            )?,
            manifests: on.int_gauges(
                "conformd_manifests",
                &["state"],
                "Manifests of the revision in force; a file that cannot be read counts as an \
                 invalid one.",
            )?,
            approvals: on.int_gauges(
                "conformd_approvals",
                &["state"],
                "`Approval` manifests; a matched one permitted losses in the last reconciliation \
                 of some region.",
            )?,
        })
    }
}

impl RecordFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            usable: on.int_gauges(
                "conformd_record_usable",
                &[],
                "1 when losses are remembered over restarts, 0 when the record cannot be used; \
                 absent without `stateDirectory`.",
            )?,
            bytes: on.int_gauge("conformd_record_bytes", "Bytes that the record takes.")?,
            write_errors: on.counter(
                "conformd_record_write_errors_total",
                "Writes to the record that failed.",
            )?,
        })
    }
}

impl ReconcileFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            reconciles: on.counters(
                "conformd_reconciles_total",
                &["region", "result"],
                "Reconciliations; `incomplete`: conformd could not read the region completely; \
                 `error`: a mutation failed or its outcome is unknown.",
            )?,
            attempt_last: on.gauges(
                "conformd_reconcile_last_attempt_timestamp_seconds",
                &["region"],
                "When the last reconciliation began.",
            )?,
            success_last: on.gauges(
                "conformd_reconcile_last_success_timestamp_seconds",
                &["region"],
                "When conformd last read the region completely: the age of all metrics of its \
                 packs.",
            )?,
            duration: on.histograms(
                "conformd_reconcile_duration_seconds",
                &["phase"],
                &PHASE_SECONDS,
                "Duration of the phases of reconciliations, all regions together.",
            )?,
            overruns: on.counters(
                "conformd_reconcile_overruns_total",
                &["region"],
                "Reconciliations that took longer than the interval.",
            )?,
            requeues: on.counters(
                "conformd_requeues_total",
                &["region", "reason"],
                "Reconciliations that did not succeed and are tried again before the interval \
                 ends.",
            )?,
            blocked: on.int_gauges(
                "conformd_region_blocked",
                &["region", "reason"],
                "1 while conformd cannot manage the region for this reason; throttling is no such \
                 reason.",
            )?,
        })
    }
}

impl PackFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            synced: on.int_gauges(
                PACK_SYNCED,
                &["region", "pack"],
                "1 when the observed pack is as its manifest says; only packs that a manifest \
                 names; absent before the first observation.",
            )?,
            update_last: on.gauges(
                PACK_UPDATE_LAST,
                &["region", "pack"],
                "AWS's `LastUpdateTime`; absent while the pack does not exist.",
            )?,
            puts: on.counters(
                PACK_PUTS,
                &["region", "pack"],
                "Accepted Puts, redeployments included.",
            )?,
            packs: on.int_gauges(
                "conformd_packs",
                &["region", "sync"],
                "Pack deployments by sync status: is the observed pack as its manifest says?",
            )?,
            sync_reasons: on.int_gauges(
                "conformd_pack_sync_reasons",
                &["region", "reason"],
                "Pack deployments by the reason why they are out of sync or not changed.",
            )?,
            out_of_sync: on.int_gauges(
                "conformd_packs_out_of_sync",
                &["region", "kind"],
                "Pack deployments by what differs; one may differ in several ways.",
            )?,
            observed: on.int_gauges(
                "conformd_packs_observed",
                &["region"],
                "Visible packs, whoever owns them.",
            )?,
            quota: on.int_gauges(
                "conformd_pack_quota",
                &["region"],
                "How many packs AWS allows.",
            )?,
            conflicts: on.int_gauges(
                "conformd_pack_conflicts",
                &["pack"],
                "Regions in which another writer reverts the pack; only packs that a manifest \
                 names.",
            )?,
            labels: LabelFamily::register(on.0)?,
            warnings: on.int_gauge(
                "conformd_pack_warnings",
                "Distinct warnings about packs, all regions together: exclusions that select no \
                 account, for example.",
            )?,
            suspended: on.int_gauges(
                "conformd_suspended",
                &["scope"],
                "Suspended packs, by name.",
            )?,
        })
    }
}

impl GuardFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            tripped: on.int_gauges(
                "conformd_guard_tripped",
                &["region", "reason"],
                "Packs whose change waits for an approval, by the limit that was exceeded; \
                 `membership` is at least 1 in every region while a shorter account list waits.",
            )?,
            held: on.int_gauges(
                "conformd_steps_held",
                &["region", "reason"],
                "Steps of the last plan that are held, ordinary reasons included.",
            )?,
            changes: on.int_gauges(
                "conformd_plan_changes",
                &["region", "action"],
                "Steps of the last plan that may be taken.",
            )?,
            mutations: on.counters(
                "conformd_mutations_total",
                &["region", "action", "result"],
                "Mutations by result; `unknown`: AWS gave no clear answer, so conformd observes \
                 the region again first.",
            )?,
            foreign: on.counters(
                "conformd_foreign_changes_total",
                &["region"],
                "External changes of packs, each counted once until it is corrected.",
            )?,
        })
    }
}

impl AwsFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            requests: on.counters(
                "conformd_aws_requests_total",
                &["region", "service", "operation", "result"],
                "Attempts of requests to AWS, retries included. Those about accounts \
                 (`organizations`, `AssumeRole`) are counted in the one region that they go to, \
                 and exist after the first; all others exist with every result that they can \
                 have.",
            )?,
            duration: on.histograms(
                "conformd_aws_request_duration_seconds",
                &["service", "operation"],
                &REQUEST_SECONDS,
                "Duration of attempts of requests to AWS.",
            )?,
            limiter_wait: on.seconds(
                "conformd_aws_limiter_wait_seconds_total",
                &["region"],
                "Time that requests waited for conformd's own rate limiter.",
            )?,
            inflight: on.int_gauges(
                "conformd_aws_inflight_requests",
                &["region"],
                "Requests that wait for their answer.",
            )?,
            clock_skew: on.gauges(
                "conformd_aws_clock_skew_seconds",
                &[],
                "AWS's clock minus the machine's clock; absent while it is unknown.",
            )?,
        })
    }
}

impl HttpFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            requests: on.counters(
                "conformd_http_requests_total",
                &["route", "method", "code"],
                "Requests to conformd's own server; every unknown path is `other`.",
            )?,
            duration: on.histograms(
                "conformd_http_request_duration_seconds",
                &["route"],
                &HTTP_SECONDS,
                "Time from a request to conformd's own server until its answer begins.",
            )?,
        })
    }
}

impl TaskFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            beat_last: on.gauges(
                "conformd_task_last_beat_timestamp_seconds",
                &["task", "region"],
                "When a long task (`source`, `organization`, `probe`, `region`, `http`, \
                 `journal`) last sent a heartbeat; `region` is empty unless each region has a \
                 task.",
            )?,
            panics: on.counters(
                "conformd_panics_total",
                &["task"],
                "Caught panics: each is a bug.",
            )?,
            log_lines_dropped: on
                .counter("conformd_log_lines_dropped_total", "Log lines that were not written.")?,
            series_dropped: on.int_gauges(
                "conformd_series_dropped",
                &["metric"],
                "Series that are left out: a region shows its first 100 packs by name, twice \
                 AWS's quota.",
            )?,
            problems: on.int_gauges(
                "conformd_problems",
                &["severity", "owner", "cause"],
                "Accounts with a problem, by its severity, who must act, and its cause, as \
                 `conformd status` shows them; a problem of no account counts as 1; \
                 absent for what is not wrong.",
            )?,
        })
    }
}

//! Every family: its name, its type and its labels. Which label values there are is in `closed`.
//!
//! The label `region` always comes first. The library tells series apart by a hash over their label
//! values put together, so no two sets of values may read alike without separators: a region ends
//! with a digit, and everything that follows it begins with a letter; a status ends like no other.

mod members;

pub(super) use members::{MemberFamilies, OrganizationFamilies, PACK_ACCOUNTS};

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result,
};

/// Seconds that a phase of a reconciliation takes (reliability reference, section 5: 0.01 to 300).
const PHASE_SECONDS: [f64; 11] = [0.01, 0.05, 0.1, 0.5, 1., 5., 10., 30., 60., 120., 300.];
/// Seconds that one attempt of a request takes (reliability reference, section 5: 0.05 to 30).
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
    pub(super) usable: IntGauge,
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
    pub(super) suspended: IntGaugeVec,
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
        (buckets, help): (&[f64], &str),
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
                "Which program this is; always 1.",
            )?,
            simulated: on.int_gauge(
                "conformd_simulated",
                "1 when the built-in simulator stands in for AWS.",
            )?,
            mode: on.int_gauges(
                "conformd_mode",
                &["mode"],
                "1 for the mode of operation that is active.",
            )?,
            interval: on.gauges(
                "conformd_interval_seconds",
                &["loop"],
                "Configured period of a loop.",
            )?,
            reload_successful: on.int_gauge(
                "conformd_config_last_reload_successful",
                "Whether the settings could be used when they were last read.",
            )?,
            reload_success: on.gauge(
                "conformd_config_last_reload_success_timestamp_seconds",
                "When settings were last taken into use.",
            )?,
        })
    }
}

impl SourceFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            attempt_last: on.gauge(
                "conformd_source_last_attempt_timestamp_seconds",
                "When reading the source was last tried; 0 when not yet.",
            )?,
            success_last: on.gauge(
                "conformd_source_last_success_timestamp_seconds",
                "When the source was last read whole and accepted; 0 when not yet.",
            )?,
            revision_info: on.int_gauges(
                "conformd_source_revision_info",
                &["revision"],
                "The revision in force; always 1.",
            )?,
            reads: on.counters(
                "conformd_source_reads_total",
                &["result"],
                "Readings of the source, by result.",
            )?,
            manifests: on.int_gauges(
                "conformd_manifests",
                &["state"],
                "Manifests of the revision in force.",
            )?,
            approvals: on.int_gauges(
                "conformd_approvals",
                &["state"],
                "Approvals of the revision in force; matched ones let a plan through.",
            )?,
        })
    }
}

impl RecordFamilies {
    fn register(on: &Register<'_>) -> Result<Self> {
        Ok(Self {
            usable: on.int_gauge(
                "conformd_record_usable",
                "1 when losses are remembered over restarts; 0 when there is no usable record.",
            )?,
            bytes: on.int_gauge("conformd_record_bytes", "The bytes that the record takes.")?,
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
                "Ticks of a region, by how they ended.",
            )?,
            attempt_last: on.gauges(
                "conformd_reconcile_last_attempt_timestamp_seconds",
                &["region"],
                "When the last reconciliation of the region began; 0 when none yet.",
            )?,
            success_last: on.gauges(
                "conformd_reconcile_last_success_timestamp_seconds",
                &["region"],
                "When the region was last read whole; 0 when not yet.",
            )?,
            duration: on.histograms(
                "conformd_reconcile_duration_seconds",
                &["phase"],
                (&PHASE_SECONDS, "How long the phases of reconciliations took."),
            )?,
            overruns: on.counters(
                "conformd_reconcile_overruns_total",
                &["region"],
                "Ticks that took longer than the interval.",
            )?,
            requeues: on.counters(
                "conformd_requeues_total",
                &["region", "reason"],
                "What did not succeed and is tried again.",
            )?,
            blocked: on.int_gauges(
                "conformd_region_blocked",
                &["region", "reason"],
                "1 when the region cannot be managed now, by the kind of failure.",
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
                "1 when AWS holds what the manifest wants, as last seen.",
            )?,
            update_last: on.gauges(
                PACK_UPDATE_LAST,
                &["region", "pack"],
                "LastUpdateTime of the pack, as last seen.",
            )?,
            puts: on.counters(
                PACK_PUTS,
                &["region", "pack"],
                "Puts of the pack that AWS accepted.",
            )?,
            packs: on.int_gauges(
                "conformd_packs",
                &["region", "sync"],
                "Packs as last seen, by whether AWS holds what the manifests ask for.",
            )?,
            sync_reasons: on.int_gauges(
                "conformd_pack_sync_reasons",
                &["region", "reason"],
                "Packs as last seen, by why they are out of sync or left alone.",
            )?,
            out_of_sync: on.int_gauges(
                "conformd_packs_out_of_sync",
                &["region", "kind"],
                "Packs as last seen, by what differs.",
            )?,
            observed: on.int_gauges(
                "conformd_packs_observed",
                &["region"],
                "Visible packs as last seen, whoever owns them.",
            )?,
            quota: on.int_gauges(
                "conformd_pack_quota",
                &["region"],
                "How many packs there may be.",
            )?,
            suspended: on.int_gauges(
                "conformd_suspended",
                &["scope"],
                "What is paused: packs whose manifest says so, by name.",
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
                "Packs whose change waits for an approval, by the limit that was passed.",
            )?,
            held: on.int_gauges(
                "conformd_steps_held",
                &["region", "reason"],
                "Steps of the last plan that wait, ordinary reasons included.",
            )?,
            changes: on.int_gauges(
                "conformd_plan_changes",
                &["region", "action"],
                "Steps of the last plan that may be taken.",
            )?,
            mutations: on.counters(
                "conformd_mutations_total",
                &["region", "action", "result"],
                "Mutations sent to AWS, by how they ended.",
            )?,
            foreign: on.counters(
                "conformd_foreign_changes_total",
                &["region"],
                "Changes by somebody else that were seen.",
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
                "Attempts of requests to AWS, retries included.",
            )?,
            duration: on.histograms(
                "conformd_aws_request_duration_seconds",
                &["service", "operation"],
                (&REQUEST_SECONDS, "How long attempts of requests to AWS took."),
            )?,
            limiter_wait: on.seconds(
                "conformd_aws_limiter_wait_seconds_total",
                &["region"],
                "How long requests waited for the own rate limiter.",
            )?,
            inflight: on.int_gauges(
                "conformd_aws_inflight_requests",
                &["region"],
                "Requests to AWS that wait for their answer.",
            )?,
            clock_skew: on.gauges(
                "conformd_aws_clock_skew_seconds",
                &[],
                "AWS's clock minus the own one.",
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
                "Requests to the own server.",
            )?,
            duration: on.histograms(
                "conformd_http_request_duration_seconds",
                &["route"],
                (&HTTP_SECONDS, "How long answers of the own server took."),
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
                "When a long task last showed that it runs.",
            )?,
            panics: on.counters("conformd_panics_total", &["task"], "Panics that were caught.")?,
            log_lines_dropped: on
                .counter("conformd_log_lines_dropped_total", "Log lines that were not written.")?,
            series_dropped: on.int_gauges(
                "conformd_series_dropped",
                &["metric"],
                "Series that are left out because a region has too many packs.",
            )?,
        })
    }
}

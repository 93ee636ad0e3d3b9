"""Dashboard 3: is conformd itself well: AWS's answers, its reconciliations, its source, its process?"""

from board import board, datasource, job, page, region
from panels import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SOME_IS_BAD,
    SOME_IS_SUSPECT,
    Asked,
    heat,
    lines,
    stat,
    timeline,
)
from queries import increase, of_job, of_region, quantile, rate, total
from record import record

UID = "conformd-control-plane"

REQUESTS = "conformd_aws_requests_total"
RESULTS = {"ok": GREEN, "throttled": ORANGE, "denied": RED, "in_flight": BLUE, "timeout": PURPLE}


def control_plane():
    """The dashboard, built."""
    return board(
        UID,
        "conformd / Control plane",
        "Does conformd itself work: AWS's responses, reconciliations, source, process?",
        variables=[datasource(), job(), region(), page()],
        sections={
            "AWS": [*_answers(), *_pace()],
            "Reconcile": [*_ticks(), *_waiting(), *_ages()],
            "Source": _source(),
            "Record": record(),
            "HTTP server": _server(),
            "Process": [*_figures(), *_resources(), *_limits()],
        },
    )


def _answers() -> list:
    failed = of_region(REQUESTS, result="!ok")
    third = {"width": 8, "height": 8}
    return [
        lines(
            Asked(
                "Requests by result",
                "Attempts per second, retries included.",
                **third,
                unit="reqps",
                runbooks=("ConformdAwsErrors",),
            ),
            {"{{result}}": rate("result", of_region(REQUESTS)) + " > 0"},
            stacked=True,
            colors=RESULTS,
        ),
        lines(
            Asked(
                "Errors by operation",
                "Attempts per second that did not succeed.",
                **third,
                unit="reqps",
                no_value="no error",
                runbooks=("ConformdAwsErrors", "ConformdAwsAccessDenied"),
            ),
            {"{{operation}} {{result}}": rate("operation, result", failed) + " > 0"},
            bars=True,
            shades=RED,
        ),
        lines(
            Asked(
                "Latency by operation",
                "99th percentile of the duration of attempts, all regions together.",
                **third,
                unit="s",
            ),
            {
                "{{operation}}": quantile(
                    "0.99", "operation", of_job("conformd_aws_request_duration_seconds_bucket")
                )
            },
            sparse=True,
        ),
    ]


def _pace() -> list:
    throttled = of_region(REQUESTS, result="throttled")
    third = {"width": 8, "height": 8}
    return [
        lines(
            Asked(
                "Throttled share by region",
                "Share of attempts that AWS throttled. The alert uses the last 30 min, and fires "
                "above 10 %.",
                **third,
                unit="percentunit",
                runbooks=("ConformdAwsThrottled",),
            ),
            {
                "{{region}}": f"{rate('region', throttled)}"
                f" / ({rate('region', of_region(REQUESTS))} > 0)"
            },
            sparse=True,
            limits=[(None, "transparent"), (0.1, ORANGE)],
        ),
        lines(
            Asked(
                "Wait for the rate limiter",
                "Seconds per second that requests wait for conformd's own rate limiter, which "
                "keeps them below AWS's limits.",
                **third,
                unit="percentunit",
            ),
            {"{{region}}": rate("region", of_region("conformd_aws_limiter_wait_seconds_total"))},
        ),
        lines(
            Asked("In flight", "Requests that wait for their answer.", **third),
            {"{{region}}": f"max by (region) ({of_region('conformd_aws_inflight_requests')})"},
        ),
    ]


def _ticks() -> list:
    third = {"width": 8, "height": 8}
    return [
        heat(
            Asked(
                "Duration of observing",
                "How long reconciliations take to read a region, all regions together.",
                **third,
                unit="s",
            ),
            increase("le", of_job("conformd_reconcile_duration_seconds_bucket", phase="observe")),
        ),
        lines(
            Asked(
                "Duration by phase",
                "90th percentile of the duration of each phase, all regions together.",
                **third,
                unit="s",
            ),
            {
                "{{phase}}": quantile(
                    "0.9", "phase", of_job("conformd_reconcile_duration_seconds_bucket")
                )
            },
            sparse=True,
        ),
        lines(
            Asked(
                "Reconciliations by result",
                "Incomplete: the region could not be read completely. Error: a write failed or has "
                "an unknown outcome.",
                **third,
                no_value="no reconciliation",
            ),
            {"{{result}}": increase("result", of_region("conformd_reconciles_total")) + " > 0"},
            bars=True,
            colors={"ok": GREEN, "incomplete": ORANGE, "error": RED},
        ),
    ]


def _waiting() -> list:
    third = {"width": 8, "height": 8}
    return [
        lines(
            Asked(
                "Held by reason",
                "Held steps of the last plans, ordinary reasons included.",
                **third,
                no_value="nothing is held",
                runbooks=("ConformdPackOutOfSync",),
            ),
            {
                "{{reason}}": total("reason", "region, reason", of_region("conformd_steps_held"))
                + " > 0"
            },
            stacked=True,
        ),
        lines(
            Asked(
                "Requeued by reason",
                "Work that did not succeed and is retried before the next interval.",
                **third,
                no_value="nothing was requeued",
            ),
            {"{{reason}}": increase("reason", of_region("conformd_requeues_total")) + " > 0"},
            bars=True,
            shades=ORANGE,
        ),
        lines(
            Asked(
                "Overruns",
                "Reconciliations that took longer than the interval.",
                **third,
                no_value="no overrun",
            ),
            {
                "{{region}}": increase("region", of_region("conformd_reconcile_overruns_total"))
                + " > 0"
            },
            bars=True,
            shades=ORANGE,
        ),
    ]


def _ages() -> list:
    third = {"width": 8, "height": 8}
    read = of_region("conformd_reconcile_last_success_timestamp_seconds")
    tried = of_region("conformd_reconcile_last_attempt_timestamp_seconds")
    resynced = of_region("conformd_resync_last_success_timestamp_seconds")
    return [
        lines(
            Asked(
                "Age of regions",
                "Time since the region was last read completely, which is the age of the data "
                "about its packs, and since its last reconciliation began. If the lines diverge, "
                "conformd tries and fails.",
                **third,
                unit="s",
                runbooks=("ConformdRegionStale", "ConformdAllRegionsStale"),
            ),
            {
                "{{region}} read": f"time() - (max by (region) ({read}) > 0)",
                "{{region}} tried": f"time() - (max by (region) ({tried}) > 0)",
            },
        ),
        lines(
            Asked(
                "Age of resyncs",
                "Time since members were last read: those that fail or are in progress, or all members of every pack.",
                **third,
                unit="s",
                no_value="no owned pack is known",
                runbooks=("ConformdResyncStale",),
            ),
            {"{{region}} {{kind}}": f"time() - (max by (region, kind) ({resynced}) > 0)"},
        ),
        timeline(
            Asked(
                "Blocked regions by reason",
                "Regions that conformd cannot manage, by reason.",
                **third,
                no_value="no region is blocked",
                runbooks=("ConformdRegionBlocked", "ConformdAwsAccessDenied", "ConformdCredentialsRefused"),
            ),
            f"max by (region, reason) ({of_region('conformd_region_blocked')}) > 0",
            "{{region}} {{reason}}",
            {1: ("blocked", RED)},
        ),
    ]


def _source() -> list:
    half = {"width": 6, "height": 8}
    success = of_job("conformd_source_last_success_timestamp_seconds")
    attempt = of_job("conformd_source_last_attempt_timestamp_seconds")
    return [
        lines(
            Asked(
                "Readings by result",
                "Reads of the source, by result.",
                **half,
                runbooks=("ConformdSourceStale",),
            ),
            {"{{result}}": increase("result", of_job("conformd_source_reads_total")) + " > 0"},
            bars=True,
            colors={"unchanged": GREEN, "changed": BLUE, "unreadable": RED, "empty": ORANGE},
        ),
        lines(
            Asked(
                "Age of the source",
                "Time since the source was last read completely and accepted, and since conformd "
                "last tried. If the lines diverge, conformd tries and fails.",
                **half,
                unit="s",
                runbooks=("ConformdSourceStale", "ConformdSourceLost"),
            ),
            {"read": f"time() - (max({success}) > 0)", "tried": f"time() - (max({attempt}) > 0)"},
        ),
        lines(
            Asked(
                "Manifests",
                "Files of the revision in force, and warnings about packs. An unreadable file counts as invalid.",
                **half,
                runbooks=("ConformdManifestsInvalid", "ConformdPackWarnings"),
            ),
            {
                "{{state}}": f"max by (state) ({of_job('conformd_manifests')})",
                "warnings": f"max({of_job('conformd_pack_warnings')})",
            },
            colors={"valid": GREEN, "invalid": RED, "warnings": ORANGE},
        ),
        lines(
            Asked(
                "Approvals",
                "Approval manifests. Matched: it permitted losses in the last reconciliation of a region.",
                **half,
                runbooks=("ConformdGuardTripped",),
            ),
            {"{{state}}": f"max by (state) ({of_job('conformd_approvals')})"},
            stacked=True,
            colors={"matched": GREEN, "unmatched": ORANGE, "expired": RED},
        ),
        lines(
            Asked(
                "Problems",
                "Accounts with a problem, or 1 for a problem of no account, by cause and owner.",
                width=12,
                height=8,
                no_value="no problem",
                runbooks=("ConformdApprovalPending", "ConformdUndeclaredPacks", "ConformdRecordUnusable"),
            ),
            {
                "{{cause}}, {{owner}}": f"max by (cause, owner) ({of_job('conformd_problems')}) > 0"
            },
        ),
        lines(
            Asked(
                "Conflicts by pack",
                "Regions in which another writer keeps changing a pack back, with the team of the pack.",
                width=12,
                height=8,
                no_value="no conflict",
                runbooks=("ConformdPackConflict",),
            ),
            {
                "{{pack}}": f"max by (pack) ({of_job('conformd_pack_conflicts')}) "
                f"* on (pack) group_left (team) topk by (pack) (1, max by (pack, team) ({of_job('conformd_pack_labels')}))"
            },
        ),
    ]


def _server() -> list:
    half = {"width": 12, "height": 7}
    return [
        lines(
            Asked("HTTP requests", "Requests a second to the own server.", **half, unit="reqps"),
            {
                "{{route}} {{code}}": rate("route, code", of_job("conformd_http_requests_total"))
                + " > 0"
            },
            stacked=True,
        ),
        lines(
            Asked(
                "HTTP latency",
                "99th percentile of the time until the response begins.",
                **half,
                unit="s",
            ),
            {
                "{{route}}": quantile(
                    "0.99", "route", of_job("conformd_http_request_duration_seconds_bucket")
                )
            },
            sparse=True,
        ),
    ]


def _figures() -> list:
    small = {"width": 4, "height": 4}
    reload = of_job("conformd_config_last_reload_success_timestamp_seconds")
    return [
        stat(
            Asked(
                "Uptime",
                "Time since the process started.",
                **small,
                unit="s",
                runbooks=("ConformdRestarting",),
            ),
            f"time() - max({of_job('process_start_time_seconds')})",
            decimals=1,
        ),
        stat(
            Asked(
                "Settings",
                "Whether the settings could be used when they were last read.",
                **small,
                runbooks=("ConformdConfigReloadFailed",),
            ),
            f"min({of_job('conformd_config_last_reload_successful')})",
            words={1: ("in use", GREEN), 0: ("refused", RED)},
        ),
        stat(
            Asked(
                "Settings applied",
                "When settings were last applied.",
                **small,
                unit="dateTimeFromNow",
            ),
            f"1000 * max({reload})",
        ),
        stat(
            Asked(
                "Panics",
                "Caught panics within the time range of this dashboard. Each is a bug.",
                **small,
                runbooks=("ConformdTaskPanicked",),
            ),
            f"round(sum(increase({of_job('conformd_panics_total')}[$__range])))",
            steps=SOME_IS_BAD,
        ),
        stat(
            Asked(
                "Dropped log lines",
                "Log lines that could not be written, within the time range of this dashboard.",
                **small,
            ),
            f"round(sum(increase({of_job('conformd_log_lines_dropped_total')}[$__range])))",
            steps=SOME_IS_SUSPECT,
        ),
        stat(
            Asked(
                "Dropped series",
                "Series that are omitted, because a region has more than 100 packs.",
                **small,
                runbooks=("ConformdSeriesDropped",),
            ),
            f"sum(max by (metric) ({of_job('conformd_series_dropped')}))",
            steps=SOME_IS_SUSPECT,
        ),
    ]


def _resources() -> list:
    resident = of_job("process_resident_memory_bytes")
    limit = of_job("conformd_memory_limit_bytes")
    quarter = {"width": 6, "height": 8}
    beat = of_job("conformd_task_last_beat_timestamp_seconds")
    return [
        lines(
            Asked(
                "Processor",
                "Processor time; 100 % is one processor.",
                **quarter,
                unit="percentunit",
            ),
            {"{{instance}}": rate("instance", of_job("process_cpu_seconds_total"))},
        ),
        lines(
            Asked(
                "Memory",
                "Resident memory, and the memory limit of the control group.",
                **quarter,
                unit="bytes",
                runbooks=("ConformdMemoryHigh",),
            ),
            {
                "resident {{instance}}": f"max by (instance) ({resident})",
                "limit {{instance}}": f"max by (instance) ({limit})",
            },
        ),
        lines(
            Asked(
                "Descriptors and threads",
                "Open file descriptors, their limit, and threads, to detect leaks.",
                **quarter,
            ),
            {
                "descriptors": f"max({of_job('process_open_fds')})",
                "threads": f"max({of_job('process_threads')})",
            },
        ),
        lines(
            Asked(
                "Silence of tasks",
                "Time since the last heartbeat of each long-running task. Above 300 s, the task hangs.",
                **quarter,
                unit="s",
                runbooks=("ConformdTaskStalled",),
            ),
            {"{{task}}": f"time() - (min by (task) ({beat}) > 0)"},
            limits=[(None, "transparent"), (300, RED)],
        ),
    ]


def _limits() -> list:
    wide = {"width": 8, "height": 7}
    return [
        lines(
            Asked(
                "Clock",
                "AWS's clock minus the clock of this machine. From 5 minutes on, AWS refuses all "
                "requests.",
                **wide,
                unit="s",
                no_value="not known",
                runbooks=("ConformdClockSkew",),
            ),
            {"{{instance}}": f"max by (instance) ({of_job('conformd_aws_clock_skew_seconds')})"},
            low=None,
        ),
        lines(
            Asked(
                "Address space",
                "Virtual memory; it grows if memory mappings leak.",
                **wide,
                unit="bytes",
            ),
            {"{{instance}}": f"max by (instance) ({of_job('process_virtual_memory_bytes')})"},
        ),
        lines(
            Asked(
                "Descriptors in use",
                "Open file descriptors, as a share of their limit.",
                **wide,
                unit="percentunit",
            ),
            {
                "{{instance}}": f"max by (instance) ({of_job('process_open_fds')}"
                f" / {of_job('process_max_fds')})"
            },
        ),
    ]

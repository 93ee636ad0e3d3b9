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
        "Is conformd itself well: AWS's answers, its reconciliations, its source, its process?",
        variables=[datasource(), job(), region(), page()],
        sections={
            "AWS": [*_answers(), *_pace()],
            "Reconcile": [*_ticks(), *_waiting(), *_ages()],
            "Source": _source(),
            "Record": record(),
            "Own HTTP server": _server(),
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
                "Attempts a second, retries included.",
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
                "Attempts a second that were not answered with success.",
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
                "The slowest hundredth of attempts takes at least this long. All regions together.",
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
                "Share of attempts that AWS throttled. The alert "
                "looks at half an hour, and fires beyond a tenth.",
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
                "Wait for the own limiter",
                "Seconds of waiting in each second, before requests "
                "are sent: the price of staying below AWS's rates.",
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
                "Nine reconciliations of ten are done with the phase within this time. All regions together.",
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
                "Ticks by result",
                "Incomplete: the region could not be read whole. Error: some "
                "mutation failed or has no clear outcome.",
                **third,
                no_value="no tick",
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
                "Steps of the last plans that wait, ordinary reasons included.",
                **third,
                no_value="nothing waits",
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
                "What did not succeed and is tried again before its time.",
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
                "Ticks that took longer than the interval.",
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
                "Since the region was last read whole, the age of everything "
                "that is said about its packs, and since its last reconciliation began. Lines that part: "
                "it is tried, and fails.",
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
                "Since members were last read: those in trouble, or all of every pack.",
                **third,
                unit="s",
                no_value="no pack of ours is known",
                runbooks=("ConformdResyncStale",),
            ),
            {"{{region}} {{kind}}": f"time() - (max by (region, kind) ({resynced}) > 0)"},
        ),
        timeline(
            Asked(
                "Blocked regions by reason",
                "Regions that cannot be managed, and why.",
                **third,
                no_value="no region is blocked",
                runbooks=("ConformdRegionBlocked", "ConformdAwsAccessDenied"),
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
                "How readings of the source ended.",
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
                "Since it was last read whole and accepted, and since that "
                "was last tried. Lines that part: it is tried, and fails.",
                **half,
                unit="s",
                runbooks=("ConformdSourceStale", "ConformdSourceLost"),
            ),
            {"read": f"time() - (max({success}) > 0)", "tried": f"time() - (max({attempt}) > 0)"},
        ),
        lines(
            Asked(
                "Manifests",
                "Files of the revision in force; one that cannot be read counts as invalid.",
                **half,
                runbooks=("ConformdManifestsInvalid",),
            ),
            {"{{state}}": f"max by (state) ({of_job('conformd_manifests')})"},
            stacked=True,
            colors={"valid": GREEN, "invalid": RED},
        ),
        lines(
            Asked(
                "Approvals",
                "Approval manifests. Matched: it let a plan through in some region's last tick.",
                **half,
                runbooks=("ConformdGuardTripped",),
            ),
            {"{{state}}": f"max by (state) ({of_job('conformd_approvals')})"},
            stacked=True,
            colors={"matched": GREEN, "unmatched": ORANGE, "expired": RED},
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
                "The slowest hundredth of requests waits at least this long "
                "until its answer begins.",
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
                "Up for",
                "Since the process began.",
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
                "Settings taken",
                "When settings were last taken into use.",
                **small,
                unit="dateTimeFromNow",
            ),
            f"1000 * max({reload})",
        ),
        stat(
            Asked(
                "Panics",
                "Caught panics within the range of this dashboard. Each is a bug.",
                **small,
                runbooks=("ConformdTaskPanicked",),
            ),
            f"round(sum(increase({of_job('conformd_panics_total')}[$__range])))",
            steps=SOME_IS_BAD,
        ),
        stat(
            Asked(
                "Dropped log lines",
                "Log lines that could not be written, within the range of this dashboard.",
                **small,
            ),
            f"round(sum(increase({of_job('conformd_log_lines_dropped_total')}[$__range])))",
            steps=SOME_IS_SUSPECT,
        ),
        stat(
            Asked(
                "Dropped series",
                "Series that are left out, because a region has more than 100 packs.",
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
                "Resident memory, and what the control group may use.",
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
                "Open file descriptors, how many there may be, and "
                "threads: for leaks that nobody knows of yet.",
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
                "Since each long task last showed that it runs. Beyond 300 s it hangs.",
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
                "AWS's clock minus the own one. Beyond a minute, signatures and "
                "deadlines are in doubt.",
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
                "Virtual memory, which a leak of mappings makes grow.",
                **wide,
                unit="bytes",
            ),
            {"{{instance}}": f"max by (instance) ({of_job('process_virtual_memory_bytes')})"},
        ),
        lines(
            Asked(
                "Descriptors in use",
                "Open file descriptors, of those that may be open.",
                **wide,
                unit="percentunit",
            ),
            {
                "{{instance}}": f"max by (instance) ({of_job('process_open_fds')}"
                f" / {of_job('process_max_fds')})"
            },
        ),
    ]

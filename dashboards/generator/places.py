"""Where in the overview: what is wrong, and a line for every region and every pack."""

from panels import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    RUNBOOKS,
    SOME_IS_BAD,
    SOME_IS_SUSPECT,
    TEXT,
    TIME_LEFT,
    Asked,
    Column,
    table,
    timeline,
)
from queries import of_job, of_pack, of_region, total

ACCOUNTS_PAGE = "${page:raw}/packs/${__data.fields.region}/${__data.fields.pack}"


def trouble() -> list:
    """What is wrong, and since when."""
    alert = 'ALERTS{{alertname=~"Conformd.+",alertstate="firing",severity="{}"}}'
    firing = " or ".join(
        f"{weight} * max by (alertname, region) ({alert.format(severity)})"
        for weight, severity in ((3, "critical"), (2, "warning"), (1, "info"))
    )
    read = f"max by (region) ({of_region('conformd_reconcile_last_success_timestamp_seconds')})"
    interval = of_job("conformd_interval_seconds", loop="region")
    state = " or ".join(
        [
            f"3 * max by (region) ({of_region('conformd_region_blocked')} > 0)",
            f"2 * (time() - {read} > bool 3 * scalar(max({interval})) > 0)",
            f"max by (region) ({of_region('conformd_guard_tripped')} > bool 0) > 0",
            f"0 * {read}",
        ]
    )
    return [
        timeline(
            Asked(
                "Alerts that fire",
                "Alerts of deploy/prometheus/rules that fire in this Prometheus. A click on a lane "
                "opens its runbook.",
                width=12,
                height=11,
                no_value="no alert fires",
            ),
            firing,
            "{{alertname}} {{region}}",
            {3: ("critical", RED), 2: ("warning", ORANGE), 1: ("info", BLUE)},
            links={"Runbook": f"{RUNBOOKS}/${{__field.labels.alertname}}.md"},
        ),
        timeline(
            Asked(
                "State of regions",
                "Blocked: AWS, or the network path to AWS, prevents conformd from reading the "
                "region. Stale: not read completely for 3 intervals. Guard: changes wait for an "
                "approval.",
                width=12,
                height=11,
                runbooks=(
                    "ConformdRegionBlocked",
                    "ConformdRegionStale",
                    "ConformdAllRegionsStale",
                    "ConformdGuardTripped",
                ),
            ),
            state,
            "{{region}}",
            {0: ("fine", GREEN), 1: ("guard", PURPLE), 2: ("stale", ORANGE), 3: ("blocked", RED)},
        ),
    ]


def regions() -> list:
    """A line for every region."""
    return [
        table(
            Asked(
                "Regions",
                "One line per region. Read and resynced: the age of the data.",
                width=24,
                height=7,
                runbooks=("ConformdRegionStale", "ConformdResyncStale", "ConformdPackQuotaNear"),
            ),
            ["region"],
            [
                Column("packs", _region("conformd_packs_observed")),
                Column("quota", _region("conformd_pack_quota")),
                Column(
                    "out_of_sync",
                    f"count by (region) ({_pack('conformd_pack_synced')} == 0)"
                    f" or 0 * {_region('conformd_packs_observed')}",
                    steps=SOME_IS_SUSPECT,
                ),
                Column("failed", _members("failed"), steps=SOME_IS_BAD),
                Column("missing", _members("missing"), steps=SOME_IS_SUSPECT),
                Column("in progress", _members("in_progress")),
                Column(
                    "guard",
                    _region("conformd_guard_tripped"),
                    steps=SOME_IS_BAD,
                ),
                Column("held", total("region", "region, reason", of_region("conformd_steps_held"))),
                Column(
                    "new accounts",
                    total(
                        "region",
                        "region, phase",
                        of_region("conformd_new_accounts", phase="waiting|deploying|late"),
                    ),
                ),
                Column(
                    "deadline",
                    "min by (region) ("
                    f"{of_region('conformd_new_account_deadline_timestamp_seconds')}) - time()",
                    unit="dthms",
                    steps=TIME_LEFT,
                ),
                Column(
                    "read",
                    f"time() - {_region('conformd_reconcile_last_success_timestamp_seconds')}",
                    unit="s",
                ),
                Column(
                    "resynced",
                    "time() - max by (region) ("
                    + of_region("conformd_resync_last_success_timestamp_seconds", kind="full")
                    + ")",
                    unit="s",
                ),
            ],
            sort="failed",
        ),
    ]


def packs() -> list:
    """A line for every pack in every region."""
    return [
        table(
            Asked(
                "Packs",
                "One line per pack and region, the worst first. Members are accounts by status; a "
                "click on a pack shows them by name. Written: AWS's time of the last write.",
                width=24,
                height=10,
                runbooks=(
                    "ConformdPackOutOfSync",
                    "ConformdMembersFailing",
                    "ConformdMembersFailingWidely",
                    "ConformdMembersMissing",
                    "ConformdRolloutStuck",
                ),
            ),
            ["region", "pack"],
            [
                Column(
                    "in sync",
                    _pack("conformd_pack_synced"),
                    words={1: ("yes", GREEN), 0: ("no", ORANGE)},
                ),
                Column("failed", _status("failed"), steps=SOME_IS_BAD),
                Column("missing", _status("missing"), steps=SOME_IS_SUSPECT),
                Column("waiting", _status("waiting")),
                Column("in progress", _status("in_progress")),
                Column("ok", _status("ok"), steps=[(None, TEXT), (1, GREEN)]),
                Column("inactive", _status("inactive")),
                Column(
                    "written",
                    f"1000 * {_pack('conformd_pack_last_update_timestamp_seconds')}",
                    unit="dateTimeFromNow",
                ),
                Column(
                    "puts in range",
                    "round(sum by (region, pack) (increase("
                    f"{of_pack('conformd_pack_puts_total')}[$__range])))"
                    f" and {_pack('conformd_pack_synced')}",
                ),
            ],
            sort="failed",
            links={"pack": {"Accounts of this pack, by name": ACCOUNTS_PAGE}},
        ),
    ]


def _region(metric: str) -> str:
    return f"max by (region) ({of_region(metric)})"


def _pack(metric: str) -> str:
    return f"max by (region, pack) ({of_pack(metric)})"


def _status(status: str) -> str:
    return f"max by (region, pack) ({of_pack('conformd_pack_accounts', status=status)})"


def _members(status: str) -> str:
    return total("region", "region, pack", of_pack("conformd_pack_accounts", status=status))

"""Dashboard 2: will every new account have its packs within AWS's seven hours?"""

from board import board, datasource, job, page, region
from panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SOME_IS_BAD,
    SOME_IS_SUSPECT,
    TIME_LEFT,
    YELLOW,
    Asked,
    Column,
    gauges,
    lines,
    stat,
    table,
)
from queries import of_job, of_region, quantile

UID = "conformd-new-accounts"

# AWS tries this long for an account that joined.
WINDOW_SECONDS = 25_200

PHASES = {"complete": GREEN, "deploying": BLUE, "waiting": YELLOW, "late": ORANGE, "missed": RED}
RECORDERS = {
    "recording": GREEN,
    "stopped": YELLOW,
    "failing": ORANGE,
    "missing": RED,
    "unknown": GREY,
}
ACCOUNTS = {
    "active": GREEN,
    "pending_activation": BLUE,
    "suspended": ORANGE,
    "pending_closure": YELLOW,
    "closed": GREY,
    "unknown": RED,
}

CONVERGE = "conformd_new_account_deploy_seconds_bucket"
CONVERGED = "conformd_new_account_deploy_seconds_count"


def new_accounts():
    """The dashboard, built."""
    return board(
        UID,
        "conformd / New accounts",
        "Will every new account have its packs within the seven hours in which AWS retries?",
        variables=[datasource(), job(), region(), page()],
        sections={
            "": [*_new_accounts(), *_organization()],
            "The clock": _clocks(),
            "Accounts that joined in the last 7 days": _phases(),
            "Recorders and the organization": _recorders(),
        },
    )


def _new_accounts() -> list:
    size = {"width": 3, "height": 4}
    return [
        stat(
            Asked(
                "Earliest deadline",
                "Time until AWS stops retrying the account with the next deadline. Orange below 3 "
                "h, red below 1 h.",
                **size,
                unit="dthms",
                no_value="none known",
                runbooks=("ConformdDeadlineNear", "ConformdDeadlineImminent"),
            ),
            f"min({_deadline()}) - time()",
            steps=TIME_LEFT,
        ),
        stat(
            Asked(
                "Waiting",
                "AWS still retries, and no recorder was observed. Here and in the "
                "following panels, the number is that of the region with the most.",
                **size,
                runbooks=("ConformdDeadlineNear",),
            ),
            _count("waiting"),
            steps=[(None, GREEN), (1, YELLOW)],
        ),
        stat(
            Asked("Deploying", "A recorder is there, and AWS deploys.", **size),
            _count("deploying"),
            steps=[(None, GREEN), (1, BLUE)],
        ),
        stat(
            Asked(
                "Late",
                "AWS stopped retrying, a recorder exists now, and a redeployment will help.",
                **size,
                runbooks=("ConformdRedeployDue",),
            ),
            _count("late"),
            steps=SOME_IS_SUSPECT,
        ),
        stat(
            Asked(
                "Missed",
                "AWS stopped retrying and no recorder is known: action required.",
                **size,
                runbooks=("ConformdDeadlineMissed",),
            ),
            _count("missed"),
            steps=SOME_IS_BAD,
        ),
    ]


def _organization() -> list:
    size = {"width": 3, "height": 4}
    stale = of_job("conformd_organization_last_success_timestamp_seconds")
    return [
        stat(
            Asked(
                "Complete within 7 h",
                "Of the accounts that became complete within the time range of this dashboard, the "
                "share that needed at most AWS's seven hours. Accounts that did not become "
                "complete do not count: see Missed.",
                **size,
                unit="percentunit",
                no_value="no account is complete",
            ),
            f"sum(increase({of_job(CONVERGE, le='25200')}[$__range]))"
            f" / (sum(increase({of_job(CONVERGED)}[$__range])) > 0)",
            steps=[(None, RED), (0.9, ORANGE), (1, GREEN)],
            decimals=0,
        ),
        stat(
            Asked(
                "Active accounts",
                "Active accounts of the organization, from the last complete list.",
                **size,
                no_value="no list yet",
                runbooks=("ConformdOrganizationShrank",),
            ),
            f"max({of_job('conformd_accounts', state='active')})",
        ),
        stat(
            Asked(
                "Account list",
                "Time since the account list was last read completely. While it cannot be read, "
                "conformd does not detect new accounts.",
                **size,
                unit="s",
                runbooks=("ConformdOrganizationStale",),
            ),
            f"time() - max({stale})",
            steps=[(None, GREEN), (1_800, ORANGE), (3_600, RED)],
            decimals=0,
        ),
    ]


def _clocks() -> list:
    left = f"min by (region) ({_deadline()}) - time()"
    alerts = ("ConformdDeadlineNear", "ConformdDeadlineImminent")
    return [
        gauges(
            Asked(
                "Time left by region",
                "Time until AWS stops retrying the account of the region with the next deadline. A "
                "full bar is seven hours; orange below 3 h, red below 1 h.",
                width=8,
                height=9,
                unit="dthms",
                no_value="no deadline",
                runbooks=alerts,
            ),
            left,
            "{{region}}",
            steps=TIME_LEFT,
            top=WINDOW_SECONDS,
        ),
        lines(
            Asked(
                "Time left",
                "Alerts warn below 3 h and page below 1 h. A line jumps up when the account with "
                "the next deadline is complete, missed, or leaves.",
                width=8,
                height=9,
                unit="s",
                no_value="no deadline",
                runbooks=alerts,
            ),
            {"{{region}}": left},
            limits=[(None, "transparent"), (3_600, RED), (10_800, ORANGE)],
            top=WINDOW_SECONDS,
        ),
        lines(
            Asked(
                "Time to complete",
                "From joining until the last pack of a region was deployed, for the accounts that "
                "became complete within the day before. The dashed line is AWS's limit; above it, "
                "only a redeployment "
                "helps.",
                width=8,
                height=9,
                unit="s",
                no_value="no account is complete",
            ),
            {
                legend: quantile(of, "", of_job(CONVERGE), window="1d")
                for legend, of in (("p50", "0.5"), ("p90", "0.9"), ("p99", "0.99"))
            },
            colors={"p50": GREEN, "p90": YELLOW, "p99": ORANGE},
            sparse=True,
            limits=[(None, "transparent"), (WINDOW_SECONDS, RED)],
        ),
    ]


def _phases() -> list:
    return [
        lines(
            Asked(
                "Phases",
                "New accounts by phase, in the region with the most.",
                width=12,
                height=9,
                no_value="no new account",
                runbooks=("ConformdDeadlineNear", "ConformdRedeployDue", "ConformdDeadlineMissed"),
            ),
            {
                "{{phase}}": f"max by (phase) ({of_region('conformd_new_accounts')}) > 0"
            },
            stacked=True,
            colors=PHASES,
        ),
        table(
            Asked(
                "By region",
                "New accounts by phase. A click on a region opens the list with their names.",
                width=12,
                height=9,
                runbooks=("ConformdDeadlineNear", "ConformdRedeployDue", "ConformdDeadlineMissed"),
            ),
            ["region"],
            [
                Column(
                    "time left",
                    f"min by (region) ({_deadline()}) - time()",
                    unit="dthms",
                    steps=TIME_LEFT,
                ),
                Column("waiting", _phase("waiting")),
                Column("deploying", _phase("deploying")),
                Column("late", _phase("late"), steps=SOME_IS_SUSPECT),
                Column("missed", _phase("missed"), steps=SOME_IS_BAD),
                Column("complete", _phase("complete")),
            ],
            sort="missed",
            links={"region": {"New accounts, by name": "${page:raw}/new-accounts"}},
        ),
    ]


def _recorders() -> list:
    return [
        lines(
            Asked(
                "Recorders",
                "Probed accounts by their configuration recorder, in the region with the "
                "most. Without a recorder AWS deploys no pack.",
                width=8,
                height=9,
                no_value="no account was probed",
                runbooks=("ConformdRecordersNotRecording", "ConformdRecordersUnknown"),
            ),
            {
                "{{state}}": f"max by (state) ({of_region('conformd_recorder_accounts')}) > 0"
            },
            stacked=True,
            colors=RECORDERS,
        ),
        table(
            Asked(
                "Recorders by region",
                "Probed accounts by their configuration recorder. Unknown: the probe failed.",
                width=8,
                height=9,
                runbooks=("ConformdRecordersNotRecording", "ConformdRecordersUnknown"),
            ),
            ["region"],
            [
                Column(state, _recorder(state), steps=[(None, "text"), (1, color)])
                for state, color in RECORDERS.items()
            ],
            sort="missing",
        ),
        lines(
            Asked(
                "Accounts of the organization",
                "From the last complete list. A list that shrinks by more than a tenth takes "
                "effect when a second read confirms it, or with an approval.",
                width=8,
                height=9,
                no_value="no list yet",
                runbooks=("ConformdOrganizationShrank", "ConformdOrganizationStale"),
            ),
            {"{{state}}": f"max by (state) ({of_job('conformd_accounts')}) > 0"},
            stacked=True,
            colors=ACCOUNTS,
        ),
    ]


def _deadline() -> str:
    return of_region("conformd_new_account_deadline_timestamp_seconds")


def _count(phase: str) -> str:
    return f"max({of_region('conformd_new_accounts', phase=phase)})"


def _phase(phase: str) -> str:
    return f"max by (region) ({of_region('conformd_new_accounts', phase=phase)})"


def _recorder(state: str) -> str:
    return f"max by (region) ({of_region('conformd_recorder_accounts', state=state)})"

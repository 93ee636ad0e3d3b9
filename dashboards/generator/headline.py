"""The first lines of the overview: the state in fifteen figures."""

from panels import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SOME_IS_BAD,
    SOME_IS_SUSPECT,
    TIME_LEFT,
    Asked,
    stat,
)
from queries import of_job, of_pack, of_region, total

SMALL = {"width": 3, "height": 4}


def headline() -> list:
    """Two lines of figures."""
    return [*_first(), *_packs(), *_urgent(), *_running(), *_source()]


def _first() -> list:
    return [
        stat(
            Asked(
                "Daemon",
                "Whether the daemon answers. While it is down, packs stay as they are.",
                **SMALL,
                no_value="not scraped",
                runbooks=("ConformdDown", "ConformdAbsent"),
            ),
            f"max({of_job('up')})",
            words={1: ("up", GREEN), 0: ("down", RED)},
        ),
        stat(
            Asked(
                "Mode",
                "The mode: observe writes nothing, upsert creates and updates, sync also deletes.",
                **SMALL,
            ),
            f"max by (mode) ({of_job('conformd_mode')}) == 1",
            name="{{mode}}",
        ),
    ]


def _packs() -> list:
    synced = of_pack("conformd_pack_synced")
    return [
        stat(
            Asked(
                "Packs in sync",
                "Share of the declared packs that are in sync.",
                **SMALL,
                unit="percentunit",
                no_value="none observed yet",
                runbooks=("ConformdPackOutOfSync",),
            ),
            f"avg(max by (region, pack) ({synced}))",
            steps=[(None, RED), (0.9, ORANGE), (1, GREEN)],
            decimals=1,
        ),
        stat(
            Asked(
                "Packs out of sync",
                "Declared packs that are out of sync. In observe mode, this is the drift report.",
                **SMALL,
                no_value="none observed yet",
                runbooks=("ConformdPackOutOfSync",),
            ),
            f"count(max by (region, pack) ({synced}) == 0)"
            f" or 0 * count(max by (region, pack) ({synced}))",
            steps=SOME_IS_SUSPECT,
        ),
        stat(
            Asked(
                "Failing accounts",
                "Accounts that failed to deploy at least one pack, in all packs and regions; an "
                "account counts once for each failure class.",
                **SMALL,
                no_value="none read yet",
                runbooks=("ConformdMembersFailing", "ConformdMembersFailingWidely"),
            ),
            total("", "class", of_job("conformd_failed_accounts")),
            steps=SOME_IS_BAD,
        ),
    ]


def _most_in_a_region(within: str, series: str) -> str:
    """An account may be in every region: their sum would count it once for each."""
    return f"max({total('region', within, series)})"


def _urgent() -> list:
    return [
        stat(
            Asked(
                "New accounts in progress",
                "Accounts that joined in the last 7 days and still "
                "lack packs, in the region with the most.",
                **SMALL,
                runbooks=("ConformdDeadlineNear",),
            ),
            _most_in_a_region(
                "region, phase",
                of_region("conformd_new_accounts", phase="waiting|deploying|late"),
            ),
            steps=[(None, GREEN), (1, BLUE)],
        ),
        stat(
            Asked(
                "Earliest deadline",
                "Time until AWS stops retrying the account with the next deadline, seven hours "
                "after it joined. Orange below 3 h, red below 1 h.",
                **SMALL,
                unit="dthms",
                no_value="none known",
                runbooks=("ConformdDeadlineNear", "ConformdDeadlineImminent"),
            ),
            f"min({of_region('conformd_new_account_deadline_timestamp_seconds')}) - time()",
            steps=TIME_LEFT,
        ),
        stat(
            Asked(
                "Guard",
                "The least number of packs whose change waits for an approval: in each region, "
                "those that exceed the most frequent limit.",
                **SMALL,
                runbooks=("ConformdGuardTripped",),
            ),
            total("", "region", of_region("conformd_guard_tripped")),
            steps=SOME_IS_BAD,
        ),
    ]


def _running() -> list:
    return [
        stat(
            Asked(
                "AWS", "Whether this dashboard shows real accounts or the built-in simulator.", **SMALL
            ),
            f"max({of_job('conformd_simulated')})",
            words={0: ("real", GREEN), 1: ("SIMULATED", PURPLE)},
        ),
        stat(
            Asked("Version", "The version of the program that runs.", **SMALL),
            f"max by (version) ({of_job('conformd_build_info')})",
            name="{{version}}",
        ),
        stat(
            Asked(
                "Revision",
                "The revision of the manifests that is in force.",
                width=6,
                height=4,
                no_value="none yet",
            ),
            f"max by (revision) ({of_job('conformd_source_revision_info')})",
            name="{{revision}}",
        ),
    ]


def _source() -> list:
    return [
        stat(
            Asked(
                "Source read",
                "Time since the source was last read completely and accepted. Until it is read "
                "again, the last valid revision stays in force, and deletions are paused.",
                **SMALL,
                unit="s",
                runbooks=("ConformdSourceStale", "ConformdSourceLost"),
            ),
            f"time() - max({of_job('conformd_source_last_success_timestamp_seconds')})",
            steps=[(None, GREEN), (900, ORANGE), (14_400, RED)],
            decimals=0,
        ),
        stat(
            Asked(
                "Invalid manifests",
                "Files of the revision with errors. Deletions are paused while there are any.",
                **SMALL,
                runbooks=("ConformdManifestsInvalid",),
            ),
            f"max({of_job('conformd_manifests', state='invalid')})",
            steps=SOME_IS_SUSPECT,
        ),
        stat(
            Asked(
                "Suspended packs",
                "Packs that their manifest suspends.",
                **SMALL,
                runbooks=("ConformdSuspendedTooLong",),
            ),
            f"max({of_job('conformd_suspended')})",
            steps=[(None, GREEN), (1, BLUE)],
        ),
        stat(
            Asked(
                "External changes",
                "External changes within the time range of this dashboard, each counted once until "
                "it is corrected.",
                **SMALL,
                runbooks=("ConformdForeignChange", "ConformdPackConflict"),
            ),
            f"round(sum(increase({of_region('conformd_foreign_changes_total')}[$__range])))",
            steps=SOME_IS_SUSPECT,
        ),
    ]

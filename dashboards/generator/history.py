"""The overview over time: states, members, drift, and what was done about it."""

from panels import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, YELLOW, Asked, lines
from queries import increase, of_job, of_pack, of_region, total

MEMBERS = {
    "in_progress": BLUE,
    "waiting": YELLOW,
    "failed": RED,
    "missing": ORANGE,
    "inactive": GREY,
}
STATES = {
    "synced": GREEN,
    "out_of_sync": ORANGE,
    "invalid": RED,
    "rejected": "dark-red",
    "conflict": PURPLE,
    "suspended": BLUE,
    "orphaned": YELLOW,
    "unmanaged": GREY,
    "foreign": "dark-blue",
}
HEALTHS = {
    "healthy": GREEN,
    "progressing": BLUE,
    "degraded": RED,
    "missing": ORANGE,
    "stuck_aggregate": PURPLE,
    "deleting": YELLOW,
    "unknown": GREY,
}
ACTIONS = {"create": GREEN, "adopt": PURPLE, "update": BLUE, "redeploy": ORANGE, "delete": RED}


def packs_and_members() -> list:
    """Whether packs are there, and whether they arrived."""
    third = {"width": 8, "height": 8}
    return [
        lines(
            Asked(
                "Packs by sync",
                "Packs by sync status, and by the reason if they are out of sync.",
                **third,
                runbooks=("ConformdPackOutOfSync", "ConformdPackConflict"),
            ),
            {
                "{{sync}}": total("sync", "region, sync", of_region("conformd_packs")) + " > 0",
                "{{reason}}": total(
                    "reason", "region, reason", of_region("conformd_pack_sync_reasons")
                )
                + " > 0",
            },
            colors=STATES,
        ),
        lines(
            Asked(
                "Packs by health",
                "Owned packs by the health of their rollout, computed from their member accounts.",
                **third,
                runbooks=("ConformdRolloutStuck",),
            ),
            {
                "{{health}}": total(
                    "health", "region, health", of_region("conformd_pack_rollouts")
                )
                + " > 0"
            },
            stacked=True,
            colors=HEALTHS,
        ),
        lines(
            Asked(
                "Members that are not ok",
                "Deployments in member accounts by status, once for "
                "each pack and region. Deployments that are ok are not shown, since they would "
                "hide the others: the table of packs counts them.",
                **third,
                no_value="all are ok, or none was read yet",
                runbooks=("ConformdMembersFailing", "ConformdMembersMissing"),
            ),
            {
                "{{status}}": total(
                    "status",
                    "region, pack, status",
                    of_pack("conformd_pack_accounts", status="!ok"),
                )
                + " > 0"
            },
            stacked=True,
            colors=MEMBERS,
        ),
    ]


def differences() -> list:
    """Why not: failures, drift, the guard."""
    third = {"width": 8, "height": 8}
    return [
        lines(
            Asked(
                "Failures by class",
                "Accounts by the reason why a pack failed in them. The status page and `conformd explain` show what to do for "
                "each class.",
                **third,
                no_value="no member failed",
                runbooks=("ConformdMembersFailing",),
            ),
            {
                "{{class}}": total("class", "class", of_job("conformd_failed_accounts")) + " > 0"
            },
            stacked=True,
            shades=RED,
        ),
        lines(
            Asked(
                "Drift by kind",
                "What differs from the manifests; one pack may differ in several ways.",
                **third,
                no_value="nothing differs",
                runbooks=("ConformdPackOutOfSync",),
            ),
            {
                "{{kind}}": total("kind", "region, kind", of_region("conformd_packs_out_of_sync"))
                + " > 0"
            },
            stacked=True,
            shades=ORANGE,
        ),
        lines(
            Asked(
                "Guard by reason",
                "Packs whose change waits for an approval, by the limit that it exceeds. A pack "
                "that exceeds several limits counts for each.",
                **third,
                no_value="the guard holds nothing",
                runbooks=("ConformdGuardTripped",),
            ),
            {
                "{{reason}}": total("reason", "region, reason", of_region("conformd_guard_tripped"))
                + " > 0"
            },
            stacked=True,
            shades=PURPLE,
        ),
    ]


def changes() -> list:
    """What is planned, was done, and was done by others."""
    third = {"width": 8, "height": 8}
    return [
        lines(
            Asked(
                "Plan by action",
                "Steps of the last plans that are not held.",
                **third,
                no_value="nothing is planned",
            ),
            {
                "{{action}}": total("action", "region, action", of_region("conformd_plan_changes"))
                + " > 0"
            },
            stacked=True,
            colors=ACTIONS,
        ),
        lines(
            Asked(
                "Mutations",
                "Writes sent to AWS, by result.",
                **third,
                no_value="nothing was sent",
                runbooks=("ConformdPacksDeleted",),
            ),
            {
                "{{action}} {{result}}": increase(
                    "action, result", of_region("conformd_mutations_total")
                )
                + " > 0"
            },
            bars=True,
        ),
        lines(
            Asked(
                "External changes by region",
                "External changes, each counted once until it is corrected.",
                **third,
                no_value="no external change",
                runbooks=("ConformdForeignChange", "ConformdPackConflict"),
            ),
            {
                "{{region}}": increase("region", of_region("conformd_foreign_changes_total"))
                + " > 0"
            },
            bars=True,
            shades=ORANGE,
        ),
    ]

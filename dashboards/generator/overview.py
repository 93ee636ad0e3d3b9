"""Dashboard 1: is every pack where it should be, and if not, what is in the way?"""

from panels import (
    BLUE, GREEN, GREY, ORANGE, PLAIN, PURPLE, RED, RUNBOOKS, SOME_IS_BAD, SOME_IS_SUSPECT, TEXT,
    TIME_LEFT, YELLOW, Annotation, Asked, Column, board, built, lines, row, stat, table, timeline,
    variable_datasource, variable_job, variable_pack, variable_page, variable_region,
)
from queries import increase, of_job, of_pack, of_region, total

UID = "conformd-overview"

MEMBERS = {"in_progress": BLUE, "waiting": YELLOW, "failed": RED, "missing": ORANGE,
           "inactive": GREY}
STATES = {"synced": GREEN, "drifted": ORANGE, "invalid": RED, "rejected": "dark-red",
          "contested": PURPLE, "suspended": BLUE, "orphaned": YELLOW, "unmanaged": GREY,
          "foreign": "dark-blue"}
VERDICTS = {"converged": GREEN, "converging": BLUE, "degraded": RED, "missing": ORANGE,
            "stuck_aggregate": PURPLE, "deleting": YELLOW, "unseen": GREY}
ACTIONS = {"create": GREEN, "adopt": PURPLE, "update": BLUE, "rescue": ORANGE, "delete": RED}


def overview():
    """The dashboard, built."""
    result = board(
        UID, "conformd / Overview",
        "Is every conformance pack where it should be, and if not, what is in the way?",
        variables=[variable_datasource(), variable_job(), variable_region(), variable_pack(),
                   variable_page()],
        annotations=annotations(),
    )
    for section in (_headline, _trouble, _places, _history):
        section(result)
    return built(result)


def annotations() -> list:
    """What changed the world: shown as marks in the graphs of every dashboard."""
    mutations = of_region("conformd_mutations_total", result="accepted")
    revision = of_job("conformd_source_revision_info")
    start = of_job("process_start_time_seconds")
    return [
        Annotation("Mutations", f"{increase('region, action', mutations)} > 0", ORANGE,
                   "{{action}}", "{{region}}: AWS accepted it"),
        Annotation("Revisions",
                   f"max by (revision) ({revision})"
                   f" unless max by (revision) ({revision} offset $__interval)", BLUE,
                   "Revision {{revision}}", "The source has it, and it was taken into force"),
        Annotation("Restarts", f"(time() - max({start})) * 1000 < $__interval_ms", RED,
                   "Start", "The daemon started"),
    ]


def _headline(result) -> None:
    small = {"width": 3, "height": 4}
    synced = of_pack("conformd_pack_synced")
    accounts = of_pack("conformd_pack_accounts", status="failed")
    panels = [
        stat(Asked("Daemon", "Does the daemon answer? While it is down, packs stay as they are.",
                   **small, no_value="not scraped",
                   runbooks=("ConformdDown", "ConformdAbsent")),
             f"max({of_job('up')})", words={1: ("up", GREEN), 0: ("down", RED)}),
        stat(Asked("Mode", "What it may do: observe looks only, upsert never deletes, sync does all.",
                   **small), f"max by (mode) ({of_job('conformd_mode')}) == 1", name="{{mode}}"),
        stat(Asked("Packs in sync", "Packs of manifests that AWS holds as they are wanted.", **small,
                   unit="percentunit", no_value="none seen yet",
                   runbooks=("ConformdPackOutOfSync",)),
             f"avg(max by (region, pack) ({synced}))",
             steps=[(None, RED), (0.9, ORANGE), (1, GREEN)], decimals=1),
        stat(Asked("Packs out of sync", "Packs of manifests that AWS does not hold as they are "
                   "wanted. In observe mode this is the drift report.", **small,
                   no_value="none seen yet", runbooks=("ConformdPackOutOfSync",)),
             f"count(max by (region, pack) ({synced}) == 0)"
             f" or 0 * count(max by (region, pack) ({synced}))",
             steps=SOME_IS_SUSPECT),
        stat(Asked("Failed members", "Deployments in member accounts that failed, once for each "
                   "pack, region and account.", **small, no_value="none read yet",
                   runbooks=("ConformdMembersFailing", "ConformdMembersFailingWidely")),
             total("", "region, pack", accounts), steps=SOME_IS_BAD),
        stat(Asked("New accounts under way", "Accounts that joined in the last 7 days and still "
                   "lack packs, once for each region.", **small,
                   runbooks=("ConformdDeadlineNear",)),
             total("", "region, phase", of_region(
                 "conformd_new_accounts", phase="waiting|deploying|late")),
             steps=[(None, GREEN), (1, BLUE)]),
        stat(Asked("Earliest deadline", "Time until AWS stops trying for the account that is next. "
                   "Seven hours after joining; orange below 3 h, red below 1 h.", **small,
                   unit="dthms", no_value="none known",
                   runbooks=("ConformdDeadlineNear", "ConformdDeadlineImminent")),
             f"min({of_region('conformd_new_account_deadline_timestamp_seconds')}) - time()",
             steps=TIME_LEFT),
        stat(Asked("Guard", "Packs whose change waits for an approval, because a limit was passed.",
                   **small, runbooks=("ConformdGuardTripped",)),
             total("", "region, reason", of_region("conformd_guard_tripped")), steps=SOME_IS_BAD),
        stat(Asked("AWS", "Whether this is about real accounts, or the built-in simulator.", **small),
             f"max({of_job('conformd_simulated')})",
             words={0: ("real", GREEN), 1: ("SIMULATED", PURPLE)}),
        stat(Asked("Version", "The version of the program that runs.", **small),
             f"max by (version) ({of_job('conformd_build_info')})", name="{{version}}"),
        stat(Asked("Revision", "The revision of the manifests that is in force.", width=6, height=4,
                   no_value="none yet"),
             f"max by (revision) ({of_job('conformd_source_revision_info')})",
             name="{{revision}}"),
        stat(Asked("Source read", "Time since the source was last read whole and accepted. Until it "
                   "is read again, the last good revision is enforced and nothing is deleted.",
                   **small, unit="s", runbooks=("ConformdSourceStale", "ConformdSourceLost")),
             f"time() - max({of_job('conformd_source_last_success_timestamp_seconds')})",
             steps=[(None, GREEN), (900, ORANGE), (14_400, RED)], decimals=0),
        stat(Asked("Invalid manifests", "Files of the revision that say something impossible. "
                   "Deletes wait while there are any.", **small,
                   runbooks=("ConformdManifestsInvalid",)),
             f"max({of_job('conformd_manifests', state='invalid')})", steps=SOME_IS_SUSPECT),
        stat(Asked("Suspended packs", "Packs that a manifest pauses.", **small,
                   runbooks=("ConformdSuspendedTooLong",)),
             f"max({of_job('conformd_suspended')})", steps=[(None, GREEN), (1, BLUE)]),
        stat(Asked("Changed by others", "Changes by somebody else within the range of this "
                   "dashboard, each counted once until it is healed.", **small,
                   runbooks=("ConformdForeignChange", "ConformdPackContested")),
             f"round(sum(increase({of_region('conformd_foreign_changes_total')}[$__range])))",
             steps=SOME_IS_SUSPECT),
    ]
    for panel in panels:
        result.with_panel(panel)


def _trouble(result) -> None:
    alert = 'ALERTS{{alertname=~"Conformd.+",alertstate="firing",severity="{}"}}'
    firing = " or ".join(f"{weight} * max by (alertname, region) ({alert.format(severity)})"
                         for weight, severity in ((3, "critical"), (2, "warning"), (1, "info")))
    read = f"max by (region) ({of_region('conformd_reconcile_last_success_timestamp_seconds')})"
    interval = of_job("conformd_interval_seconds", loop="region")
    state = " or ".join([
        f"3 * max by (region) ({of_region('conformd_region_blocked')} > 0)",
        f"2 * (time() - {read} > bool 3 * scalar(max({interval})) > 0)",
        f"max by (region) ({of_region('conformd_guard_tripped')} > bool 0) > 0",
        f"0 * {read}",
    ])
    result.with_row(row("What is wrong"))
    result.with_panel(timeline(
        Asked("Alerts that fire", "Alerts of deploy/prometheus/rules that fire, by this "
              "Prometheus. A click on a lane leads to its runbook.", width=12, height=11,
              no_value="no alert fires"),
        firing, "{{alertname}} {{region}}",
        {3: ("critical", RED), 2: ("warning", ORANGE), 1: ("info", BLUE)},
        links={"Runbook": f"{RUNBOOKS}/${{__field.labels.alertname}}.md"}))
    result.with_panel(timeline(
        Asked("State of regions", "Blocked: AWS, or the way there, does not let conformd read the region. "
              "Stale: not read whole for 3 intervals. Guard: changes wait for an approval.",
              width=12, height=11,
              runbooks=("ConformdRegionBlocked", "ConformdRegionStale", "ConformdAllRegionsStale",
                        "ConformdGuardTripped")),
        state, "{{region}}",
        {0: ("fine", GREEN), 1: ("guard", PURPLE), 2: ("stale", ORANGE), 3: ("blocked", RED)}))


def _places(result) -> None:
    result.with_row(row("Where"))
    result.with_panel(table(
        Asked("Regions", "One line a region. Read and swept: how old the figures are.",
              width=24, height=7,
              runbooks=("ConformdRegionStale", "ConformdSweepStale", "ConformdPackQuotaNear")),
        ["region"],
        [
            Column("packs", _region("conformd_packs_observed")),
            Column("quota", _region("conformd_pack_quota")),
            Column("out of sync", "count by (region) (max by (region, pack) ("
                   f"{of_pack('conformd_pack_synced')}) == 0) or 0 * {_region('conformd_packs_observed')}",
                   steps=SOME_IS_SUSPECT),
            Column("failed", _members("failed"), steps=SOME_IS_BAD),
            Column("missing", _members("missing"), steps=SOME_IS_SUSPECT),
            Column("in progress", _members("in_progress")),
            Column("guard", total("region", "region, reason", of_region("conformd_guard_tripped")),
                   steps=SOME_IS_BAD),
            Column("held", total("region", "region, reason", of_region("conformd_steps_held"))),
            Column("new accounts", total("region", "region, phase", of_region(
                "conformd_new_accounts", phase="waiting|deploying|late"))),
            Column("deadline", "min by (region) ("
                   f"{of_region('conformd_new_account_deadline_timestamp_seconds')}) - time()",
                   unit="dthms", steps=TIME_LEFT),
            Column("read", f"time() - {_region('conformd_reconcile_last_success_timestamp_seconds')}",
                   unit="s"),
            Column("swept", "time() - max by (region) ("
                   + of_region('conformd_sweep_last_success_timestamp_seconds', kind="full") + ")",
                   unit="s"),
        ],
        sort="failed"))
    result.with_panel(table(
        Asked("Packs", "One line a pack and region, the worst first. Members are accounts by how "
              "they stand with the pack; a click on a pack shows them by name. Written: AWS's own time "
              "of the last write.",
              width=24, height=10,
              runbooks=("ConformdPackOutOfSync", "ConformdMembersFailing",
                        "ConformdMembersFailingWidely", "ConformdMembersMissing",
                        "ConformdRolloutStuck")),
        ["region", "pack"],
        [
            Column("in sync", _pack("conformd_pack_synced"),
                   words={1: ("yes", GREEN), 0: ("no", ORANGE)}),
            Column("failed", _status("failed"), steps=SOME_IS_BAD),
            Column("missing", _status("missing"), steps=SOME_IS_SUSPECT),
            Column("waiting", _status("waiting")),
            Column("in progress", _status("in_progress")),
            Column("ok", _status("ok"), steps=[(None, TEXT), (1, GREEN)]),
            Column("inactive", _status("inactive")),
            Column("written",
                   f"1000 * {_pack('conformd_pack_last_update_timestamp_seconds')}",
                   unit="dateTimeFromNow"),
            Column("puts in range", "round(sum by (region, pack) (increase("
                   f"{of_pack('conformd_pack_puts_total')}[$__range])))"
                   f" and {_pack('conformd_pack_synced')}"),
        ],
        sort="failed",
        links={"pack": {"Accounts of this pack, by name":
                        "${page:raw}/packs/${__data.fields.region}/${__data.fields.pack}"}}))


def _history(result) -> None:
    third = {"width": 8, "height": 8}
    result.with_row(row("Over time"))
    panels = [
        lines(Asked("Packs by state", "Whether AWS holds what is wanted, and if not, why not.", **third,
                    runbooks=("ConformdPackOutOfSync", "ConformdPackContested")),
              {"{{state}}": total("state", "region, state", of_region("conformd_packs")) + " > 0"},
              stacked=True, colors=STATES),
        lines(Asked("Packs by verdict", "Whether it arrived: packs that are ours, by what their "
                    "member accounts say.", **third, runbooks=("ConformdRolloutStuck",)),
              {"{{verdict}}": total("verdict", "region, verdict",
                                    of_region("conformd_pack_verdicts")) + " > 0"},
              stacked=True, colors=VERDICTS),
        lines(Asked("Members that are not ok", "Deployments in member accounts by status, once for "
                    "each pack and region. Those that are ok would dwarf the rest: the table of "
                    "packs counts them.", **third, no_value="all are ok, or none was read yet",
                    runbooks=("ConformdMembersFailing", "ConformdMembersMissing")),
              {"{{status}}": total("status", "region, pack, status",
                                   of_pack("conformd_pack_accounts", status="!ok")) + " > 0"},
              stacked=True, colors=MEMBERS),
        lines(Asked("Failures by class", "Why members failed. Each class has advice on the status "
                    "page and in `conformd explain`.", **third, no_value="no member failed",
                    runbooks=("ConformdMembersFailing",)),
              {"{{class}}": total("class", "region, class",
                                  of_region("conformd_account_failures")) + " > 0"},
              stacked=True),
        lines(Asked("Drift by kind", "What differs from the manifests; one pack may differ in "
                    "several ways.", **third, no_value="nothing differs",
                    runbooks=("ConformdPackOutOfSync",)),
              {"{{kind}}": total("kind", "region, kind",
                                 of_region("conformd_drifted_packs")) + " > 0"},
              stacked=True),
        lines(Asked("Guard by reason", "Packs whose change waits for an approval, by the limit "
                    "that was passed.", **third, no_value="the guard is quiet",
                    runbooks=("ConformdGuardTripped",)),
              {"{{reason}}": total("reason", "region, reason",
                                   of_region("conformd_guard_tripped")) + " > 0"},
              stacked=True),
        lines(Asked("Plan by action", "Steps of the last plans that may be taken.", **third,
                    no_value="nothing is planned"),
              {"{{action}}": total("action", "region, action",
                                   of_region("conformd_plan_changes")) + " > 0"},
              stacked=True, colors=ACTIONS),
        lines(Asked("Mutations", "What was sent to AWS, and how it ended.", **third,
                    no_value="nothing was sent", runbooks=("ConformdPacksDeleted",)),
              {"{{action}} {{result}}": increase(
                  "action, result", of_region("conformd_mutations_total")) + " > 0"},
              bars=True),
        lines(Asked("Changes by others", "Changes by somebody else, each counted once until it is "
                    "healed.", **third, no_value="nobody else changed anything",
                    runbooks=("ConformdForeignChange", "ConformdPackContested")),
              {"{{region}}": increase(
                  "region", of_region("conformd_foreign_changes_total")) + " > 0"},
              bars=True),
    ]
    for panel in panels:
        result.with_panel(panel)


def _region(metric: str) -> str:
    return f"max by (region) ({of_region(metric)})"


def _pack(metric: str) -> str:
    return f"max by (region, pack) ({of_pack(metric)})"


def _status(status: str) -> str:
    return f"max by (region, pack) ({of_pack('conformd_pack_accounts', status=status)})"


def _members(status: str) -> str:
    return total("region", "region, pack", of_pack("conformd_pack_accounts", status=status))

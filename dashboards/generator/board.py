"""What surrounds the panels of every dashboard: variables, links, marks of what changed."""

from grafana_foundation_sdk.builders import dashboard as frame
from grafana_foundation_sdk.models import dashboard
from panels import BLUE, ORANGE, RED, SCRAPE_INTERVAL_MAX, SOURCE, link
from queries import increase, of_job, of_region


def board(uid: str, title: str, description: str, *, variables: list, sections: dict[str, list]):
    """A dashboard: panels under headings, numbered in the order in which they are read."""
    made = (
        frame.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["conformd"])
        .timezone("browser")
        .refresh("1m")
        .time("now-6h", "now")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .link(
            frame.DashboardLink("Dashboards of conformd")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags(["conformd"])
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            link("Status page", "${page:raw}/")
            .icon("external link")
            .tooltip("Every account by name: the page of the daemon itself")
        )
        .variables(variables)
        .annotations(marks())
    )
    for heading, panels in sections.items():
        if heading:
            made.with_row(frame.Row(heading))
        for panel in panels:
            made.with_panel(panel)
    result = made.build()
    for number, panel in enumerate(result.panels, start=1):
        panel.id_val = number
    return result


def datasource():
    """The Prometheus to ask."""
    return (
        frame.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .description("The Prometheus that scrapes conformd")
    )


def job():
    """The scrape job."""
    return (
        _variable("job", "Job", "label_values(conformd_build_info, job)")
        .current(dashboard.VariableOption(selected=True, text="conformd", value="conformd"))
        .description("The scrape job; the alerts know it as conformd")
    )


def region():
    """Regions, all unless chosen."""
    return _many(
        _variable(
            "region",
            "Region",
            'label_values(conformd_reconcile_last_attempt_timestamp_seconds{job="$job"}, region)',
        )
    )


def pack():
    """Packs, all unless chosen."""
    return _many(
        _variable(
            "pack", "Pack", 'label_values(conformd_pack_synced{job="$job",region=~"$region"}, pack)'
        )
    )


def page():
    """The daemon's own page, for links."""
    address = "http://127.0.0.1:9464"
    return (
        frame.TextBoxVariable("page")
        .label("Status page")
        .default_value(address)
        .current(dashboard.VariableOption(selected=True, text=address, value=address))
        .description("Where your browser reaches the daemon; only links are made of it")
    )


def marks() -> list:
    """Mutations that AWS accepted, revisions that came into force, starts of the daemon."""
    mutations = of_region("conformd_mutations_total", result="accepted")
    revision = of_job("conformd_source_revision_info")
    start = of_job("process_start_time_seconds")
    return [
        Annotation(
            "Mutations",
            f"{increase('region, action', mutations)} > 0",
            ORANGE,
            "{{action}}",
            "{{region}}: AWS accepted it",
        ),
        Annotation(
            "Revisions",
            f"max by (revision) ({revision})"
            f" unless max by (revision) ({revision} offset $__interval)",
            BLUE,
            "Revision {{revision}}",
            "The source has it, and it was taken into force",
        ),
        Annotation(
            "Restarts",
            f"(time() - max({start})) * 1000 < $__interval_ms",
            RED,
            "Start",
            "The daemon started",
        ),
    ]


class Annotation(frame.AnnotationQuery):
    """An annotation of Prometheus, whose own fields Grafana's schema leaves out."""

    def __init__(self, name: str, expr: str, color: str, title: str, text: str) -> None:
        super().__init__()
        self._internal = _PrometheusAnnotation(name, expr, color, title, text)


class _PrometheusAnnotation(dashboard.AnnotationQuery):
    def __init__(self, name: str, expr: str, color: str, title: str, text: str) -> None:
        super().__init__(
            name=name, datasource=SOURCE, enable=True, hide=False, icon_color=color, expr=expr
        )
        self.own = {"step": SCRAPE_INTERVAL_MAX, "titleFormat": title, "textFormat": text}

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), **self.own}


def _variable(name: str, label: str, query: str):
    return (
        frame.QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": f"variable-{name}"})
        .datasource(SOURCE)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _many(variable):
    everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".*").current(everything)

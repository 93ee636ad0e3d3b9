"""The kinds of panels that the dashboards are made of.

Everything that all panels share is decided here: data source, units, colours, links. What a panel
asks and says stands with its dashboard.
"""

import dataclasses

from grafana_foundation_sdk.builders import (
    bargauge,
    heatmap,
    prometheus,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders import (
    common as parts,
)
from grafana_foundation_sdk.builders import (
    dashboard as frame,
)
from grafana_foundation_sdk.builders import (
    stat as stats,
)
from grafana_foundation_sdk.builders import (
    table as tables,
)
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import heatmap as heatmaps
from grafana_foundation_sdk.models import prometheus as queries

RUNBOOKS = "https://github.com/conformd/conformd/blob/main/docs/runbooks"
# Series are scraped at least this often (docs/alerts.md); `$__rate_interval` is made of it.
SCRAPE_INTERVAL_MAX = "1m"
# Points that are further apart than this are not joined, however sparse.
SPARSE_MILLISECONDS = 3_600_000
SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
BLUE, PURPLE, GREY, TEXT = "blue", "purple", "#8e8e8e", "text"

# Where values become worrying: (from this value on, colour); the first begins at minus infinity.
Steps = list[tuple[float | None, str]]
PLAIN: Steps = [(None, TEXT)]
SOME_IS_BAD: Steps = [(None, GREEN), (1, RED)]
SOME_IS_SUSPECT: Steps = [(None, GREEN), (1, ORANGE)]
# The alerts ConformdDeadlineImminent and ConformdDeadlineNear.
TIME_LEFT: Steps = [(None, RED), (3_600, ORANGE), (10_800, GREEN)]

# Values that stand for words: value → (word, colour).
Words = dict[int, tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the reader sees before any data: shared by all kinds of panels."""

    title: str
    description: str
    width: int
    height: int
    unit: str = "none"
    no_value: str = "no data"
    runbooks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Column:
    """One value column of a table."""

    name: str
    expr: str
    unit: str = "none"
    steps: Steps = dataclasses.field(default_factory=lambda: PLAIN)
    words: Words | None = None


def stat(
    asked: Asked,
    expr: str,
    *,
    steps: Steps = PLAIN,
    words: Words | None = None,
    name: str | None = None,
    decimals: int | None = None,
):
    """One number now; with `name`, the words of its label instead of the number.

    Now means now: over a range, the last value of a clock that has ended would stay for hours.
    """
    panel = (
        _dress(stats.Panel(), asked, steps)
        .reduce_options(parts.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .text_mode(common.BigValueTextMode.NAME if name else common.BigValueTextMode.VALUE)
        .with_target(_query("A", expr, name or "").instant())
    )
    if words:
        panel.mappings([_words(words)])
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def lines(
    asked: Asked,
    targets: dict[str, str],
    *,
    stacked: bool = False,
    bars: bool = False,
    colors: dict[str, str] | None = None,
    limits: Steps | None = None,
    low: float | None = 0,
    top: float | None = None,
    sparse: bool = False,
    shades: str | None = None,
):
    """Values over time. `targets`: legend → query; `limits` are drawn as dashed lines.

    What is `sparse` has no value while nothing happens: its points are joined. `shades` of one
    colour are for kinds of the same evil, where green among them would mislead.
    """
    panel = (
        _dress(timeseries.Panel(), asked, limits or PLAIN)
        .color_scheme(_scheme(shades))
        .draw_style(common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE)
        .line_interpolation(
            common.LineInterpolation.STEP_AFTER if stacked else common.LineInterpolation.LINEAR
        )
        .line_width(1)
        .fill_opacity(80 if bars else 40 if stacked else 8)
        .show_points(common.VisibilityMode.AUTO if sparse else common.VisibilityMode.NEVER)
        .legend(
            parts.VizLegendOptions()
            .show_legend(True)
            .placement(common.LegendPlacement.BOTTOM)
            .display_mode(common.LegendDisplayMode.LIST)
            .calcs([])
        )
        .tooltip(
            parts.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )
    if stacked or bars:
        panel.stacking(parts.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if limits:
        panel.thresholds_style(
            parts.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
        panel.axis_soft_max(max(value for value, _ in limits if value is not None))
    if sparse:
        panel.span_nulls(SPARSE_MILLISECONDS)
    if low is not None:
        panel.min(low)
    if top is not None:
        panel.max(top)
    for ref, (legend, expr) in zip("ABCDEFGH", targets.items(), strict=False):
        panel.with_target(_query(ref, expr, legend))
    for name, color in (colors or {}).items():
        panel.override_by_name(name, [_value("color", {"mode": "fixed", "fixedColor": color})])
    return panel


def gauges(asked: Asked, expr: str, legend: str, *, steps: Steps, top: float):
    """One bar for each series, now."""
    return (
        _dress(bargauge.Panel(), asked, steps)
        .reduce_options(parts.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
        .min(0)
        .max(top)
        .with_target(_query("A", expr, legend).instant())
    )


def timeline(
    asked: Asked, expr: str, legend: str, words: Words, *, links: dict[str, str] | None = None
):
    """One lane for each series, in the colour of its word."""
    panel = (
        _dress(statetimeline.Panel(), asked, PLAIN)
        .mappings([_words(words)])
        .color_scheme(frame.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .merge_values(True)
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(85)
        .legend(
            parts.VizLegendOptions()
            .show_legend(True)
            .placement(common.LegendPlacement.BOTTOM)
            .display_mode(common.LegendDisplayMode.LIST)
            .calcs([])
        )
        .with_target(_query("A", expr, legend))
    )
    if links:
        panel.data_links([link(title, url) for title, url in links.items()])
    return panel


def heat(asked: Asked, expr: str):
    """A histogram over time, given the increase of its buckets by `le`."""
    return (
        _dress(heatmap.Panel(), asked, PLAIN)
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heatmaps.HeatmapColorMode.SCHEME)
            .scheme("Oranges")
            .steps(64)
            .scale(heatmaps.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
        )
        .y_axis(heatmap.YAxisConfig().unit(asked.unit).axis_placement(common.AxisPlacement.LEFT))
        .cell_gap(1)
        .show_legend()
        .with_target(_query("A", expr, "{{le}}").format(queries.PromQueryFormat.HEATMAP))
    )


def table(
    asked: Asked,
    by: list[str],
    columns: list[Column],
    *,
    sort: str,
    links: dict[str, dict[str, str]] | None = None,
):
    """One row for each value of the labels `by`. `links`: column → title → address."""
    refs = dict(zip("ABCDEFGHIJKLMN", columns, strict=False))
    panel = (
        _dress(tables.Panel(), asked, PLAIN)
        .show_header(True)
        .cell_height(common.TableCellHeight.SM)
        .filterable(True)
        .sort_by([parts.TableSortByFieldState().display_name(sort).desc(True)])
        .with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": {
                        name: place
                        for place, name in enumerate(by + [f"Value #{ref}" for ref in refs])
                    },
                    "renameByName": {f"Value #{ref}": column.name for ref, column in refs.items()},
                },
            )
        )
    )
    for ref, column in refs.items():
        panel.with_target(
            _query(ref, column.expr, "").format(queries.PromQueryFormat.TABLE).instant()
        )
        panel.override_by_name(column.name, _cell(column))
    for name, targets in (links or {}).items():
        panel.override_by_name(
            name,
            [
                _value(
                    "links",
                    [
                        {"title": title, "url": url, "targetBlank": True}
                        for title, url in targets.items()
                    ],
                )
            ],
        )
    return panel


def _dress(panel, asked: Asked, steps: Steps):
    return (
        panel.title(asked.title)
        .description(asked.description)
        .datasource(SOURCE)
        .span(asked.width)
        .height(asked.height)
        .unit(asked.unit)
        .no_value(asked.no_value)
        .thresholds(
            frame.ThresholdsConfig()
            .mode(dashboard.ThresholdsMode.ABSOLUTE)
            .steps([dashboard.Threshold(value=value, color=color) for value, color in steps])
        )
        .links([link(f"Runbook: {name}", f"{RUNBOOKS}/{name}.md") for name in asked.runbooks])
    )


def _scheme(shades: str | None):
    if shades is None:
        return frame.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC)
    return frame.FieldColor().mode(dashboard.FieldColorModeId.SHADES).fixed_color(shades)


def _query(ref: str, expr: str, legend: str):
    return (
        prometheus.Dataquery()
        .ref_id(ref)
        .expr(expr)
        .legend_format(legend)
        .datasource(SOURCE)
        .interval(SCRAPE_INTERVAL_MAX)
        .range()
    )


def _cell(column: Column) -> list[dashboard.DynamicConfigValue]:
    properties = [_value("unit", column.unit)]
    if column.words:
        properties.append(_value("mappings", [_words(column.words)]))
    if column.steps != PLAIN:
        properties.append(
            _value(
                "thresholds",
                {
                    "mode": "absolute",
                    "steps": [{"value": value, "color": color} for value, color in column.steps],
                },
            )
        )
    if column.steps != PLAIN or column.words:
        properties.append(_value("custom.cellOptions", {"type": "color-text"}))
    return properties


def _value(name: str, value: object) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue(id_val=name, value=value)


def _words(words: Words) -> dashboard.ValueMap:
    return dashboard.ValueMap(
        options={
            str(value): dashboard.ValueMappingResult(text=word, color=color, index=place)
            for place, (value, (word, color)) in enumerate(words.items())
        }
    )


def link(title: str, url: str):
    return (
        frame.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .url(url)
        .target_blank(True)
    )

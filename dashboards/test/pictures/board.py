"""A dashboard as a page of HTML that looks as in Grafana's dark theme: answers into panels.

Whatever a panel uses and this does not know is an error: pictures leave nothing out quietly.
"""

import html
import pathlib
import re

import plots
from boards import STEP, Choice, asked
from peer import Prometheus
from plots import Window
from words import color, step_color, written

WIDTH, CELL, GAP = 1_600, 30, 8
HEAD, TITLE, EDGE = 60, 30, 8
# Of legends, in pixels.
LINE, LEGEND_LINES_MAX = 18, 4
# Cells of a heat map are wider than points of a line.
HEAT_STEP = 300

STYLE = (pathlib.Path(__file__).parent / "style.css").read_text("utf-8")


class Drawing:
    """One dashboard over a piece of the recording."""

    def __init__(self, board: dict, prometheus: Prometheus, start: int, end: int) -> None:
        self._board, self._prometheus = board, prometheus
        self._start, self._end = start, end
        self._choice = Choice(range=end - start)
        self._marks = [
            mark for note in board["annotations"]["list"] for mark in self._moments(note)
        ]

    def page(self) -> tuple[str, int]:
        """The page and its height in pixels."""
        places = [panel["gridPos"] for panel in self._board["panels"]]
        height = HEAD + max(place["y"] + place["h"] for place in places) * (CELL + GAP) + GAP
        chips = "".join(
            f"<span>{html.escape(variable['label'])}&ensp;<b>{chosen}</b></span>"
            for variable in self._board["templating"]["list"]
            if (chosen := self._chosen(variable["name"]))
        )
        body = "".join(self._panel(panel) for panel in self._board["panels"])
        title = html.escape(self._board["title"])
        return (
            f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f'<body style="height:{height}px"><header><strong>{title}</strong>{chips}'
            f"<em>drawn from recorded samples, not by Grafana</em></header>{body}",
            height,
        )

    def _chosen(self, variable: str) -> str:
        return {
            "datasource": "Prometheus",
            "job": self._choice.job,
            "region": "All",
            "pack": "All",
            "page": "",
        }[variable]

    def _panel(self, panel: dict) -> str:
        place = panel["gridPos"]
        column = (WIDTH - GAP) / 24
        left, top = GAP + place["x"] * column, HEAD + place["y"] * (CELL + GAP)
        width, height = round(place["w"] * column - GAP), place["h"] * (CELL + GAP) - GAP
        title = html.escape(panel["title"])
        where = f"left:{left:.0f}px;top:{top}px"
        if panel["type"] == "row":
            return f'<div class="row" style="{where}">{title}</div>'
        draw = {
            "stat": self._stat,
            "bargauge": self._gauges,
            "table": self._table,
            "timeseries": self._graph,
            "state-timeline": self._lanes,
            "heatmap": self._heat,
        }[panel["type"]]
        inside = draw(panel, width - 2, height - 2 - TITLE)
        if not inside:
            text = html.escape(panel["fieldConfig"]["defaults"]["noValue"])
            inside = f'<div class="none">{text}</div>'
        return (
            f'<div class="panel" style="{where};width:{width}px;height:{height}px">'
            f"<h2>{title}</h2>{inside}</div>"
        )

    def _stat(self, panel: dict, width: int, height: int) -> str:
        found = self._now(panel)
        defaults = panel["fieldConfig"]["defaults"]
        if not found:
            text, paint = defaults["noValue"], color("text")
        elif panel["options"]["textMode"] == "name":
            text, paint = found[0][0], color("text")
        else:
            text, paint = self._said(found[0][1], defaults)
        size = max(14, min(38, int(width * 1.4 / max(len(text), 1)), height - 20))
        return (
            f'<div class="big" style="color:{paint};font-size:{size}px">{html.escape(text)}</div>'
        )

    def _said(self, value: float, defaults: dict) -> tuple[str, str]:
        for mapping in defaults.get("mappings", []):
            if word := mapping["options"].get(f"{value:.0f}"):
                return word["text"], color(word["color"])
        steps = defaults["thresholds"]["steps"]
        return (
            written(value, defaults["unit"], self._end, defaults.get("decimals")),
            step_color(steps, value),
        )

    def _gauges(self, panel: dict, _width: int, height: int) -> str:
        found = self._now(panel)
        defaults = panel["fieldConfig"]["defaults"]
        tall = min(height / max(len(found), 1), 70) - 14
        bars = []
        for name, value in found:
            text, paint = self._said(value, defaults)
            share = max(0.0, min(1.0, value / defaults["max"]))
            bars.append(
                f'<div class="bar" style="height:{tall:.0f}px">{html.escape(name)}'
                f'<b><u style="width:{share:.1%};background:{paint}"></u></b>'
                f'<span style="color:{paint}">{html.escape(text)}</span></div>'
            )
        return "".join(bars)

    def _table(self, panel: dict, _width: int, _height: int) -> str:
        transformations = {one["id"]: one["options"] for one in panel["transformations"]}
        assert transformations.keys() == {"merge", "organize"}, panel["title"]
        organize = transformations["organize"]
        order = sorted(organize["indexByName"], key=organize["indexByName"].get)
        names = {raw: organize["renameByName"].get(raw, raw) for raw in order}
        rows: dict[tuple, dict[str, float]] = {}
        labels = [raw for raw in order if not raw.startswith("Value #")]
        for target in panel["targets"]:
            for one in self._prometheus.at(asked(target["expr"], self._choice), self._end):
                key = tuple(one["metric"][label] for label in labels)
                rows.setdefault(key, {})[f"Value #{target['refId']}"] = float(one["value"][1])
        if not rows:
            return ""
        cells = {
            one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
            for one in panel["fieldConfig"]["overrides"]
        }
        first = next(
            raw
            for raw, name in names.items()
            if name == panel["options"]["sortBy"][0]["displayName"]
        )
        ordered = sorted(rows.items(), key=lambda row: (-row[1].get(first, 0), row[0]))
        head = "".join(f"<th>{html.escape(names[raw])}</th>" for raw in order)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(part)}</td>" for part in key)
            + "".join(
                self._cell(values.get(raw), cells[names[raw]], panel)
                for raw in order[len(labels) :]
            )
            + "</tr>"
            for key, values in ordered
        )
        return f"<table><tr>{head}</tr>{body}</table>"

    def _cell(self, value: float | None, cell: dict, panel: dict) -> str:
        defaults = panel["fieldConfig"]["defaults"]
        if value is None:
            return f"<td>{html.escape(defaults['noValue'])}</td>"
        text, paint = self._said(
            value,
            {
                **defaults,
                "unit": cell["unit"],
                "mappings": cell.get("mappings", []),
                "thresholds": cell.get("thresholds", defaults["thresholds"]),
            },
        )
        return f'<td style="color:{paint}">{html.escape(text)}</td>'

    def _graph(self, panel: dict, width: int, height: int) -> str:
        overrides = {
            one["matcher"]["options"]: one["properties"][0]["value"]["fixedColor"]
            for one in panel["fieldConfig"]["overrides"]
        }
        series = plots.named(self._over(panel, STEP), _scheme(panel), overrides)
        if not series:
            return ""
        legend, tall = _legend([(one.name, one.color) for one in series], width)
        window = Window(self._start, self._end, STEP, width, height - tall)
        return plots.graph(panel, series, self._marks, window) + legend

    def _lanes(self, panel: dict, width: int, height: int) -> str:
        series = plots.named(self._over(panel, STEP), _scheme(panel), {})
        if not series:
            return ""
        words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"].values()
        legend, tall = _legend([(word["text"], color(word["color"])) for word in words], width)
        window = Window(self._start, self._end, STEP, width, height - tall)
        return plots.lanes(panel, series, window) + legend

    def _heat(self, panel: dict, width: int, height: int) -> str:
        buckets = self._over(panel, HEAT_STEP)
        window = Window(self._start, self._end, HEAT_STEP, width, height - EDGE)
        return plots.heat(panel, buckets, window, self._end) if buckets else ""

    def _over(self, panel: dict, step: int) -> list[tuple[str, dict]]:
        return [
            (_name(target["legendFormat"], one["metric"]), one)
            for target in panel["targets"]
            for one in self._prometheus.over(
                asked(target["expr"], self._choice, step), self._start, self._end, step
            )
            if any(value != "NaN" for _, value in one["values"])
        ]

    def _now(self, panel: dict) -> list[tuple[str, float]]:
        return [
            (_name(target["legendFormat"], one["metric"]), float(one["value"][1]))
            for target in panel["targets"]
            for one in self._prometheus.at(asked(target["expr"], self._choice), self._end)
            if one["value"][1] != "NaN"
        ]

    def _moments(self, note: dict) -> list[tuple[int, str]]:
        """Where an annotation begins: what follows without a gap is the same event."""
        series = self._prometheus.over(
            asked(note["expr"], self._choice), self._start, self._end, STEP
        )
        marks, paint = set(), color(note["iconColor"])
        for one in series:
            moments = [int(at) for at, _ in one["values"]]
            marks |= {(at, paint) for at in moments if at - STEP not in moments}
        return sorted(marks)


def _scheme(panel: dict) -> dict:
    return panel["fieldConfig"]["defaults"]["color"]


def _name(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend).strip()


def _legend(entries: list[tuple[str, str]], width: int) -> tuple[str, int]:
    """The legend and its height; what does not fit would scroll."""
    chips = "".join(
        f'<span><i style="background:{paint}"></i>{html.escape(name)}</span>'
        for name, paint in entries
    )
    needed = sum(34 + len(name) * 6.6 for name, _ in entries)
    tall = LINE * min(-(-int(needed) // (width - 16)), LEGEND_LINES_MAX)
    return f'<div class="legend" style="height:{tall}px">{chips}</div>', tall + 6

"""Panels over time as SVG: lines, stacks, bars, lanes, heat."""

import dataclasses
import html
import math

from words import CLASSIC, clock, color, shades, written

# The width of a letter of 11 px, about.
LETTER = 5.9
GRID = "rgba(204,204,220,0.09)"


@dataclasses.dataclass(frozen=True)
class Series:
    """A named line of samples, in its colour."""

    name: str
    color: str
    samples: dict[int, float]


@dataclasses.dataclass(frozen=True)
class Window:
    """The piece of time and of paper that is drawn on."""

    start: int
    end: int
    step: int
    width: int
    height: int
    left: int = 62
    bottom: int = 20
    top: int = 6
    right: int = 8

    def x(self, moment: float) -> float:
        """Where a moment lies."""
        share = (moment - self.start) / (self.end - self.start)
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float, low: float, high: float) -> float:
        """Where a value lies."""
        share = (value - low) / (high - low)
        return self.height - self.bottom - share * (self.height - self.bottom - self.top)

    def moments(self) -> range:
        """Every moment that was asked for."""
        return range(self.start, self.end + 1, self.step)


def named(found: list[tuple[str, dict]], scheme: dict, overrides: dict[str, str]) -> list[Series]:
    """Series in the order of Grafana, in their own colours or in those of the scheme."""
    palette = {
        "palette-classic": CLASSIC,
        "shades": shades(scheme.get("fixedColor", "text"), max(len(found), 1)),
        "thresholds": ["text"],
    }[scheme["mode"]]
    return [
        Series(
            name,
            color(overrides.get(name, palette[at % len(palette)])),
            {int(moment): float(value) for moment, value in one["values"] if value != "NaN"},
        )
        for at, (name, one) in enumerate(found)
    ]


def graph(panel: dict, series: list[Series], marks: list[tuple[int, str]], window: Window) -> str:
    """Lines, stacked areas or bars, with axes, limits and annotations."""
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    bars = custom["drawStyle"] == "bars"
    tops, bottoms = _piled(series, window) if stacked else ([one.samples for one in series], [])
    low, high, ticks = _scale(defaults, tops)
    longest = max(len(written(tick, defaults["unit"], 0)) for tick in ticks)
    window = dataclasses.replace(window, left=max(34, 16 + round(longest * LETTER)))
    parts = [_axes(window, low, high, ticks, defaults["unit"])]
    for at, one in enumerate(series):
        if bars:
            parts.append(_bars(tops[at], bottoms[at], one.color, window, low, high))
        elif stacked:
            parts.append(_area(tops[at], bottoms[at], one.color, window, low, high))
        else:
            gap = custom.get("spanNulls", 0) / 1_000 or window.step
            parts.append(_line(one, gap, window, low, high))
    if custom.get("thresholdsStyle", {}).get("mode") == "dashed":
        for limit in defaults["thresholds"]["steps"][1:]:
            if low <= limit["value"] <= high:
                y = window.y(limit["value"], low, high)
                parts.append(
                    f'<path d="M{window.left} {y:.1f}H{window.width - window.right}" '
                    f'stroke="{color(limit["color"])}" stroke-dasharray="10 8"/>'
                )
    parts.append(_marks(marks, window))
    return _svg(window, parts)


def lanes(panel: dict, series: list[Series], window: Window) -> str:
    """A state timeline: a lane for each series, its pieces in the colour of their word."""
    words = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    longest = max(len(one.name) for one in series)
    window = dataclasses.replace(window, left=20 + round(longest * LETTER))
    lane = (window.height - window.bottom - window.top) / len(series)
    parts = [_hours(window)]
    for at, one in enumerate(series):
        y = window.top + at * lane
        parts.append(
            f'<text x="{window.left - 8}" y="{y + lane / 2 + 3.5:.1f}" text-anchor="end">'
            f"{html.escape(one.name)}</text>"
        )
        for moment, end, value in _runs(one.samples, window):
            x = window.x(moment)
            width = min(window.x(end), window.width - window.right) - x
            parts.append(
                f'<rect x="{x:.1f}" y="{y + lane * 0.1:.1f}" width="{max(width, 0):.1f}" '
                f'height="{lane * 0.8:.1f}" fill="{color(words[f"{value:.0f}"]["color"])}" '
                'fill-opacity="0.85"/>'
            )
    return _svg(window, parts)


def heat(panel: dict, buckets: list[tuple[str, dict]], window: Window, now: int) -> str:
    """A heat map, given cumulative buckets by their upper bound."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    ordered = sorted(
        ((float(bound.replace("+Inf", "inf")), one) for bound, one in buckets),
        key=lambda pair: pair[0],
    )
    rows, below = [], {}
    for bound, one in ordered:
        upto = {int(moment): float(value) for moment, value in one["values"]}
        rows.append((bound, {at: max(value - below.get(at, 0), 0) for at, value in upto.items()}))
        below = upto
    most = max((value for _, cells in rows for value in cells.values()), default=1) or 1
    tall = (window.height - window.bottom - window.top) / len(rows)
    parts = [_hours(window)]
    for at, (bound, cells) in enumerate(rows):
        y = window.height - window.bottom - (at + 1) * tall
        name = "+Inf" if math.isinf(bound) else written(bound, unit, now)
        parts.append(
            f'<text x="{window.left - 6}" y="{y + tall / 2 + 3.5:.1f}" text-anchor="end">'
            f"{name}</text>"
        )
        for moment, value in cells.items():
            if value > 0:
                x = window.x(moment)
                share = math.sqrt(value / most)
                parts.append(
                    f'<rect x="{x:.1f}" y="{y + 0.5:.1f}" height="{tall - 1:.1f}" '
                    f'width="{max(window.x(moment + window.step) - x - 0.7, 0.5):.1f}" '
                    f'fill="hsl({38 - 24 * share:.0f} 95% {78 - 40 * share:.0f}%)"/>'
                )
    return _svg(window, parts)


def _scale(defaults: dict, tops: list[dict[int, float]]) -> tuple[float, float, list[float]]:
    values = [value for one in tops for value in one.values()] or [0]
    low = defaults.get("min", min(values))
    high = defaults.get("max", max(*values, low, defaults["custom"].get("axisSoftMax", low)))
    if high == low:
        low, high = (low, low + 1) if "min" in defaults else (low - 1, low + 1)
    size = (high - low) / 4
    if defaults["unit"] == "s" and size > 30:
        nice = next(
            step
            for step in (60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 86_400)
            if step >= size
        )
    elif defaults["unit"] == "bytes":
        nice = 2 ** math.ceil(math.log2(size))
    else:
        power = 10 ** math.floor(math.log10(size))
        nice = next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= size * 0.999)
        if defaults["unit"] == "none" and high > 2:
            nice = max(nice, 1)
    first = math.floor(low / nice)
    last = math.ceil(high / nice - 1e-9)
    ticks = [at * nice for at in range(first, last + 1)]
    return (
        ticks[0],
        defaults.get("max", ticks[-1]),
        [tick for tick in ticks if tick <= defaults.get("max", ticks[-1])],
    )


def _piled(series: list[Series], window: Window) -> tuple[list[dict], list[dict]]:
    tops, bottoms = [], []
    pile = dict.fromkeys(window.moments(), 0.0)
    for one in series:
        bottoms.append({moment: pile[moment] for moment in one.samples})
        for moment, value in one.samples.items():
            pile[moment] += value
        tops.append({moment: pile[moment] for moment in one.samples})
    return tops, bottoms


def _line(series: Series, gap: float, window: Window, low: float, high: float) -> str:
    path, last = "", None
    for moment, value in series.samples.items():
        broken = last is None or moment - last > gap
        path += f"{'M' if broken else 'L'}{window.x(moment):.1f} {window.y(value, low, high):.1f}"
        last = moment
    return f'<path d="{path}" stroke="{series.color}" stroke-width="1.4" stroke-linejoin="round"/>'


def _area(tops: dict, bottoms: dict, fill: str, window: Window, low: float, high: float) -> str:
    parts = []
    for piece in _pieces(tops, window):
        over = ""
        for moment in piece:
            left, right = window.x(moment), window.x(min(moment + window.step, window.end))
            over += f"L{left:.1f} {window.y(tops[moment], low, high):.1f}H{right:.1f}"
        back = ""
        for moment in reversed(piece):
            left, right = window.x(moment), window.x(min(moment + window.step, window.end))
            base = window.y(bottoms[moment], low, high)
            back += f"L{right:.1f} {base:.1f}H{left:.1f}"
        outline = "M" + over[1:]
        parts.append(
            f'<path d="{outline}{back}Z" fill="{fill}" fill-opacity="0.4"/>'
            f'<path d="{outline}" stroke="{fill}" stroke-width="1.2"/>'
        )
    return "".join(parts)


def _bars(tops: dict, bottoms: dict, fill: str, window: Window, low: float, high: float) -> str:
    return "".join(
        f'<rect x="{window.x(moment):.1f}" y="{window.y(top, low, high):.1f}" '
        f'width="{max(window.x(moment + window.step) - window.x(moment), 1):.1f}" '
        f'height="{window.y(bottoms[moment], low, high) - window.y(top, low, high):.1f}" '
        f'fill="{fill}" fill-opacity="0.85"/>'
        for moment, top in tops.items()
    )


def _runs(samples: dict[int, float], window: Window) -> list[tuple[int, int, float]]:
    """Pieces of one value: beginning, end, value."""
    runs: list[tuple[int, int, float]] = []
    for moment, value in samples.items():
        if runs and runs[-1][1] == moment and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], moment + window.step, value)
        else:
            runs.append((moment, moment + window.step, value))
    return runs


def _pieces(samples: dict[int, float], window: Window) -> list[list[int]]:
    pieces: list[list[int]] = []
    for moment in samples:
        if pieces and moment - pieces[-1][-1] <= window.step:
            pieces[-1].append(moment)
        else:
            pieces.append([moment])
    return pieces


def _axes(window: Window, low: float, high: float, ticks: list[float], unit: str) -> str:
    parts = [_hours(window)]
    for tick in ticks:
        y = window.y(tick, low, high)
        parts.append(
            f'<path d="M{window.left} {y:.1f}H{window.width - window.right}" stroke="{GRID}"/>'
            f'<text x="{window.left - 6}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{written(tick, unit, 0)}</text>"
        )
    return "".join(parts)


def _hours(window: Window) -> str:
    every = 3_600 if window.end - window.start <= 25_200 or window.width > 700 else 7_200
    parts = []
    for moment in range(-(-window.start // every) * every, window.end + 1, every):
        x = window.x(moment)
        parts.append(
            f'<path d="M{x:.1f} {window.top}V{window.height - window.bottom}" '
            f'stroke="{GRID}"/><text x="{x:.1f}" y="{window.height - 5}" '
            f'text-anchor="middle">{clock(moment)}</text>'
        )
    return "".join(parts)


def _marks(marks: list[tuple[int, str]], window: Window) -> str:
    floor = window.height - window.bottom
    return "".join(
        f'<path d="M{window.x(at):.1f} {window.top}V{floor}" stroke="{stroke}" '
        f'stroke-dasharray="3 3" stroke-opacity="0.7"/><path fill="{stroke}" '
        f'd="M{window.x(at) - 3.5:.1f} {floor + 5}l3.5 -5l3.5 5z"/>'
        for at, stroke in marks
    )


def _svg(window: Window, parts: list[str]) -> str:
    return (
        f'<svg width="{window.width}" height="{window.height}" fill="none">{"".join(parts)}</svg>'
    )

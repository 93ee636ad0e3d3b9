"""Values as Grafana writes them, and the colours it gives them."""

import datetime

COLORS = {
    "green": "#73BF69",
    "yellow": "#FADE2A",
    "orange": "#FF9830",
    "red": "#F2495C",
    "blue": "#5794F2",
    "purple": "#B877D9",
    "dark-red": "#C4162A",
    "dark-blue": "#1F60C4",
    "text": "#CCCCDC",
    "transparent": "transparent",
}
# What Grafana gives to series in turn.
CLASSIC = [
    "#73BF69",
    "#F2CC0C",
    "#8AB8FF",
    "#FF780A",
    "#F2495C",
    "#5794F2",
    "#B877D9",
    "#705DA0",
    "#37872D",
    "#FADE2A",
    "#447EBC",
    "#C15C17",
    "#E02F44",
    "#56A64B",
    "#3274D9",
    "#A352CC",
]


def color(name: str) -> str:
    """The colour behind a name of the palette."""
    return name if name.startswith("#") else COLORS[name]


def shades(name: str, count: int) -> list[str]:
    """Shades of one colour, from itself to a darker one."""
    parts = [int(color(name)[at : at + 2], 16) for at in (1, 3, 5)]
    return [
        "#" + "".join(f"{round(part * (1 - 0.6 * at / count)):02x}" for part in parts)
        for at in range(count)
    ]


def step_color(steps: list[dict], value: float) -> str:
    """The colour of the last threshold that the value has reached."""
    reached = [step for step in steps if step["value"] is None or step["value"] <= value]
    return color(reached[-1]["color"])


def written(value: float, unit: str, now: int, decimals: int | None = None) -> str:
    """A value in its unit."""
    match unit:
        case "none":
            return _number(value, decimals)
        case "percentunit":
            return _number(value * 100, decimals) + " %"
        case "reqps":
            return _number(value, decimals) + " req/s"
        case "s":
            return _seconds(value, decimals)
        case "dthms":
            sign, seconds = "-" if value < 0 else "", abs(int(value))
            return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case "bytes":
            for power, name in ((30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "B")):
                if abs(value) >= 1 << power:
                    return f"{_number(value / (1 << power), 1)} {name}"
            return "0 B"
        case "dateTimeFromNow":
            return _ago(now - value / 1_000)
    raise ValueError(f"a unit that is not drawn: {unit}")


def clock(moment: float) -> str:
    """A moment of the recorded day."""
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%H:%M")


def _number(value: float, decimals: int | None) -> str:
    if decimals is None:
        decimals = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seconds(value: float, decimals: int | None) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "mins"), (1, "s")):
        if abs(value) >= size:
            return f"{_number(value / size, 1 if decimals is None else decimals)} {name}"
    return "0 s" if value == 0 else f"{_number(value * 1_000, None)} ms"


def _ago(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "a few seconds ago"

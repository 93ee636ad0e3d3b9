"""Which alerts would have fired in a recording: `ALERTS`, as Prometheus writes it beside its rules.

Backfilling knows recording rules only, so `for` is applied here. That the rules are right is shown
elsewhere; here they only have to fire, so that the panel about them has something to show.
"""

import pathlib
import re

import yaml
from boards import ROOT, STEP
from peer import Prometheus

RULES = ROOT / "deploy/prometheus/rules/conformd.yml"
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def rules() -> list[dict]:
    """Every rule of deploy/prometheus."""
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def write(prometheus: Prometheus, start: int, end: int, file: pathlib.Path) -> None:
    """Writes the alerts that fired, as OpenMetrics."""
    lines = []
    for rule in rules():
        wait = seconds(rule.get("for", "0s"))
        for series in prometheus.over(rule["expr"], start, end, STEP):
            labels = {
                **series["metric"],
                **rule["labels"],
                "alertname": rule["alert"],
                "alertstate": "firing",
            }
            labels.pop("__name__", None)
            text = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
            lines += [
                f"ALERTS{{{text}}} 1 {moment}"
                for moment in firing([int(at) for at, _ in series["values"]], wait)
            ]
    file.write_text("\n".join([*lines, "# EOF\n"]))


def firing(moments: list[int], wait: int) -> list[int]:
    """Those of the moments of a condition at which it has held without a gap for so long."""
    fired, since, last = [], None, None
    for moment in moments:
        if last is None or moment - last > STEP:
            since = moment
        last = moment
        if moment - since >= wait:
            fired.append(moment)
    return fired


def seconds(text: str) -> int:
    """A duration of Prometheus."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))

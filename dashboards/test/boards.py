"""The dashboards as they are committed: their panels, and their queries as Grafana sends them."""

import dataclasses
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).parent.parent
ROOT = FOLDER.parent
NAMES = ("overview", "new-accounts", "control-plane")

# The least distance of two points, `interval` of every query, in seconds.
STEP = 60


@dataclasses.dataclass(frozen=True)
class Query:
    """One query: of a panel, of an annotation or of a variable."""

    board: str
    place: str
    ref: str
    expr: str

    def __str__(self) -> str:
        return f"{self.board}: {self.place} ({self.ref})"


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the reader chose in the variables."""

    job: str = "conformd"
    region: str = ".*"
    pack: str = ".*"
    range: int = 6 * 3_600


def boards() -> dict[str, dict]:
    """Every dashboard by its name."""
    return {name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in NAMES}


def panels(board: dict) -> list[dict]:
    """What shows data: everything but headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[Query]:
    """Every query of panels and annotations."""
    found = []
    for name, board in boards().items():
        for panel in panels(board):
            found += [
                Query(name, panel["title"], target["refId"], target["expr"])
                for target in panel["targets"]
            ]
        found += [
            Query(name, f"annotation {mark['name']}", "Anno", mark["expr"])
            for mark in board["annotations"]["list"]
        ]
    return found


def asked(expr: str, choice: Choice, step: int = STEP) -> str:
    """The query as it reaches Prometheus: variables replaced as Grafana replaces them.

    `$__rate_interval` is four scrapes or a step and a scrape, whichever is longer.
    """
    values = {
        "job": choice.job,
        "region": choice.region,
        "pack": choice.pack,
        "__range": f"{choice.range}s",
        "__interval": f"{step}s",
        "__interval_ms": str(step * 1_000),
        "__rate_interval": f"{max(step + STEP, 4 * STEP)}s",
    }
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], expr)


def metrics_in(expr: str) -> set[str]:
    """The names of metrics in a query, `_bucket` and the like taken off histograms."""
    names = set(re.findall(r"\b((?:conformd|process)_\w+|up|ALERTS)\{", expr))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}

"""The committed JSON: what Grafana's own types say about it, and what we promise beyond them."""

import itertools
import json
import pathlib
import re
import subprocess
import sys

import pytest
import yaml
from alerts import rules
from boards import FOLDER, NAMES, ROOT, boards, metrics_in, panels, queries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

RUNBOOKS = "https://github.com/conformd/conformd/blob/main/docs/runbooks/"
WIDTH = 24
UNITS = {value for name, value in vars(units).items() if name[0].isupper()}

every_board = pytest.mark.parametrize("board", boards().values(), ids=NAMES)


def test_what_is_committed_is_what_the_generator_writes(tmp_path: pathlib.Path) -> None:
    subprocess.run([sys.executable, FOLDER / "generator", tmp_path], check=True)
    for name in NAMES:
        written = (tmp_path / f"{name}.json").read_text("utf-8")
        assert (FOLDER / f"{name}.json").read_text("utf-8") == written, (
            f"{name}.json differs: run python dashboards/generator"
        )


def test_every_json_of_the_folder_is_a_dashboard_that_is_checked() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(NAMES)


@every_board
def test_grafanas_types_know_every_field(board: dict) -> None:
    """Reading drops what a type does not know, and so shows it."""
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    ours = json.loads(json.dumps(board))
    for mark in ours["annotations"]["list"]:
        # Those of the Prometheus data source, which Grafana's schema leaves out.
        for own in ("step", "titleFormat", "textFormat"):
            mark.pop(own)
    assert {key: value for key, value in read.items() if key in ours} == ours


@every_board
def test_identity_is_fixed(board: dict) -> None:
    assert board["uid"] in {f"conformd-{name}" for name in NAMES}
    assert board["tags"] == ["conformd"]
    assert "id" not in board and "version" not in board
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)


@every_board
def test_panels_have_a_place_of_their_own(board: dict) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH, panel["title"]
        for cell in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]


@every_board
def test_panels_say_what_they_show(board: dict) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["description"].endswith("."), panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        assert defaults["unit"] in UNITS and defaults["noValue"], panel["title"]
        assert defaults["thresholds"]["steps"][0]["value"] is None, panel["title"]


@every_board
def test_everything_asks_the_data_source_that_was_chosen(board: dict) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    variables = board["templating"]["list"]
    assert [variable["name"] for variable in variables][:2] == ["datasource", "job"]
    asking = [
        *panels(board),
        *board["annotations"]["list"],
        *(variable for variable in variables if variable["type"] == "query"),
        *(target for panel in panels(board) for target in panel["targets"]),
    ]
    for one in asking:
        assert one["datasource"] == chosen, one


@every_board
def test_every_variable_that_is_offered_is_used(board: dict) -> None:
    text = json.dumps([board["panels"], board["links"], board["annotations"]])
    variables = board["templating"]["list"]
    for variable in variables:
        used = re.search(rf"\${{?{variable['name']}\b", text)
        assert used, variable["name"]
    offered = {variable["name"] for variable in variables}
    used = set(re.findall(r"\$\{?([a-z]+)\b", text))
    assert used <= offered, used - offered


@pytest.mark.parametrize("query", queries(), ids=str)
def test_queries_select_the_job_that_was_chosen(query) -> None:
    selectors = re.findall(r"(\w+)\{([^}]*)\}", query.expr)
    assert selectors
    for metric, matchers in selectors:
        assert metric == "ALERTS" or 'job="$job"' in matchers, metric


def test_links_lead_to_runbooks_that_exist_and_leave_none_out() -> None:
    linked = set(re.findall(rf"{re.escape(RUNBOOKS)}(\w+)\.md", json.dumps(boards())))
    pages = {page.stem for page in (ROOT / "docs/runbooks").glob("Conformd*.md")}
    alerts = {rule["alert"] for rule in rules()}
    assert linked <= pages, f"there is no page for {sorted(linked - pages)}"
    assert alerts <= linked, f"no panel leads to {sorted(alerts - linked)}"


def test_links_between_dashboards_keep_what_was_chosen() -> None:
    for board in boards().values():
        link = board["links"][0]
        assert (link["type"], link["tags"]) == ("dashboards", ["conformd"])
        assert link["includeVars"] and link["keepTime"]


def test_metrics_are_documented_and_documented_metrics_are_shown() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8").split("\n## Words\n")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    shown = set().union(*(metrics_in(query.expr) for query in queries())) - {"up", "ALERTS"}
    assert shown <= documented, shown - documented
    assert documented <= shown, documented - shown


def test_provisioning_names_the_folder_and_data_source_that_are_documented() -> None:
    source = yaml.safe_load((FOLDER / "provisioning/datasources/conformd.yml").read_text())
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/conformd.yml").read_text())
    assert source["datasources"][0]["type"] == "prometheus"
    assert provider["providers"][0]["type"] == "file"
    path = provider["providers"][0]["options"]["path"]
    assert path in (FOLDER / "README.md").read_text("utf-8")

"""Every query against a real Prometheus that has lived through the recorded nine hours."""

import re

import pytest
from boards import STEP, Choice, Query, asked, boards, queries
from peer import Prometheus
from recording import END, START

EVERYTHING = Choice(range=END - START)
# What must be empty in the recording, and why.
EMPTY = {
    "control-plane: Overruns (A)": "AWS answers at once in the recording",
    "control-plane: Memory (B)": "only a control group with a limit has it",
}
# A region of the recording, and a pack.
REGION, PACK = "eu-west-1", "iam-baseline"

every_query = pytest.mark.parametrize("query", queries(), ids=str)


@every_query
def test_answers_with_samples(prometheus: Prometheus, query: Query) -> None:
    series = prometheus.over(asked(query.expr, EVERYTHING), START, END, STEP)
    samples = sum(value != "NaN" for one in series for _, value in one["values"])
    if str(query) in EMPTY:
        assert samples == 0, f"no longer empty: {EMPTY[str(query)]}"
    else:
        assert samples > 0, query.expr


@every_query
def test_shows_what_was_chosen_and_nothing_else(prometheus: Prometheus, query: Query) -> None:
    choice = Choice(region=REGION, pack=PACK, range=END - START)
    for series in prometheus.over(asked(query.expr, choice), START, END, STEP):
        if "$region" in query.expr:
            assert series["metric"].get("region", REGION) == REGION
        if "$pack" in query.expr:
            assert series["metric"].get("pack", PACK) == PACK


@every_query
def test_shows_nothing_of_another_job(prometheus: Prometheus, query: Query) -> None:
    if "ALERTS{" in query.expr:
        return
    choice = Choice(job="somebody-else", range=END - START)
    assert prometheus.over(asked(query.expr, choice), START, END, STEP) == []


def test_allowances_belong_to_queries_that_exist() -> None:
    assert EMPTY.keys() <= {str(query) for query in queries()}


@pytest.mark.parametrize("name", ["job", "region", "pack"])
def test_variables_offer_choices(prometheus: Prometheus, name: str) -> None:
    offered = {"job": {"conformd"}, "region": {REGION}, "pack": {PACK}}[name]
    for board in boards().values():
        for variable in board["templating"]["list"]:
            if variable["name"] != name:
                continue
            series, label = (
                variable["query"]["query"].removeprefix("label_values(")[:-1].rsplit(", ", 1)
            )
            values = prometheus.label_values(asked(series, EVERYTHING), label, START, END)
            assert offered <= set(values)


def test_legends_use_labels_that_the_series_have(prometheus: Prometheus) -> None:
    for name, board in boards().items():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                labels = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
                if not labels:
                    continue
                for series in prometheus.over(asked(target["expr"], EVERYTHING), START, END, STEP):
                    assert labels - set(series["metric"]) <= {"region"}, (name, panel["title"])

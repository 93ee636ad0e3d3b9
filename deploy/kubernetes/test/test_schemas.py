"""Every object is one that Kubernetes, and the Prometheus operator, know, to the last field."""

import json

import jsonschema
import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator
from conftest import (
    CHART, KUSTOMIZE, MODES, ROOT, VALUES, objects, overlay, overlay_with_git, values,
)

# The oldest that the chart is for, one between, and the newest that there are schemas for.
VERSIONS = ["1.29", "1.33", "1.37"]
OPERATOR = {"ServiceMonitor": operator.ServiceMonitor, "PrometheusRule": operator.PrometheusRule}
EVERYTHING = {
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
}


def validate(document):
    """Raises if a field is wrong or unknown."""
    if document["apiVersion"].startswith("monitoring.coreos.com/"):
        read = OPERATOR[document["kind"]].model_validate(document)
        # What the operator does not know is lost on the way.
        assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == document
        return
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", VALUES)
def test_objects_of_the_chart_are_valid(chart, name):
    for document in chart.objects(values(name, **EVERYTHING)).values():
        validate(document)


@pytest.mark.parametrize("mode", MODES)
def test_objects_of_the_overlays_are_valid(mode):
    for document in overlay(mode).values():
        validate(document)


def test_objects_of_the_overlay_with_git_are_valid(tmp_path):
    for document in overlay_with_git(tmp_path, "observe").values():
        validate(document)


def test_examples_for_the_prometheus_operator_are_valid():
    for path in (ROOT / "deploy" / "prometheus" / "kubernetes").glob("*.yml"):
        for document in objects(path.read_text()).values():
            validate(document)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("Deployment", ("spec", "template", "spec", "containers", 0)),
        ("NetworkPolicy", ("spec", "egress", 0)),
        ("ServiceMonitor", ("spec", "endpoints", 0)),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0)),
    ],
)
def test_a_field_that_nobody_knows_is_seen(chart, kind, place):
    document = chart.objects(values("git", **EVERYTHING))[kind, "packs"]
    inner = document
    for key in place:
        inner = inner[key]
    inner["misspelt"] = "x"
    with pytest.raises((AssertionError, kubernetes_validate.ValidationError)):
        validate(document)


def test_the_schema_of_the_values_is_a_schema():
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)


def test_the_namespace_asks_for_the_restricted_profile():
    namespace = yaml.safe_load((KUSTOMIZE / "base" / "namespace.yaml").read_text())
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}

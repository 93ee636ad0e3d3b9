"""What people read and change is tidy YAML, and so is what the chart renders."""

from conftest import CHART, ECS, HERE, KUSTOMIZE, run

RULES = """
extends: default
rules:
  line-length: {max: 120}
  document-start: disable
  comments: {min-spaces-from-content: 1}
  comments-indentation: disable
  braces: {max-spaces-inside: 0}
  truthy: {check-keys: false}
  quoted-strings: disable
"""
# Helm's toYaml does not indent sequences, and texts of values stand on one line.
RENDERED = RULES.replace("max: 120", "max: 300") + "  indentation: {indent-sequences: whatever}\n"


def test_yaml_is_tidy():
    places = [CHART / "Chart.yaml", CHART / "values.yaml", HERE / "values", KUSTOMIZE, ECS]
    run("yamllint", "--strict", "--config-data", RULES, *map(str, places))


def test_what_the_chart_renders_is_tidy():
    run("yamllint", "--strict", "--config-data", RENDERED, str(HERE / "golden"))

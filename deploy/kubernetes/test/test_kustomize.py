"""The overlays are the chart without Helm: the same pod, for those who want plain objects."""

import copy

import pytest
import yaml
from conftest import (
    KUSTOMIZE, MODES, ROOT, container, only, overlay, overlay_with_git, settings_text,
)


def as_values(found):
    """Values that make the chart render the same."""
    settings = yaml.safe_load(settings_text(found))
    repository, _, tag = container(found)["image"].rpartition(":")
    for theirs in ("mode", "source", "http"):
        del settings[theirs]
    return {
        "mode": yaml.safe_load(settings_text(found))["mode"],
        "image": {"repository": repository, "tag": tag},
        "settings": settings,
        "source": {"configMap": {"name": "conformd-packs"}},
    }


def essence(found):
    """What runs and what it may reach, without names that either of the two makes up."""
    found = copy.deepcopy(found)
    template = only(found, "Deployment")["spec"]["template"]
    annotations = dict(template["metadata"]["annotations"])
    annotations.pop("checksum/settings", None)
    spec = template["spec"]
    spec["containers"].sort(key=lambda it: it["name"])
    spec["volumes"].sort(key=lambda it: it["name"])
    settings = yaml.safe_load(settings_text(found))
    for volume in spec["volumes"]:
        if volume["name"] == "settings":
            del volume["configMap"]["name"]
    deployment = {k: v for k, v in only(found, "Deployment")["spec"].items() if k != "template"}
    policy = only(found, "NetworkPolicy")["spec"]
    account = only(found, "ServiceAccount")
    service = only(found, "Service")["spec"]
    token = account["automountServiceAccountToken"]
    claim = only(found, "PersistentVolumeClaim")["spec"]
    return annotations, spec, settings, deployment, policy, service, token, claim


@pytest.mark.parametrize("mode", MODES)
def test_an_overlay_is_what_the_chart_renders(chart, mode):
    found = overlay(mode)
    assert yaml.safe_load(settings_text(found))["mode"] == mode
    assert essence(found) == essence(chart.objects(as_values(found)))


def test_the_overlay_with_git_is_what_the_chart_renders(chart, tmp_path):
    found = overlay_with_git(tmp_path, "upsert")
    values = as_values(found)
    values["source"] = {
        "git": {
            "repository": "https://git.example.com/security/packs.git",
            "https": {"secretName": "conformd-git", "username": "conformd"},
        }
    }
    assert essence(found) == essence(chart.objects(values))


def test_the_example_for_the_prometheus_operator_finds_the_service():
    service = only(overlay("observe"), "Service")
    example = ROOT / "deploy" / "prometheus" / "kubernetes" / "servicemonitor.yml"
    monitor = yaml.safe_load(example.read_text())["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "conformd"
    ports = {port["name"] for port in service["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports


def test_overlays_differ_in_mode_and_role_alone():
    for file in ("kustomization.yaml", "conformd.yaml"):
        texts = {}
        for mode in MODES:
            text = (KUSTOMIZE / "overlays" / mode / file).read_text()
            lines = [line for line in text.splitlines() if not line.startswith("# conformd that")]
            text = "\n".join(lines).replace(f"conformd-{mode}", "ROLE")
            texts[mode] = text.replace(f"mode: {mode}", "MODE")
        assert len(set(texts.values())) == 1, file

"""The chart: what it renders, what it refuses, and that it brings the rules and dashboards of the
repository and no others."""

import json
import os
import re

import pytest
import yaml
from conftest import (
    CHART, HERE, ROOT, VALUES, container, helm, merged, only, pod, settings_text, values, version,
    volume_files,
)

RULES = ROOT / "deploy" / "prometheus" / "rules" / "conformd.yml"
DASHBOARDS = ROOT / "dashboards"
DOCUMENTED = CHART / "README.md"


@pytest.mark.parametrize("name", VALUES)
def test_values_give_the_objects_that_were_reviewed(chart, name):
    golden, text = HERE / "golden" / f"{name}.yaml", chart.text(name)
    if os.environ.get("UPDATE"):
        golden.write_text(text)
    assert text == golden.read_text(), "UPDATE=1 takes the new ones; then review the difference"


def test_every_golden_file_has_its_values():
    assert {path.stem for path in (HERE / "golden").iterdir()} == set(VALUES)


@pytest.mark.parametrize("name", VALUES)
def test_helm_finds_no_fault_with_it(name):
    helm("lint", "--strict", CHART, "--values", VALUES[name])


# Changes to good values that are refused, and what the refusal speaks of.
REFUSED = {
    "no mode": ({"mode": None}, "mode"),
    "another mode": ({"mode": "sink"}, "mode"),
    "an unknown key": ({"replicas": 2}, "replicas"),
    "replicaCount": ({"replicaCount": 2}, "replicaCount"),
    "an unknown key within": ({"networkPolicy": {"enable": True}}, "enable"),
    "no image": ({"image": {"repository": None}}, "repository"),
    "latest": ({"image": {"tag": "latest"}}, "tag"),
    "a digest of another kind": ({"image": {"digest": "md5:00"}}, "digest"),
    "no installation": ({"settings": {"installation": None}}, "installation"),
    "no account": ({"settings": {"aws": {"expectedAccountId": None}}}, "expectedAccountId"),
    "a number for an account": (
        {"settings": {"aws": {"expectedAccountId": 111111111111}}}, "expectedAccountId",
    ),
    "no region": ({"settings": {"aws": {"regions": []}}}, "regions"),
    "mode in the settings": ({"settings": {"mode": "sync"}}, "mode"),
    "source in the settings": ({"settings": {"source": {}}}, "source"),
    "http in the settings": ({"settings": {"http": {}}}, "http"),
    "a state directory in the settings": (
        {"settings": {"stateDirectory": "/tmp"}}, "stateDirectory",
    ),
    "a stand-in for AWS": ({"settings": {"aws": {"endpoint": {}}}}, "endpoint"),
    "no source": ({"source": {"files": None}}, "source"),
    "two sources": ({"source": {"configMap": {"name": "x"}}}, "source"),
    "no file": ({"source": {"files": None, "configMap": None}}, "source"),
    "a way out of the source": ({"source": {"path": "packs/../.."}}, "path"),
    "an absolute path": ({"source": {"path": "/packs"}}, "path"),
    "a file outside": ({"source": {"files": {"../a.yaml": ""}}}, "files"),
    "a file with an ambiguous name": ({"source": {"files": {"a__b.yaml": ""}}}, "files"),
    "a privileged port": ({"http": {"port": 80}}, "port"),
    "a peer that is everybody": ({"networkPolicy": {"metricsFrom": [{}]}}, "metricsFrom"),
    "a state that is misspelt": ({"state": {"enable": True}}, "enable"),
    "a size of nothing": ({"state": {"size": "0Gi"}}, "size"),
    "a size without a unit": ({"state": {"size": 1}}, "size"),
    "a claim without a name": ({"state": {"existingClaim": ""}}, "existingClaim"),
    "a claim that cannot be": ({"state": {"existingClaim": "A/B"}}, "existingClaim"),
    "a class that cannot be": ({"state": {"storageClass": "A B"}}, "storageClass"),
    "half a token": ({"http": {"token": {"key": "token"}}}, "token"),
    "an ARN of a user": ({"serviceAccount": {"roleArn": "arn:aws:iam::1:user/x"}}, "roleArn"),
    "no memory limit": ({"resources": {"limits": {"memory": None}}}, "memory"),
    "rare scrapes": ({"serviceMonitor": {"interval": "5m"}}, "interval"),
    "keys in the environment": ({"extraEnv": [{"name": "AWS_ACCESS_KEY_ID"}]}, "extraEnv"),
    "settings in the environment": ({"extraEnv": [{"name": "CONFORMD_LOG"}]}, "extraEnv"),
    "a state directory in the environment": (
        {"extraEnv": [{"name": "STATE_DIRECTORY"}]}, "extraEnv",
    ),
    "endpoints in the environment": ({"extraEnv": [{"name": "AWS_ENDPOINT_URL_STS"}]}, "extraEnv"),
    "a label that is selected by": (
        {"podLabels": {"app.kubernetes.io/name": "x"}}, "app.kubernetes.io/name",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused(chart, what):
    changes, word = REFUSED[what]
    done = chart.template(values("files", **changes), check=False)
    assert done.returncode != 0 and "schema" in done.stderr and word in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"networkPolicy": {"from": [{"podSelector": {}}]}}, "http.exposed is false"),
        ({"http": {"port": 9465}}, "are the same"),
    ],
)
def test_values_that_contradict_each_other_are_refused(chart, changes, word):
    done = chart.template(values("files", **changes), check=False)
    assert done.returncode != 0 and word in done.stderr, done.stderr


REFUSED_WITH_GIT = {
    "credentials in the address": {"repository": "https://example:secret@git.example.com/packs"},
    "no encryption": {"repository": "http://git.example.com/packs"},
    "a path of the machine": {"repository": "/srv/packs"},
    "two secrets": {"ssh": {"secretName": "x"}},
    "a name without a secret": {"https": {"secretName": None}},
}


@pytest.mark.parametrize("what", REFUSED_WITH_GIT)
def test_is_refused_with_git(chart, what):
    changes = {"source": {"git": REFUSED_WITH_GIT[what]}}
    done = chart.template(values("git", **changes), check=False)
    assert done.returncode != 0 and "/source/git" in done.stderr, done.stderr


def test_nothing_is_rendered_without_a_decision(chart):
    done = chart.template({}, check=False)
    for word in ("mode", "repository", "installation", "aws", "source"):
        assert word in done.stderr
    assert done.stdout == ""


def test_it_is_of_the_programs_version():
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version()


def test_every_value_is_documented():
    documented = set(re.findall(r"^\| `([A-Za-z.]+)` \|", DOCUMENTED.read_text(), re.M))
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert documented == set(leaves(schema["properties"], schema["definitions"])) - {"global"}


def leaves(properties, definitions, within=""):
    """The names of all values, but for what Kubernetes defines."""
    for name, schema in properties.items():
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rpartition("/")[2]]
        inner = schema.get("properties") if schema.get("additionalProperties") is False else None
        if inner and name != "resources":
            yield from leaves(inner, definitions, f"{within}{name}.")
        else:
            yield within + name


def test_the_operator_gets_the_rules_of_the_repository(chart):
    found = chart.objects(values("files", prometheusRule={"enabled": True}))
    spec = found["PrometheusRule", "conformd"]["spec"]
    assert spec == yaml.safe_load(RULES.read_text()) and len(spec["groups"]) > 1


def test_the_operator_scrapes_as_the_example_does(chart):
    found = chart.objects(values("files", serviceMonitor={"enabled": True}))
    monitor, service = found["ServiceMonitor", "conformd"]["spec"], found["Service", "conformd"]
    example = ROOT / "deploy" / "prometheus" / "kubernetes" / "servicemonitor.yml"
    selected = monitor["selector"]["matchLabels"]
    assert selected.items() <= service["metadata"]["labels"].items()
    # The job of the alerts.
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "conformd"
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    expected = yaml.safe_load(example.read_text())["spec"]
    assert merged(monitor, {"selector": {"matchLabels": None}}) == merged(
        expected, {"selector": {"matchLabels": None}}
    )


def test_grafana_gets_the_dashboards_of_the_repository(chart):
    annotations = {"grafana_folder": "conformd"}
    on = {"dashboards": {"enabled": True, "annotations": annotations}}
    found = chart.objects(values("files", **on))
    shipped = {}
    for (kind, name), document in found.items():
        if kind == "ConfigMap" and name.startswith("conformd-dashboard-"):
            assert document["metadata"]["labels"]["grafana_dashboard"] == "1"
            assert document["metadata"]["annotations"] == annotations
            # The most that a ConfigMap holds.
            assert len(json.dumps(document)) < 1024 * 1024
            shipped |= {file: json.loads(text) for file, text in document["data"].items()}
    here = {path.name: json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")}
    assert shipped == here


def test_a_packaged_chart_is_whole(chart, tmp_path):
    helm("package", CHART, "--destination", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    arguments = ["--namespace", "security", "--values", VALUES["git"]]
    arguments += ["--set", "prometheusRule.enabled=true,dashboards.enabled=true"]
    packaged = helm("template", "conformd", package, *arguments).stdout
    assert packaged == helm("template", "conformd", CHART, *arguments).stdout
    assert "ConformdDown" in packaged


def test_it_works_within_another_chart(chart, tmp_path):
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    (parent / "Chart.yaml").write_text("{apiVersion: v2, name: parent, version: 0.1.0}")
    helm("package", CHART, "--destination", parent / "charts")
    (parent / "values.yaml").write_text(yaml.safe_dump({"conformd": values("files")}))
    assert "kind: Deployment" in helm("template", "conformd", parent).stdout


@pytest.mark.parametrize("name", VALUES)
def test_what_belongs_together_finds_each_other(chart, name):
    found = chart.objects(name)
    deployment, service = only(found, "Deployment"), only(found, "Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [deployment["spec"]["selector"]["matchLabels"], service["spec"]["selector"]]
    if ("NetworkPolicy", deployment["metadata"]["name"]) in found:
        selectors.append(only(found, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
    assert all(selector.items() <= labels.items() for selector in selectors)
    ports = {port["name"] for port in container(found)["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    volumes = {volume["name"] for volume in pod(found)["volumes"]}
    mounted = {it["name"] for each in pod(found)["containers"] for it in each["volumeMounts"]}
    assert mounted == volumes


def test_other_settings_are_another_pod_and_other_manifests_are_not(chart):
    def template(**changes):
        return only(chart.objects(values("files", **changes)), "Deployment")["spec"]["template"]

    before = template()
    assert template(settings={"intervals": {"region": "30m"}}) != before
    assert template(source={"files": {"packs/buckets.yaml": "other"}}) == before


def state_volume(found):
    (volume,) = (volume for volume in pod(found)["volumes"] if volume["name"] == "state")
    return {key: value for key, value in volume.items() if key != "name"}


def test_the_record_is_on_a_volume_that_lasts(chart):
    found = chart.objects("files")
    claim = only(found, "PersistentVolumeClaim")
    assert state_volume(found) == {"persistentVolumeClaim": {"claimName": "conformd-state"}}
    assert claim["metadata"]["name"] == "conformd-state"
    # One node, one pod, one writer; and an uninstallation forgets nothing.
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    spec = only(found, "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_record_is_where_the_program_is_told(chart):
    found = chart.objects("files")
    (mounted,) = (it for it in container(found)["volumeMounts"] if it["name"] == "state")
    assert mounted == {"name": "state", "mountPath": "/var/lib/conformd"}
    assert f"--state-directory={mounted['mountPath']}" in container(found)["args"]
    # Who may write it: the group of the pod, of which the program's user is.
    security = pod(found)["securityContext"]
    assert security["fsGroup"] == security["runAsGroup"] == 65532
    names = {it["name"] for it in pod(chart.objects("git"))["containers"][1]["volumeMounts"]}
    assert "state" not in names


@pytest.mark.parametrize(
    ("state", "claim", "volume"),
    [
        ({"size": "5Gi"}, {"resources": {"requests": {"storage": "5Gi"}}}, None),
        ({"storageClass": "gp3"}, {"storageClassName": "gp3"}, None),
        ({"storageClass": ""}, {"storageClassName": ""}, None),
        ({"existingClaim": "ours"}, None, {"persistentVolumeClaim": {"claimName": "ours"}}),
        ({"enabled": False}, None, {"emptyDir": {"sizeLimit": "1Gi"}}),
        ({"enabled": False, "existingClaim": "ours"}, None, {"emptyDir": {"sizeLimit": "1Gi"}}),
    ],
)
def test_the_volume_of_the_record_can_be_chosen(chart, state, claim, volume):
    found = chart.objects(values("files", state=state))
    claims = [it["spec"] for (kind, _), it in found.items() if kind == "PersistentVolumeClaim"]
    assert len(claims) == (claim is not None)
    assert all(claim.items() <= it.items() for it in claims)
    assert state_volume(found) == (
        volume or {"persistentVolumeClaim": {"claimName": "conformd-state"}}
    )


@pytest.mark.parametrize("name", ["git", "ssh"])
def test_a_checkout_is_read_through_the_link_that_git_sync_flips(chart, name):
    found = chart.objects(name)
    flags = dict(it.removeprefix("--").split("=", 1) for it in container(found, "git-sync")["args"])
    mounts = {
        it["name"]: {each["name"]: each["mountPath"] for each in it["volumeMounts"]}
        for it in pod(found)["containers"]
    }
    assert flags["root"] == mounts["git-sync"]["source"]
    directory = yaml.safe_load(settings_text(found))["source"]["directory"]
    # The link itself is the root: what is beneath it was published whole.
    assert directory["root"] == f"{mounts['conformd']['source']}/{flags['link']}"
    # And is not removed under a reader's feet.
    assert flags["stale-worktree-timeout"] == "10m"


def test_one_container_alone_gets_credentials(chart):
    template = only(chart.objects("git"), "Deployment")["spec"]["template"]
    skipped = template["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"].split(",")
    names = {container["name"] for container in template["spec"]["containers"]}
    assert names - set(skipped) == {"conformd"}


def test_the_network_is_closed_but_for_what_is_needed(chart):
    def reached(policy):
        rules = policy["spec"]["egress"]
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert reached(only(chart.objects("files"), "NetworkPolicy")) == {53, 443, 80}
    assert reached(only(chart.objects("ssh"), "NetworkPolicy")) == {53, 443, 22, 80}
    # IRSA needs no agent on the node; the proxy is the values' own.
    assert reached(only(chart.objects("git"), "NetworkPolicy")) == {53, 443, 3128}
    assert only(chart.objects("files"), "NetworkPolicy")["spec"]["ingress"] == []


def test_texts_stay_texts_whatever_they_look_like(chart):
    git = {"repository": "https://git.example.com/a #1", "ref": "1: 2", "path": "a: b"}
    git["https"] = {"secretName": "conformd-git", "username": "x #: y"}
    found = chart.objects(values("git", source={"git": git}))
    settings = yaml.safe_load(settings_text(found))
    assert settings["aws"]["expectedAccountId"] == "111111111111"
    assert settings["source"]["directory"] == {"root": "/source/current", "path": "a: b"}
    wanted = {f"--repo={git['repository']}", "--ref=1: 2", "--username=x #: y"}
    assert wanted <= set(container(found, "git-sync")["args"])
    found = chart.objects(values("files", source={"files": {"1": "2", "null": "~"}}))
    assert volume_files(found, "source") | {"1": "2", "null": "~"} == volume_files(found, "source")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("files", ["mode observe", "Pod\nIdentity", "No peer may scrape", "changes nothing"]),
        ("git", ["mode upsert", "deploy/packs"]),
        ("ssh", ["8080"]),
        ("configmap", ["record ends with the pod", "24 hours"]),
    ],
)
def test_notes_say_what_is_next(name, words):
    arguments = ["--namespace", "security", "--values", VALUES[name], "--dry-run=client"]
    notes = helm("install", "conformd", CHART, *arguments).stdout.partition("NOTES:")[2]
    assert all(word in notes for word in words), notes

"""Renders the chart and the overlays, and runs the program on what they render.

Nothing here sleeps for a fixed time: what takes time is polled until a deadline.
"""

import os
import pathlib
import re
import subprocess
import time

import pytest
import yaml

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent.parent
CHART = HERE.parent / "helm" / "conformd"
KUSTOMIZE = HERE.parent / "kustomize"
ECS = ROOT / "deploy" / "ecs"
PROGRAM = os.environ["CONFORMD_BIN"]

MODES = ["observe", "upsert", "sync"]
VALUES = {path.stem: path for path in sorted((HERE / "values").glob("*.yaml"))}


def run(*command, check=True, **options):
    """Runs a command to its end; the test fails with its output if it does."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def helm(*arguments, check=True):
    return run("helm", *map(str, arguments), check=check)


def objects(text):
    """The objects of a stream of documents, by kind and name."""
    found = {}
    for document in filter(None, yaml.safe_load_all(text)):
        key = (document["kind"], document["metadata"]["name"])
        assert key not in found, f"{key} twice"
        found[key] = document
    return found


def merged(base, changes):
    """`base` with `changes` in it, deeply."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return {**base, **{key: merged(base.get(key), value) for key, value in changes.items()}}


class Chart:
    """The chart with some values, as files that Helm is given."""

    def __init__(self, scratch):
        self.scratch = scratch

    def template(self, values, check=True):
        """What `helm template` does with these values: a name of values/, or a mapping."""
        if isinstance(values, str):
            path = VALUES[values]
        else:
            path = self.scratch / "values.yaml"
            path.write_text(yaml.safe_dump(values))
        return helm(
            "template", "conformd", CHART, "--namespace", "security", "--values", path, check=check
        )

    def text(self, values):
        return self.template(values).stdout

    def objects(self, values):
        return objects(self.text(values))


@pytest.fixture
def chart(tmp_path):
    return Chart(tmp_path)


def values(name, **changes):
    """One of the files in values/, changed."""
    return merged(yaml.safe_load(VALUES[name].read_text()), changes)


def overlay(mode):
    return objects(run("kubectl", "kustomize", str(KUSTOMIZE / "overlays" / mode)).stdout)


def overlay_with_git(scratch, mode):
    """An overlay as its comments say to change it for manifests from git."""
    place = scratch / "kustomize"
    run("cp", "-r", str(KUSTOMIZE), str(place))
    edit(place / "overlays" / mode / "kustomization.yaml", "# components:", "components:")
    edit(place / "overlays" / mode / "kustomization.yaml", "#   - ../../c", "  - ../../c")
    edit(place / "overlays" / mode / "conformd.yaml", "path: .  ", "path: packs  ")
    edit(place / "overlays" / mode / "conformd.yaml", "root: /source  ", "root: /source/current  ")
    return objects(run("kubectl", "kustomize", str(place / "overlays" / mode)).stdout)


def edit(path, before, after):
    text = path.read_text()
    assert text.count(before) == 1, f"{before!r} in {path}"
    path.write_text(text.replace(before, after))


def only(found, kind, name=""):
    """The one object of that kind whose name begins so."""
    (it,) = (it for (k, n), it in found.items() if k == kind and n.startswith(name))
    return it


def pod(found):
    return only(found, "Deployment")["spec"]["template"]["spec"]


def container(found, name="conformd"):
    (it,) = (it for it in pod(found)["containers"] if it["name"] == name)
    return it


def volume_files(found, name):
    """The files of a ConfigMap volume of the pod, by their path in it."""
    (volume,) = (volume for volume in pod(found)["volumes"] if volume["name"] == name)
    data = found["ConfigMap", volume["configMap"]["name"]]["data"]
    items = volume["configMap"].get("items")
    if items is None:
        return data
    return {item["path"]: data[item["key"]] for item in items}


def settings_text(found):
    return volume_files(found, "settings")["conformd.yaml"]


def mount(place, files):
    """Writes files as the kubelet does: whole, behind a link that is swapped."""
    place.mkdir(exist_ok=True)
    stamp = f"..{time.monotonic_ns()}"
    for path, text in files.items():
        target = place / stamp / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        link = place / pathlib.PurePath(path).parts[0]
        if not link.is_symlink():
            link.symlink_to(pathlib.Path("..data") / link.name)
    (place / "..data_tmp").symlink_to(stamp)
    (place / "..data_tmp").rename(place / "..data")


def version():
    """The version of the program, as Cargo.toml says."""
    return re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def until(what, condition, seconds=90):
    """Polls until the condition gives something true, and gives it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


@pytest.fixture
def accepts():
    """Whether the program takes these settings: it reads them before it prints their policy."""

    def check(path):
        run(PROGRAM, "iam-policy", "--config", str(path))

    return check

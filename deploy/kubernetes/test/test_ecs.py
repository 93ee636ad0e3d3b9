"""The CloudFormation template for ECS is valid and keeps the conventions of a daemon of which there
is one; the example of an image holds what the program takes."""

import json
import shutil

import pytest
from cfnlint.decode import cfn_yaml
from conftest import ECS, PROGRAM, ROOT, run

TEMPLATE = ECS / "conformd.yml"


@pytest.fixture
def resources():
    return json.loads(json.dumps(cfn_yaml.load(str(TEMPLATE))))["Resources"]


def test_cloudformation_finds_no_fault_with_it():
    run("cfn-lint", "--include-checks", "I", "--template", str(TEMPLATE))


def test_a_fault_is_found(tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(TEMPLATE.read_text().replace("StopTimeout:", "StopTimout:"))
    assert "StopTimout" in run("cfn-lint", "--template", str(broken), check=False).stdout


def test_there_is_never_more_than_one(resources):
    service = resources["Service"]["Properties"]
    deployment = service["DeploymentConfiguration"]
    assert service["DesiredCount"] == 1
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (0, 100)
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_the_task_writes_its_record_alone_and_is_nobody(resources):
    task = resources["Task"]["Properties"]
    (container,) = task["ContainerDefinitions"]
    # On the task's own disk: neither EFS nor anything else that others can write to.
    assert task["Volumes"] == [{"Name": "state"}]
    (mounted,) = container["MountPoints"]
    assert mounted["SourceVolume"] == "state"
    assert container["Command"][-2:] == ["--state-directory", mounted["ContainerPath"]]
    # The image says whose the volume is.
    image = (ROOT / "deploy" / "container" / "Containerfile").read_text().splitlines()
    assert f"VOLUME {mounted['ContainerPath']}" in image
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "65532:65532"
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["StopTimeout"] == 60
    assert "Environment" not in container and "Secrets" not in container
    assert task["TaskRoleArn"] == {"Ref": "TaskRoleArn"}


def test_its_commands_are_the_programs(resources):
    (container,) = resources["Task"]["Properties"]["ContainerDefinitions"]
    kind, path, *health = container["HealthCheck"]["Command"]
    assert (kind, path) == ("CMD", "/usr/bin/conformd")
    for arguments in (container["Command"], health):
        # Help is shown once the arguments before it were understood.
        run(PROGRAM, *arguments, "--help")


def test_settings_and_manifests_of_the_example_are_good(tmp_path, accepts):
    copied = tmp_path / "example"
    shutil.copytree(ECS / "example", copied)
    accepts(copied / "conformd.yaml")
    run(PROGRAM, "validate", str(copied / "packs"), "--root", str(copied))


def test_the_image_holds_what_the_example_has():
    text = (ECS / "Containerfile").read_text()
    copied = {line.split()[1].rstrip("/") for line in text.splitlines() if line.startswith("COPY")}
    assert copied == {path.name for path in (ECS / "example").iterdir()}

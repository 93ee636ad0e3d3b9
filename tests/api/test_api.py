"""Asks a running daemon whatever its OpenAPI document allows, and much that it does not.

A daemon that is alone at its simulator keeps still while it is asked: members in every situation
that a pack meets, and regions, packs and accounts that exist next to those that do not.
"""

import json
import os
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
BINARY = os.environ["CONFORMD_BIN"]
TOKEN = "a-token-that-nobody-guesses"
DELEGATED = "222222222222"
# The machine may be busy with other tests.
PATIENCE = 90

SETTINGS = """\
installation: described
mode: sync
aws:
  expectedAccountId: "{account}"
  regions: [us-east-1, eu-west-1, ap-southeast-2]
  endpoint:
    url: {endpoint}
    credentials: {{accessKeyId: AKIASIM{account}, secretAccessKey: any}}
source: {{directory: {{root: ., path: packs}}}}
intervals: {{region: 30s, source: 30s}}
limits: {{readsPerSecond: 100, burst: 1000, inFlight: 8}}
recorderProbe: {{roleName: ConformdRecorderProbe, externalId: conformd-demo}}
http: {{listen: "127.0.0.1:0", tokenFile: http-token}}
"""


def started(arguments, log, sign):
    """Starts the program; answers it and what follows the sign in its output."""
    with open(log, "wb") as out:
        process = subprocess.Popen([BINARY, *arguments], stdout=out, stderr=out)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if sign in line:
                return process, line.split(sign)[1].split()[0]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    ended(process)
    raise AssertionError(f"{arguments[0]} did not start:\n{log.read_text()}")


def ended(process):
    """Ends a process that was started here."""
    process.terminate()
    try:
        return process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Settings, manifests and a token."""
    folder = tmp_path_factory.mktemp("conformd")
    for part in ("packs", "templates"):
        shutil.copytree(ROOT / "config" / part, folder / part)
    (folder / "http-token").write_text(TOKEN)
    return folder


@pytest.fixture(scope="module")
def endpoint(folder):
    """A simulated organization with members in every situation."""
    scenario = ROOT / "config" / "scenarios" / "members.yaml"
    arguments = ["simulate", "--listen=127.0.0.1:0", f"--scenario={scenario}", "--seed=7"]
    process, endpoint = started(arguments, folder / "simulator.log", "endpoint")
    yield endpoint
    assert ended(process) == 0


@pytest.fixture(scope="module")
def api(folder, endpoint):
    """The address of a daemon that has packs in every region, and events to tell."""
    settings = folder / "conformd.yaml"
    settings.write_text(SETTINGS.format(account=DELEGATED, endpoint=endpoint))
    arguments = ["run", f"--config={settings}"]
    process, address = started(arguments, folder / "daemon.log", "listening address=")
    api = f"http://{address}"
    try:
        eventually(lambda: is_busy(api), f"no packs:\n{(folder / 'daemon.log').read_text()}")
        yield api
    finally:
        code = ended(process)
    assert code == 0
    log = (folder / "daemon.log").read_text()
    assert "panicked" not in log, log
    assert TOKEN not in log


def eventually(condition, complaint):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.2)


def get(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)


def is_busy(api):
    """Whether every region has a pack whose members were read."""
    regions = get(f"{api}/api/v1/status")["regions"].values()
    deployments = [region["deployments"].values() for region in regions]
    return all(any(one["rollout"]["resynced"] for one in region) for region in deployments)


def schemathesis(api, folder, *arguments, **parameters):
    """Has schemathesis ask with everything that it can check, these parameters taking these values.

    pytest shows what it prints when it complains.
    """
    lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in parameters.items()]
    (folder / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines, ""]))
    done = subprocess.run(
        [
            "schemathesis",
            "--config-file",
            str(folder / "schemathesis.toml"),
            "run",
            f"{api}/api/v1/openapi.json",
            "--checks=all",
            "--max-examples=50",
            "--seed=7",
            "--generation-database=none",
            "--request-timeout=30",
            "--continue-on-failure",
            "--no-color",
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    assert done.returncode == 0
    return done.stdout


def test_without_a_token_every_answer_is_described(api, folder):
    schemathesis(api, folder)


def test_with_another_token_every_answer_is_described(api, folder):
    header = "--header=Authorization: Bearer nobody-has-ever-heard-of-it"
    told = schemathesis(api, folder, header, "--include-method=POST")
    assert "Authentication failed: 1 operation" in told


def test_with_the_token_every_answer_is_described(api, folder):
    told = schemathesis(api, folder, f"--header=Authorization: Bearer {TOKEN}")
    assert "Authentication failed" not in told
    # All but the document itself, which it has read.
    assert f"Tested: {len(get(f'{api}/api/v1/openapi.json')['paths']) - 1}" in told


def test_what_exists_is_described(api, folder):
    named = "--include-path-regex=[{]"
    for pack, account in [("encryption", "410000000001"), ("s3-baseline", "430000000001")]:
        names = {"path.region": "eu-west-1", "path.pack": pack, "path.id": account}
        told = schemathesis(api, folder, named, **names)
        assert "404" not in told

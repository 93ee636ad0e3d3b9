"""The program takes what the chart and the overlays render, and does in their pod what they expect:
it answers the probes, finds the manifests where they are mounted, and its credentials."""

import contextlib
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import yaml
from conftest import (
    MODES, PROGRAM, VALUES, container, mount, overlay, overlay_with_git, run, settings_text, until,
    values, volume_files,
)

# A token as Kubernetes hands it to the agent of EKS Pod Identity.
TOKEN = "token-of-the-service-account"
# The simulator takes an access key for that of the account which it ends with.
KEY = "AKIASIM111111111111"


def rendered(chart, name, scratch):
    if name in VALUES:
        return chart.objects(name)
    if name == "git-overlay":
        return overlay_with_git(scratch, "sync")
    return overlay(name)


@pytest.mark.parametrize("name", [*VALUES, *MODES, "git-overlay"])
def test_settings_are_accepted(chart, accepts, tmp_path, name):
    path = tmp_path / "conformd.yaml"
    path.write_text(settings_text(rendered(chart, name, tmp_path)))
    accepts(path)


def test_settings_that_are_wrong_are_not_accepted(chart, accepts, tmp_path):
    path = tmp_path / "conformd.yaml"
    wrong = values("files", settings={"aws": {"region": "eu-west-1"}})
    path.write_text(settings_text(chart.objects(wrong)))
    with pytest.raises(AssertionError, match="aws has no field"):
        accepts(path)


@pytest.mark.parametrize("name", ["files", *MODES])
def test_manifests_are_valid(chart, tmp_path, name):
    found = rendered(chart, name, tmp_path)
    mount(tmp_path / "source", volume_files(found, "source"))
    settings = yaml.safe_load(settings_text(found))
    path = tmp_path / "source" / settings["source"]["directory"]["path"]
    regions = ",".join(settings["aws"]["regions"])
    root = str(tmp_path / "source")
    said = run(PROGRAM, "validate", str(path), "--root", root, "--regions", regions)
    assert "1 pack with 1 rule; 0 errors, 0 warnings" in said.stdout + said.stderr


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


class Pod:
    """The program, started as the container of a pod: its arguments, its settings, its mounts."""

    def __init__(self, found, scratch, aws):
        self.scratch, self.probes = scratch, container(found)
        settings = yaml.safe_load(settings_text(found))
        self.page, self.metrics = free_address(), free_address()
        # Of what it listens on, the ports of the container are what others can reach.
        listening = [settings["http"][it].split(":") for it in ("listen", "metricsListen")]
        exposed = {int(port) for address, port in listening if address == "0.0.0.0"}
        assert exposed == {port["containerPort"] for port in container(found)["ports"]}
        self.probed = settings["http"]["metricsListen"].rpartition(":")[2]
        settings["http"] |= {"listen": self.page, "metricsListen": self.metrics}
        settings["aws"]["endpoint"] = aws
        mounts = {it["mountPath"] for it in container(found)["volumeMounts"]}
        # The root of a checkout is a link beneath its mount.
        root = pathlib.Path(settings["source"]["directory"]["root"])
        assert {"/etc/conformd", "/source", "/var/lib/conformd"} <= mounts
        assert root == pathlib.Path("/source") or root.parent == pathlib.Path("/source")
        settings["source"]["directory"]["root"] = str(self.place(str(root)))
        if token := settings["http"].get("tokenFile"):
            assert str(pathlib.Path(token).parent) in mounts
            settings["http"]["tokenFile"] = str(self.place(token))
        self.place("/etc/conformd").mkdir(parents=True)
        self.place("/var/lib/conformd").mkdir(parents=True)
        self.place("/etc/conformd/conformd.yaml").write_text(yaml.safe_dump(settings))

    def place(self, path):
        """Where a path in the container is here."""
        return self.scratch / "container" / path.lstrip("/")

    @contextlib.contextmanager
    def running(self, environment=()):
        """Runs it, and stops it as the kubelet does."""
        arguments = self.probes["args"]
        for mounted in ("/etc/conformd", "/var/lib/conformd"):
            place = str(self.place(mounted))
            arguments = [argument.replace(mounted, place) for argument in arguments]
        clean = {
            "PATH": os.environ["PATH"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        log = self.scratch / "log.json"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [PROGRAM, *arguments], env={**clean, **dict(environment)}, stderr=stderr
            )
        self.process = process
        try:
            yield
            process.terminate()
            assert process.wait(timeout=45) == 0
            # One JSON object a line.
            assert all(json.loads(line) for line in log.read_text().splitlines())
        except BaseException:
            print(log.read_text())
            raise
        finally:
            process.kill()
            process.wait()

    def get(self, address, path):
        """The status and the body of an answer; 0 while nobody listens."""
        assert self.process.poll() is None, f"it ended with {self.process.returncode}"
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def probe(self, kind):
        """What a probe of the container would see."""
        request = self.probes[f"{kind}Probe"]["httpGet"]
        ports = {port["name"]: str(port["containerPort"]) for port in self.probes["ports"]}
        assert ports[request["port"]] == self.probed
        return self.get(self.metrics, request["path"])[0]

    def wait_ready(self):
        until("ready", lambda: self.probe("readiness") == 200)

    def packs(self):
        return self.get(self.page, "/api/v1/packs")[1]


@pytest.fixture
def endpoint():
    """A simulated AWS."""
    process = subprocess.Popen(
        [PROGRAM, "simulate", "--listen=127.0.0.1:0", "--seed=7"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    try:
        found = (line.split()[1] for line in process.stdout if line.startswith("endpoint"))
        yield next(found)
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def aws(endpoint):
    return {"url": endpoint, "credentials": {"accessKeyId": KEY, "secretAccessKey": "any"}}


def test_probes_are_answered(chart, tmp_path, aws):
    found = chart.objects("files")
    pod = Pod(found, tmp_path, aws)
    with pod.running():
        # Nothing is mounted yet: it is up and not ready, and is not restarted for it.
        until("started", lambda: pod.probe("startup") == 200)
        assert pod.probe("liveness") == 200
        assert pod.probe("readiness") == 503
        mount(pod.place("/source"), volume_files(found, "source"))
        pod.wait_ready()
        until("the pack is seen", lambda: '"buckets"' in pod.packs())
        assert pod.get(pod.metrics, "/metrics")[0] == 200
        # What Prometheus may reach tells nobody what is in the packs.
        assert pod.get(pod.metrics, "/api/v1/packs")[0] == 404


def test_a_configmap_that_changes_is_taken(chart, tmp_path, aws):
    found = chart.objects("files")
    files = volume_files(found, "source")
    pod = Pod(found, tmp_path, aws)
    mount(pod.place("/source"), files)
    with pod.running():
        until("the pack is seen", lambda: '"buckets"' in pod.packs())
        changed = files["packs/buckets.yaml"].replace("name: buckets", "name: pails")
        mount(pod.place("/source"), {**files, "packs/buckets.yaml": changed})
        until("the new one is seen", lambda: '"pails"' in pod.packs())


def test_the_record_is_kept_over_a_restart(chart, tmp_path, aws):
    found = chart.objects("files")
    pod = Pod(found, tmp_path, aws)
    mount(pod.place("/source"), volume_files(found, "source"))
    record = pod.place("/var/lib/conformd/record.sqlite3")
    inodes = []
    for _ in range(2):
        with pod.running():
            pod.wait_ready()
            until("the record is there", record.exists)
            assert record.stat().st_mode & 0o777 == 0o600
            inodes.append(record.stat().st_ino)
    assert inodes[0] == inodes[1]
    assert not list(record.parent.glob("record.sqlite3.*"))


class Checkout:
    """What git-sync leaves: a tree for each commit, and a link to the newest. That it keeps the tree
    before for a while makes it easier to read; here it does not."""

    def __init__(self, place, link):
        self.place, self.link = place, link
        place.mkdir(parents=True)
        self.before = None

    def publish(self, commit, files):
        tree = self.place / ".worktrees" / commit
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        (tree / ".git").write_text("gitdir: /git/.git/worktrees/x\n")
        temporary = self.place / "tmp-link"
        temporary.symlink_to(f".worktrees/{commit}")
        temporary.rename(self.link_path())
        if self.before:
            shutil.rmtree(self.before)
        self.before = tree

    def link_path(self):
        return self.place / self.link


@pytest.mark.parametrize("name", ["git", "ssh"])
def test_manifests_of_a_checkout_are_read_through_its_link(chart, tmp_path, aws, name):
    found = chart.objects(name)
    sync = container(found, "git-sync")
    link = next(it.partition("=")[2] for it in sync["args"] if it.startswith("--link="))
    root = next(it.partition("=")[2] for it in sync["args"] if it.startswith("--root="))
    own = {it["mountPath"]: it["name"] for it in container(found)["volumeMounts"]}
    assert {it["mountPath"]: it["name"] for it in sync["volumeMounts"]}[root] == own["/source"]

    files = volume_files(chart.objects("files"), "source")
    pod = Pod(found, tmp_path, aws)
    pod.place("/run/secrets/conformd").mkdir(parents=True)
    pod.place("/run/secrets/conformd/token").write_text("a token of the test, long enough\n")
    checkout = Checkout(pod.place("/source"), link)
    with pod.running():
        until("started", lambda: pod.probe("startup") == 200)
        assert pod.probe("readiness") == 503
        checkout.publish("a" * 40, files)
        pod.wait_ready()
        until("the pack is seen", lambda: '"buckets"' in pod.packs())
        changed = files["packs/buckets.yaml"].replace("name: buckets", "name: pails")
        checkout.publish("b" * 40, {**files, "packs/pails.yaml": changed})
        until("the new one is seen", lambda: '"pails"' in pod.packs())
        assert '"buckets"' in pod.packs()


class Agent(http.server.BaseHTTPRequestHandler):
    """The agent of EKS Pod Identity, which hands credentials to whoever shows the token."""

    def do_GET(self):
        good = self.headers["Authorization"] == TOKEN
        credentials = {
            "AccessKeyId": KEY,
            "SecretAccessKey": "any",
            "Token": "any",
            "AccountId": "111111111111",
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 21600)),
        }
        body = json.dumps(credentials).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if good else b" " * len(body))

    def log_message(self, *_arguments):
        pass


@pytest.mark.parametrize("token", [TOKEN, "of somebody else"])
def test_credentials_come_from_pod_identity(chart, tmp_path, endpoint, token):
    found = chart.objects("files")
    pod = Pod(found, tmp_path, {"url": endpoint})
    mount(pod.place("/source"), volume_files(found, "source"))
    (tmp_path / "token").write_text(token)
    agent = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{agent.server_port}/v1/credentials"
    environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": address,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    try:
        with pod.running(environment):
            if token == TOKEN:
                pod.wait_ready()
            else:
                until("a refusal", lambda: "credentials" in pod.get(pod.page, "/readyz")[1])
                assert pod.probe("readiness") == 503
    finally:
        agent.shutdown()
        agent.server_close()

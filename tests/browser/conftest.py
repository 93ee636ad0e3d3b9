"""Starts the simulator, a daemon on it and Chromium, once for all tests.

The daemon has deployed its packs, lost two manifests (which trips the guard) and seen members that
fail before the first test begins. Nothing sleeps for a fixed time: conditions are polled.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

import pytest
from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).parent
PROGRAM = os.environ["CONFORMD_PROGRAM"]
CHROMIUM = os.environ["CONFORMD_CHROMIUM"]
AXE = pathlib.Path(os.environ["CONFORMD_AXE"])
ARTEFACTS = pathlib.Path(os.environ["CONFORMD_ARTEFACTS"])
SCRATCH = pathlib.Path(os.environ["CONFORMD_SCRATCH"])

# Generous: the machine may be busy with something else.
PATIENCE = 180
CANARY = "canary-that-no-page-shows"

TEMPLATE = """\
Parameters:
  Secret: {Type: String}
Resources:
  Rule:
    Type: AWS::Config::ConfigRule
    Properties:
      Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}
"""

MANIFEST = """\
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata:
  name: %(name)s
  labels: {team: security}
spec:
  template: {file: ../template.yaml}
  parameters: {Secret: %(secret)s}
  exclude: {states: [SUSPENDED], organizationalUnits: [%(excluded)s]}
"""

SETTINGS = """\
installation: browser
mode: sync
aws:
  expectedAccountId: "111111111111"
  regions: [us-east-1, eu-west-1, ap-southeast-2]
  endpoint:
    url: %(endpoint)s
    credentials: {accessKeyId: AKIASIM111111111111, secretAccessKey: any}
source:
  directory: {root: ., path: packs}
intervals: {source: 1s, inProgress: {first: 30s, max: 1m}, failureResync: 1m}
limits: {readsPerSecond: 100, burst: 1000, inFlight: 8}
http: {listen: "%(listen)s", tokenFile: http-token}
"""

# What rings the bell.
TOKEN = "a token of the tests, long enough"

# The packs, and the unit that each leaves out: new accounts are in the first.
NEW, NOBODY = "ou-sim1-acquired", "ou-sim1-elsewhere"
PACKS = {"iam-baseline": NOBODY, "logging": NOBODY, "encryption": NEW, "legacy-one": NEW,
         "legacy-two": NEW}


def poll(what, look):
    """What `look` returns, once that is something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


class Daemon:
    """A running daemon: its address, its API, its process."""

    def __init__(self, address, process):
        self.address = address
        self.process = process

    def ask(self, path, method="GET"):
        """The decoded answer of the API."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(self.address + path, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def ring(self):
        """Has the daemon look at everything now."""
        self.ask("/api/v1/reconcile", "POST")


def start(*arguments):
    """A process of the program, with its output in a file."""
    log = open(SCRATCH / f"{arguments[0]}.log", "w+")
    environment = {"PATH": os.environ["PATH"], "HOME": str(SCRATCH), "NO_PROXY": "127.0.0.1"}
    return subprocess.Popen([PROGRAM, *arguments], stdout=log, stderr=log, env=environment)


def stop(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def announced(process):
    """The endpoint that the simulator says it listens on."""
    assert process.poll() is None, (SCRATCH / "simulate.log").read_text()
    for line in (SCRATCH / "simulate.log").read_text().splitlines():
        words = line.split()
        if words[:1] == ["endpoint"]:
            return words[1]
    return None


def write_packs():
    packs = SCRATCH / "packs"
    packs.mkdir(exist_ok=True)
    (SCRATCH / "template.yaml").write_text(TEMPLATE)
    for name, excluded in PACKS.items():
        text = MANIFEST % {"name": name, "secret": CANARY, "excluded": excluded}
        (packs / f"{name}.yaml").write_text(text)


def deployments(status):
    return [one for region in status["regions"].values() for one in region["deployments"].values()]


@pytest.fixture(scope="session")
def simulator():
    process = start("simulate", "--listen=127.0.0.1:0", f"--scenario={HERE / 'scenario.yaml'}",
                    "--seed=7")
    try:
        yield poll("the simulator listens", lambda: announced(process))
    finally:
        if process.poll() is None:
            stop(process)


@pytest.fixture(scope="session")
def daemon(simulator):
    listen = f"127.0.0.1:{free_port()}"
    write_packs()
    (SCRATCH / "http-token").write_text(TOKEN)
    settings = SCRATCH / "conformd.yaml"
    settings.write_text(SETTINGS % {"endpoint": simulator, "listen": listen})
    process = start("run", f"--config={settings}")
    daemon = Daemon(f"http://{listen}", process)

    def status():
        assert process.poll() is None, (SCRATCH / "run.log").read_text()
        try:
            return daemon.ask("/api/v1/status")
        except OSError:
            return None

    def settled():
        found = status()
        if not found:
            return None
        counts = [one["rollout"]["counts"] for one in deployments(found)]
        arrived = [one for one in counts if one["ok"] > 100 and one["in_progress"] == 0]
        return len(arrived) == 3 * len(PACKS)

    def guarded():
        reports = [region.get("report") or {} for region in status()["regions"].values()]
        return all(report.get("pending") for report in reports)

    try:
        poll("every pack is deployed", settled)
        for name in ["legacy-one", "legacy-two"]:
            with open(SCRATCH / "packs" / f"{name}.yaml", "a") as manifest:
                manifest.write("  state: Absent\n")
        poll("the guard stops the deletes", guarded)
        yield daemon
    finally:
        if process.poll() is None:
            stop(process)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update",
                  "--disable-sync"],
        )
        yield browser
        browser.close()


class Tab:
    """A page in a window of its own that notes whatever a browser complains of."""

    def __init__(self, chromium, daemon, **options):
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        self.address = daemon.address
        self.context = chromium.new_context(base_url=daemon.address, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.complaints = []
        self.expected = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        if options.get("java_script_enabled", True):
            self.page.add_init_script(
                "document.addEventListener('securitypolicyviolation', (event) =>"
                " console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI))")

    def _note(self, message):
        if message.type in ("error", "warning"):
            if not any(text in message.text for text in self.expected):
                self.complaints.append(message.text)

    def _dialog(self, dialog):
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request):
        if not request.url.startswith(self.address):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def open(self, path):
        """The page at this path; it has to answer as it should."""
        answer = self.page.goto(path)
        assert answer.status == 200, path
        return self.page


@pytest.fixture
def tab(chromium, daemon):
    """Opens tabs; none may have heard a complaint in the end."""
    tabs = []

    def new(**options):
        tabs.append(Tab(chromium, daemon, **options))
        return tabs[-1]

    yield new
    for one in tabs:
        one.context.close()
        assert one.complaints == []


@pytest.fixture(scope="session")
def axe():
    """The text of axe-core."""
    return AXE.read_text()


@pytest.fixture(scope="session")
def pictures():
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS

"""A member fails, a new account runs out of time, the guard trips, the source goes stale: a real
Prometheus and a real Alertmanager tell a webhook of exactly that, and then that it is over.

The daemon is `conformd run` in real time against `conformd simulate`. The seven hours come from an
account that joined nearly so long ago, short times from the settings, and the rest from `fast`.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import urllib.parse

import pytest
import yaml

import fast
import recording
import servers
from servers import until

PROGRAM = os.environ["CONFORMD_BIN"]
HERE = pathlib.Path(__file__).parent
PAGES = "https://github.com/conformd/conformd/blob/main/"
REGION = "eu-west-1"
# AWS tries it for 45 s more.
NEW = {"id": "520000000001", "joined": "-6h59m15s", "recorder": "missing"}
PACKS = ["cloudtrail", "encryption", "iam-baseline", "logging", "network", "s3"]

SETTINGS = """\
installation: main
mode: sync
aws:
  expectedAccountId: "111111111111"
  regions: [{region}]
  endpoint:
    url: http://{aws}
    credentials: {{accessKeyId: AKIASIM111111111111, secretAccessKey: any}}
source:
  directory: {{root: manifests, path: ., absence: atomic}}
intervals:
  source: 2s
  organization: 5s
  region: 10s
  inProgress: {{first: 1s, max: 2s}}
  requeue: {{first: 1s, max: 2s}}
  failureResync: 2s
  fullResync: 30s
stateDirectory: state
limits: {{readsPerSecond: 50, burst: 100}}
http: {{listen: "{listen}"}}
"""

MANIFEST = """\
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata: {{name: {name}}}
spec:
  template:
    inline: |
      Parameters:
        MaxAge: {{Type: String, Default: "90"}}
      Resources:
        AccessKeysRotated:
          Type: AWS::Config::ConfigRule
          Properties:
            ConfigRuleName: {name}-keys
            InputParameters: {{maxAccessKeyAge: !Ref MaxAge}}
            Source: {{Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}}
  parameters: {{MaxAge: "{age}"}}
"""

CALL, TEAM = "security-platform-on-call", "security-platform"
MEMBER = (TEAM, "ConformdMembersFailing class=access_denied")
IMMINENT = (CALL, "ConformdDeadlineImminent")
MISSED = (CALL, "ConformdDeadlineMissed")
GUARD = {
    (CALL, f"ConformdGuardTripped reason={reason}")
    for reason in ("caution", "overlap", "ratio")
}
STALE = (TEAM, "ConformdSourceStale")
# Everything that may be told of. DeadlineNear fires as well, and Imminent holds it back.
EXPECTED = {MEMBER, IMMINENT, MISSED, STALE, *GUARD}


class Stage:
    """All servers, and the hands that play."""

    def __init__(self, home):
        self.home, self.manifests = home, home / "manifests"
        self.aws, self.daemon = servers.free(), servers.free()
        self.prometheus, self.alertmanager = servers.free(), servers.free()
        self.receiver = servers.Receiver()
        self.names = set()

    def declare(self, names, age):
        """Writes manifests; each appears at once and whole."""
        self.manifests.mkdir(exist_ok=True)
        for name in names:
            draft = self.home / "draft"
            draft.write_text(MANIFEST.format(name=name, age=age))
            draft.rename(self.manifests / f"{name}.yaml")

    def happens(self, event):
        return servers.post(f"http://{self.aws}/_sim/events", event)

    def look(self):
        """Remembers which metrics the daemon shows."""
        text = servers.get(f"http://{self.daemon}/metrics")
        self.names |= set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))

    def query(self, expression):
        arguments = urllib.parse.urlencode({"query": expression})
        answer = servers.get(f"http://{self.prometheus}/api/v1/query?{arguments}")
        return json.loads(answer)["data"]["result"] if answer else []

    def told(self, *alerts):
        """Waits until the webhook was told that these fire."""
        told = lambda: set(alerts) <= self.receiver.alerts("firing")
        until(f"firing: {alerts}", told, lambda: self.receiver.notices)

    def over(self, *alerts):
        """Waits until the webhook was told that these are over."""
        over = lambda: not set(alerts) & self.receiver.standing()
        until(f"resolved: {alerts}", over, lambda: self.receiver.notices)


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    with contextlib.ExitStack() as running:
        running.callback(stage.receiver.close)
        start = lambda name, *command: running.enter_context(
            servers.running(tmp_path / f"{name}.log", *command)
        )
        scenario = HERE / "scenario.yaml"
        start("simulator", PROGRAM, "simulate", "--listen", stage.aws, "--scenario", scenario)
        until("the simulator", lambda: servers.get(f"http://{stage.aws}/_sim/clock"))

        stage.declare(PACKS, age=90)
        settings = tmp_path / "conformd.yaml"
        settings.write_text(SETTINGS.format(region=REGION, aws=stage.aws, listen=stage.daemon))
        start("daemon", PROGRAM, "run", "--config", settings)
        until("the daemon", lambda: servers.get(f"http://{stage.daemon}/readyz"))

        config = tmp_path / "alertmanager.yml"
        config.write_text(yaml.safe_dump(fast.alertmanager(stage.receiver.address)))
        start(
            "alertmanager",
            shutil.which("prometheus-alertmanager") or "alertmanager",
            f"--config.file={config}",
            f"--storage.path={tmp_path / 'alertmanager'}",
            f"--web.listen-address={stage.alertmanager}",
            "--cluster.listen-address=",
        )
        until("Alertmanager", lambda: servers.get(f"http://{stage.alertmanager}/-/ready"))

        rules, config = tmp_path / "rules.yml", tmp_path / "prometheus.yml"
        rules.write_text(yaml.safe_dump(fast.rules()))
        config.write_text(yaml.safe_dump(fast.prometheus(rules, stage.daemon, stage.alertmanager)))
        start(
            "prometheus",
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address={stage.prometheus}",
        )
        until("Prometheus", lambda: servers.get(f"http://{stage.prometheus}/-/ready"))
        yield stage


def test_what_goes_wrong_is_told_and_so_is_its_end(stage):
    until("a scrape", lambda: stage.query("up == 1"))
    # A new account has less than an hour left, then nothing; then it gets a recorder, and its packs
    # are put anew.
    stage.happens({"join": NEW})
    stage.told(IMMINENT)
    stage.look()
    stage.told(MISSED)
    stage.happens({"recorder": {"account": NEW["id"], "recorder": "recording"}})
    stage.declare(PACKS, age=60)
    stage.over(IMMINENT, MISSED)

    # A member refuses a pack all the while, until somebody lifts what forbids it.
    stage.told(MEMBER)
    stage.happens({"clearFailure": 1})
    stage.declare(["iam-baseline"], age=30)
    stage.over(MEMBER)

    # Most manifests are removed, and come back.
    for name in PACKS[:4]:
        (stage.manifests / f"{name}.yaml").unlink()
    stage.told(*GUARD)
    stage.declare([name for name in PACKS[:4] if name != "iam-baseline"], age=60)
    stage.declare(["iam-baseline"], age=30)
    stage.over(*GUARD)

    # The source goes away, and comes back.
    stage.manifests.rename(stage.home / "away")
    stage.told(STALE)
    (stage.home / "away").rename(stage.manifests)
    stage.over(STALE)

    stage.look()
    until("nothing fires", lambda: stage.query("vector(1) unless on () ALERTS{alertstate='firing'}"))
    assert stage.receiver.standing() == set()
    assert stage.receiver.alerts("firing") == EXPECTED
    near = "max_over_time(ALERTS{alertname='ConformdDeadlineNear',alertstate='firing'}[1h])"
    assert stage.query(near), "DeadlineNear did not fire, so that nothing was held back"
    for _, notice in stage.receiver.notices:
        assert_useful(notice["annotations"])
    assert_names(stage)


def assert_useful(annotations):
    """The words are there, and lead to a page."""
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    for text in annotations.values():
        assert text and "error expanding" not in text and "<no value>" not in text, text
    page = annotations["runbook_url"].removeprefix(PAGES)
    assert (fast.ROOT / page).is_file(), annotations["runbook_url"]


def assert_names(stage):
    """The rules ask for nothing that the running daemon does not show."""
    # Exists only beneath a limit of the control group.
    depends_on_machine = {"conformd_memory_limit_bytes"}
    asked = recording.names(fast.rules()) - {"up"}
    assert asked - stage.names - depends_on_machine == set()

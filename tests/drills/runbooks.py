"""Carries out runbooks against the simulator: break, diagnose, mend.

The page says what to ask and what is shown: the commands of its diagnosis, `shows` beneath them,
and `**Resolved** when` at its end. Only how to break and to mend is said here.
"""

import json
import pathlib
import re
import shutil
import sys
import tempfile
import time

from drills import LIMIT, Shell, free_ports, shows

NO_FAULTS = "curl -fsS -X DELETE $sim/faults"
CHANGE = "sed -i 's/AccessKeyAgeMax: .*/AccessKeyAgeMax: \"'$((++age))'\"/' packs/iam-baseline.yaml\n"
REVERT = "cp saved/* packs/"
START = "conformd run -c conformd.yaml >> conformd.log 2>&1 & daemon=$!"
ABSENT = """cat > packs/encryption.yaml <<'YAML'
apiVersion: conformd.io/v1alpha1
kind: OrganizationConformancePack
metadata: {name: encryption}
spec: {state: Absent}
YAML"""


def fault(kind, **rule):
    """A fault of requests until it is removed."""
    rule = json.dumps({"rule": {**rule, "effect": {"kind": kind}}})
    return f"curl -fsS $sim/faults -d '{rule}'\n"


def failure(**what):
    """An account that fails from the next Put on."""
    return f"id=$(curl -fsS $sim/failures -d '{json.dumps(what)}' | jq .id)\n{CHANGE}"


def recorder(account):
    """The recorder of a new account, in every region."""
    return f"curl -fsS -X PUT $sim/recorders/{account} -d '{{\"recorder\": \"recording\"}}'"


def joining(account, joined):
    """A new account without recorder."""
    what = json.dumps({"id": account, "name": "bought", "joined": joined, "invited": True,
                       "recorder": "missing"})
    return f"curl -fsS $sim/accounts -d '{what}'"


def mode(old, new):
    """Another mode in the settings, which the daemon reads again."""
    return f"sed -i 's/^mode: {old}/mode: {new}/' conformd.yaml; kill -HUP $daemon; sleep 1\n"


def role(account, **what):
    """The role of the probe in an account."""
    what = json.dumps({"name": "ConformdRecorderProbe", "account": account, **what})
    return f"curl -fsS -X PUT $sim/roles -d '{what}'\n"


REGION = {"REGION": "eu-west-1"}
CHANGED = {"REGION": "us-east-1"}
MEMBER = {"REGION": "us-east-1", "ACCOUNT": "410000000001", "PACK": "iam-baseline"}
# Each of these runbooks gets an account of which nothing is known yet.
FIRST, SECOND, THIRD, FOURTH = (f"52000000000{number}" for number in range(1, 5))
ONE = {"service": "config", "region": "eu-west-1"}
CLEARED = f"curl -fsS -X DELETE $sim/failures/$id\n{CHANGE}"

# Runbook: what breaks, what its mitigation does, and what stands for the names in capitals.
CASES = {
    "Absent": ("true", "true", {}),
    "RegionBlocked": (fault("access_denied", **ONE), NO_FAULTS, REGION),
    "RegionStale": (fault("reset", **ONE), NO_FAULTS, REGION),
    "AllRegionsStale": (fault("reset", service="config"), NO_FAULTS, REGION),
    "AwsThrottled": (fault("throttled", **ONE), NO_FAULTS, REGION),
    "AwsErrors": (fault("internal_failure", **ONE), NO_FAULTS, REGION),
    "AwsAccessDenied": (
        fault("access_denied", operation="PutOrganizationConformancePack") + CHANGE,
        NO_FAULTS, CHANGED),
    "OrganizationStale": (fault("access_denied", service="organizations"), NO_FAULTS, {}),
    "ManifestsInvalid": ("echo 'oops: true' >> packs/encryption.yaml", REVERT, {}),
    "SourceStale": ("mv packs away", "mv away packs", {}),
    "SourceLost": ("mv packs away", "mv away packs", {}),
    "SuspendedTooLong": (
        CHANGE + "echo '  suspend: {reason: freeze}' >> packs/iam-baseline.yaml", REVERT, {}),
    "PackWarnings": ("true", "sed -i '/organizationalUnits/d' packs/s3-baseline.yaml", {}),
    "GuardTripped": (ABSENT, REVERT, REGION),
    "ApprovalPending": (ABSENT, REVERT, {}),
    "UndeclaredPacks": ("rm packs/encryption.yaml", REVERT, {}),
    "PackOutOfSync": (mode("sync", "observe") + CHANGE, mode("observe", "sync"), CHANGED),
    "ConfigReloadFailed": (mode("sync", "sink"), mode("sink", "sync"), {}),
    "ForeignChange": (
        "curl -fsS $sim/packs -d '{\"region\": \"eu-west-1\", \"name\": \"encryption\", "
        "\"excluded\": [\"410000000003\"]}'", "true", REGION),
    "MembersFailing": (failure(account="410000000001", **{"class": "rule_quota"}), CLEARED, MEMBER),
    "MembersFailingWidely": (failure(**{"class": "template"}), CLEARED, MEMBER),
    "DeadlineNear": (joining(FIRST, "-4h10m"), recorder(FIRST), {"ACCOUNT": FIRST}),
    "DeadlineImminent": (joining(SECOND, "-6h10m"), recorder(SECOND), {"ACCOUNT": SECOND}),
    "RecordersNotRecording": (joining(THIRD, "-1h"), recorder(THIRD), {"ACCOUNT": THIRD}),
    "RecordersUnknown": (
        role(FOURTH, exists=False) + joining(FOURTH, "-1h"),
        role(FOURTH, externalId="conformd-demo") + recorder(FOURTH), {"ACCOUNT": FOURTH}),
    "Down": ("kill $daemon; wait $daemon", START, {}),
}
# Runbooks that need hours, Prometheus, another machine or a bug.
NOT_HERE = {
    "ClockSkew", "CredentialsRefused", "DeadlineMissed", "MembersMissing", "MemoryHigh",
    "OrganizationShrank", "PackConflict", "PackQuotaNear", "PacksDeleted", "RecordUnusable",
    "RedeployDue", "Restarting", "ResyncStale", "RolloutStuck", "SeriesDropped", "TaskPanicked",
    "TaskStalled",
}

BEFORE = """cp -r config/packs config/templates . && cp -r packs saved
cp config/drill.yaml conformd.yaml && cp config/scenarios/drill.yaml aws.yaml
echo 'stateDirectory: record' >> conformd.yaml; age=60
conformd simulate --scenario aws.yaml --listen 127.0.0.1:4599 > aws.log 2>&1 &
sim=http://127.0.0.1:4599/_sim
""" + START


class Runbook:
    """What a page asks, what it says is shown, and how it says that the cause is gone."""

    def __init__(self, folder, name):
        self.name = name
        text = (folder / f"Conformd{name}.md").read_text()
        diagnosis, mitigation = re.search(
            r"## Diagnosis\n(.*)## Mitigation\n(.*)", text, re.DOTALL).groups()
        lines = re.search(r"```sh\n(.*?)```", diagnosis, re.DOTALL)[1].splitlines()
        self.commands = [line for line in lines if line.startswith("conformd ")]
        joined = re.sub(r"\s*\n\s*", " ", diagnosis)
        self.shown = re.findall(r"\* `(status|explain)` shows `([^`]+)`", joined)
        end = re.search(
            r"\*\*Resolved\*\* when `([^`]+)` (no longer )?shows `([^`]+)`",
            re.sub(r"\s*\n\s*", " ", mitigation))
        assert self.shown and end, f"{name}: it does not say what is shown, or what shows its end"
        self.end = (end[1], end[3], end[2] is None)


def wait(shell, what, command, wanted, is_shown=True):
    started = time.monotonic()
    while True:
        code, output = shell.run(command)
        # An account is explained once the account list has it.
        assert code != 64 or " explain " in command, f"{what}: {command}\n{output}"
        if (shows(output, [wanted]) is None) == is_shown:
            return
        if time.monotonic() - started > LIMIT:
            never = "never" if is_shown else "still"
            raise SystemExit(f"{what}: {command}\n{never}: {wanted}\nbut:\n{output}")
        time.sleep(0.5)


def carry_out(shell, runbook, api):
    breaks, mends, names = CASES[runbook.name]

    def adapted(text):
        for name, value in names.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return text.replace("/path/to/the/manifests", "packs")

    def runnable(command):
        command = adapted(command).split(" #")[0].replace("127.0.0.1:9464", f"127.0.0.1:{api}")
        has_settings = command.split()[1] not in ("validate", "healthcheck")
        return command + " -c conformd.yaml" if has_settings else command

    started = time.monotonic()
    wait(shell, runbook.name, "conformd status -c conformd.yaml", "Healthy: all")
    code, output = shell.run(breaks)
    assert code == 0, f"{runbook.name}: {breaks}\n{output}"
    for verb, text in runbook.shown:
        command = next(it for it in runbook.commands if it.startswith(f"conformd {verb}"))
        wait(shell, runbook.name, runnable(command), adapted(text))
    for command in runbook.commands:
        code, output = shell.run(runnable(command))
        assert code != 64, f"{runbook.name}: {command}\n{output}"
    code, output = shell.run(mends)
    assert code == 0, f"{runbook.name}: {mends}\n{output}"
    command, text, is_shown = runbook.end
    # Prometheus is not here.
    if command.startswith("conformd "):
        wait(shell, runbook.name, runnable(command), adapted(text), is_shown)
    print(f"ok  {runbook.name} ({time.monotonic() - started:.0f} s)", flush=True)


def main(program, project, *names):
    project = pathlib.Path(project)
    pages = {page.stem.removeprefix("Conformd") for page in project.glob("docs/runbooks/*.md")}
    assert pages == set(CASES) | NOT_HERE, f"no case: {pages ^ (set(CASES) | NOT_HERE)}"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="conformd-runbooks-"))
    aws, api = free_ports(2)
    shell = None
    try:
        shutil.copytree(project / "config", folder / "config")
        settings = folder / "config/drill.yaml"
        ports = {"127.0.0.1:4599": f"127.0.0.1:{aws}", "127.0.0.1:9464": f"127.0.0.1:{api}"}
        text, before = settings.read_text(), BEFORE
        for known, free in ports.items():
            text, before = text.replace(known, free), before.replace(known, free)
        settings.write_text(text)
        shell = Shell(folder, program)
        code, output = shell.run(before)
        assert code == 0, output
        for name in names or CASES:
            carry_out(shell, Runbook(project / "docs/runbooks", name), api)
    except SystemExit:
        print("--- conformd.log", *(folder / "conformd.log").read_text().splitlines()[-15:], sep="\n")
        raise
    finally:
        if shell:
            shell.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

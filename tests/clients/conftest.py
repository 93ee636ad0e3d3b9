"""Starts `conformd simulate` for each test and hands out unmodified AWS clients that point at it.

Nothing here sleeps: the simulator's clock stands still and is moved with `simulator.advance`.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.request

import boto3
import botocore.config
import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("CONFORMD_BIN", str(ROOT / "target" / "debug" / "conformd"))

MANAGEMENT = "111111111111"
DELEGATED = "222222222222"
MEMBER = "333333333333"
REGION = "eu-west-1"

TEMPLATE = """\
Parameters:
  MaxAge:
    Type: String
    Default: "90"
  ConformdMarker: {Type: String, Default: none}
Resources:
  AccessKeysRotated:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: access-keys-rotated
      InputParameters:
        maxAccessKeyAge: !Ref MaxAge
      Source:
        Owner: AWS
        SourceIdentifier: ACCESS_KEYS_ROTATED
"""


# Nothing of the machine's own AWS settings may leak into a test, or the other way round.
UNTOUCHED = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}


class Simulator:
    """A running simulator: where it listens, its control API, and clients for it."""

    def __init__(self, endpoint, process):
        self.endpoint = endpoint
        self.process = process

    def control(self, method, path, body=None):
        """One call of the control API; answers the decoded JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.endpoint}/_sim/{path}",
            data=data,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def advance(self, step):
        """Moves the clock, for example by `2h`."""
        return self.control("POST", "clock", {"advance": step})

    def client(self, service, account=MANAGEMENT, region=REGION):
        """A boto3 client of that account; the access key id names the account."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key(account),
            aws_secret_access_key="any-secret",
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )

    def session_client(self, service, credentials, region=REGION):
        """A boto3 client that uses what AssumeRole answered."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def aws(self, *arguments, account=MANAGEMENT, region=REGION, check=True):
        """Runs the AWS CLI; answers its decoded JSON, or the failed process with `check=False`."""
        environment = {
            **UNTOUCHED,
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key(account),
            "AWS_SECRET_ACCESS_KEY": "any-secret",
            "AWS_DEFAULT_REGION": region,
            "AWS_DEFAULT_OUTPUT": "json",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if not check:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


def key(account):
    """The access key id that the simulator takes for this account."""
    return f"AKIASIM{account}"


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    """Clients see no settings but those of the test."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in UNTOUCHED.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def simulator():
    """A fresh simulator on a free loopback port, with its clock standing still."""
    process = subprocess.Popen(
        [
            BINARY,
            "simulate",
            "--listen=127.0.0.1:0",
            f"--scenario={HERE / 'scenario.yaml'}",
            "--speed=0",
            "--seed=7",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Simulator(announced_endpoint(process), process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def announced_endpoint(process):
    """The endpoint that the simulator says it listens on."""
    for line in process.stdout:
        words = line.split()
        if words[:1] == ["endpoint"]:
            return words[1]
    raise AssertionError(f"no endpoint announced, exit code {process.wait(timeout=20)}")


@pytest.fixture
def config(simulator):
    """AWS Config as the management account."""
    return simulator.client("config")

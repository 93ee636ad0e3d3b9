"""Follows the demo as a new user does: waits for its story, and tries all that it suggests."""

import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from drills import free_ports

LIMIT = 180.0  # seconds for a part of the story, on a machine under load
# Commands whose exit code tells how the organization is.
TELLING = ("status", "explain")
# What each suggestion leads to in the story, by a word of the comment above its commands.
ENDS = {
    "Change": "~ cloudtrail-logging update: accepted",
    "Break a manifest": "encryption: held: its manifest is invalid",
    "Delete": "- s3-baseline delete: accepted",
    "Break a region": "eu-west-1 ? cannot be read (unreachable)",
    "Ask": None,
}


def main(program):
    with tempfile.TemporaryDirectory(prefix="conformd-demo-test-") as folder:
        folder = pathlib.Path(folder)
        story, log = folder / "story", folder / "log"
        (page,) = free_ports(1)
        with open(story, "w") as out, open(log, "w") as err:
            demo = subprocess.Popen(
                [program, "demo", f"--listen=127.0.0.1:{page}"], cwd=folder, stdout=out, stderr=err,
                env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)})
        try:
            follow(demo, story, folder)
        finally:
            demo.kill()
            demo.wait()
        assert log.read_text() == "", f"on stderr: {log.read_text()}"


def follow(demo, story, folder):
    def until(words):
        started = time.monotonic()
        while words not in story.read_text():
            assert time.monotonic() - started < LIMIT, f"never: {words}\n{story.read_text()}"
            assert demo.poll() is None, f"it ended:\n{story.read_text()}"
            time.sleep(0.2)

    until("Ctrl-C ends the demo")
    _, text = story.read_text().split("Try next")
    tried = set()
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        comment, *lines = part.splitlines()
        name = next(name for name in ENDS if comment.startswith(name))
        commands = [line for line in lines if line and not line.startswith("The manifests are")]
        for command in commands:
            # What is broken has to show before it is undone, and a loss before it is approved.
            if "# undo it" in command:
                until(ENDS[name])
            if " approve " in command:
                until("s3-baseline: held: no manifest declares it")
            ended = subprocess.run(
                ["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=LIMIT)
            is_telling = any(f" {word} " in command for word in TELLING)
            assert ended.returncode == 0 or is_telling and ended.returncode in (1, 2), (
                f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
        if ENDS[name]:
            until(ENDS[name])
        tried.add(name)
        print(f"ok  {comment}", flush=True)
    assert tried == set(ENDS), f"not suggested: {set(ENDS) - tried}"
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 0
    left = list(folder.glob("conformd-demo-*"))
    assert not left, f"it left {left}"
    for line in story.read_text().splitlines():
        assert not re.match(r"\d{4}-\d\d-\d\dT", line), f"a line of the log: {line}"
    print("ok  it left nothing behind", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

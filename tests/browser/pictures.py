"""Writes the pictures of the status page in docs/images: the demo, at a moment with failing accounts,
a late account and an account that waits for its recorder.

Usage: UPDATE=1 tests/browser/run PROGRAM (which starts this with the folder of the pictures)
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

from playwright.sync_api import sync_playwright

PROGRAM = os.environ["CONFORMD_PROGRAM"]
CHROMIUM = os.environ["CONFORMD_CHROMIUM"]
SCRATCH = pathlib.Path(os.environ["CONFORMD_SCRATCH"])
ADDRESS = "127.0.0.1:9464"
VIEWPORT = {"width": 1200, "height": 1120}
PICTURES = {"light": "status-page.png", "dark": "status-page-dark.png"}
# The health then names these; the page shows the tables of failing and new accounts below it.
MOMENT = ["Action required", "next deadline"]
# Real seconds; at this speed the moment comes after about a minute and stays for some seconds.
SPEED, PATIENCE = 20, 600


def summary():
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}/api/v1/status", timeout=30) as answer:
            return json.loads(answer.read())["health"]["summary"]
    except OSError:
        return ""


def wait(process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, (SCRATCH / "demo.log").read_text()
        found = summary()
        if all(words in found for words in MOMENT):
            return
        time.sleep(0.2)
    raise AssertionError(f"not within {PATIENCE} s: {MOMENT}; last: {summary()}")


def draw(folder, process):
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--no-first-run"])
        pages = {}
        for scheme in PICTURES:
            context = browser.new_context(viewport=VIEWPORT, color_scheme=scheme)
            pages[scheme] = context.new_page()
            pages[scheme].set_default_timeout(PATIENCE * 1000)
        wait(process)
        for scheme, page in pages.items():
            page.goto(f"http://{ADDRESS}/")
            page.evaluate("document.fonts.ready")
            page.screenshot(path=folder / PICTURES[scheme])
        browser.close()


if __name__ == "__main__":
    with open(SCRATCH / "demo.log", "w+") as log:
        process = subprocess.Popen(
            [PROGRAM, "demo", f"--speed={SPEED}", f"--listen={ADDRESS}"],
            stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "HOME": str(SCRATCH)})
    try:
        draw(pathlib.Path(sys.argv[1]), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)

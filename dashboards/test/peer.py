"""A real Prometheus over recorded samples, on the loopback address and on a port of its own."""

import json
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

READY_SECONDS_MAX = 120


class Prometheus:
    """Serves the blocks of a folder; scrapes nothing."""

    def __init__(self, folder: pathlib.Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{probe.getsockname()[1]}"
        settings = folder.parent / "prometheus.yml"
        settings.write_text("global: {scrape_interval: 1m}\n")
        self._log = folder.parent / "prometheus.log"
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={settings}",
                f"--storage.tsdb.path={folder}",
                # The recording has a date of its own, however long ago.
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address={self._address}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=self._log.open("a"),
        )
        self._await()

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)

    def over(self, expr: str, start: int, end: int, step: int) -> list[dict]:
        """Series of the query over time."""
        return self._ask("query_range", query=expr, start=start, end=end, step=step)["result"]

    def at(self, expr: str, moment: int) -> list[dict]:
        """Series of the query at one moment."""
        return self._ask("query", query=expr, time=moment)["result"]

    def label_values(self, series: str, label: str, start: int, end: int) -> list[str]:
        """What Grafana's `label_values` answers."""
        return self._ask(f"label/{label}/values", **{"match[]": series, "start": start, "end": end})

    def _ask(self, path: str, **query: object):
        # In a body, since tables ask at length.
        url = f"http://{self._address}/api/v1/{path}"
        text = urllib.parse.urlencode(query)
        get = path.startswith("label/")
        try:
            with urllib.request.urlopen(
                f"{url}?{text}" if get else url, None if get else text.encode(), timeout=60
            ) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]) from error

    def _await(self) -> None:
        last = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < last and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        self._process.kill()
        raise TimeoutError(f"prometheus did not get ready:\n{self._log.read_text()[-2_000:]}")


class Refused(Exception):
    """Prometheus could not make sense of a query."""


def load(samples: pathlib.Path, folder: pathlib.Path) -> None:
    """Turns OpenMetrics with timestamps into blocks."""
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", samples, folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )

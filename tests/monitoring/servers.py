"""Servers on loopback, a receiver of notifications, and waits that end with what was seen."""

import contextlib
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.request

# For a machine under load; nothing waits for it to pass.
PATIENCE = 120


def free():
    """The address of a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % listener.getsockname()[1]


@contextlib.contextmanager
def running(log, *command):
    """A server from its start to its end; what it says is in `log`."""
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=subprocess.STDOUT, env=environment()
        )
    try:
        yield process
    except BaseException:
        print(f"--- {log.name}\n{tail(log)}")
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment():
    """Nothing of the machine's own AWS settings or proxies."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def tail(log):
    return "\n".join(pathlib.Path(log).read_text(errors="replace").splitlines()[-40:])


def get(url):
    """The body of an answer; `None` while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return None


def post(url, document):
    data = json.dumps(document).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def until(what, holds, seen=lambda: "", patience=PATIENCE):
    """What `holds` answers as soon as it is something."""
    end = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {patience} s: {what}; seen: {seen()}"
        time.sleep(0.2)
    return found


class Receiver:
    """Takes notifications, and remembers every alert in them."""

    def __init__(self):
        self.notices = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.notices += [
                    (self.path.strip("/"), notice) for notice in json.loads(body)["alerts"]
                ]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def alerts(self, status):
        """Receiver and labels of all alerts that were told of as `firing` or `resolved`."""
        return {
            (path, name(notice["labels"])) for path, notice in self.notices if notice["status"] == status
        }

    def standing(self):
        """What was last told of as firing."""
        last = {(path, name(notice["labels"])): notice["status"] for path, notice in self.notices}
        return {alert for alert, status in last.items() if status == "firing"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def name(labels):
    """An alert with what tells it from others."""
    own = [f"{key}={labels[key]}" for key in ("region", "pack", "reason", "class") if key in labels]
    return " ".join([labels["alertname"], *own])

"""Carries out pages of docs/: the blocks of a page go through one shell, in their order.

A block of `sh` is done once and has to succeed. A block of `console` looks: its commands, behind
`$`, are repeated until their output holds the lines below them, in order; `…` is any text. A page
begins in a folder with what it uses of a checkout.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIMIT = 180.0  # seconds for something to show, on a machine under load


def free_ports(count):
    """Ports that nobody listens on; all held at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Shell:
    """One bash that lives for the whole page: its variables and jobs are the reader's."""

    def __init__(self, folder, program):
        self.folder, self.number = folder, 0
        path = folder / "bin"
        path.mkdir()
        (path / "conformd").symlink_to(program)
        environment = {"PATH": f"{path}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
        # The author of commits that a page makes.
        for role in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{role}_NAME"] = "Reader"
            environment[f"GIT_{role}_EMAIL"] = "reader@example.com"
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, text=True, cwd=folder,
            env=environment, start_new_session=True,
        )

    def run(self, commands):
        """Exit code and output of these commands."""
        self.number += 1
        out, end = (self.folder / f"{kind}{self.number}" for kind in ("out", "end"))
        self.bash.stdin.write(
            f"{{\n{commands}\n}} > {out} 2>&1 < /dev/null\n"
            f"echo $? > {end}.part; mv {end}.part {end}\n"
        )
        self.bash.stdin.flush()
        started = time.monotonic()
        while not end.exists():
            if time.monotonic() - started > LIMIT or self.bash.poll() is not None:
                raise SystemExit(f"never ended: {commands}\n{out.read_text()}")
            time.sleep(0.02)
        return int(end.read_text()), out.read_text()

    def close(self):
        """Ends the shell and all that it started: they are a session of their own."""
        if self.bash.poll() is None:
            self.bash.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.bash.pid, signal.SIGTERM)
            try:
                self.bash.wait(10)
            except subprocess.TimeoutExpired:
                self.bash.send_signal(signal.SIGKILL)


def blocks(page):
    """(heading, kind, text) of every block."""
    heading = ""
    for match in re.finditer(r"^## ([^\n]*)$|^```(sh|console)\n(.*?)^```$", page, re.M | re.S):
        if match[1]:
            heading = match[1]
        else:
            yield heading, match[2], match[3]


def looks(text):
    """(command, lines it shows) of a block of `console`."""
    command, shown = None, []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        else:
            shown.append(line)
    yield command, shown


def shows(output, wanted):
    """The first wanted line that does not come, in order; None when all do."""
    lines = iter(output.splitlines())
    for want in wanted:
        pattern = re.compile(".*".join(re.escape(part) for part in want.split("…")))
        if not any(pattern.search(line) for line in lines):
            return want
    return None


def carry_out(page, shell):
    for heading, kind, text in blocks(page):
        if kind == "sh":
            code, output = shell.run(text)
            if code != 0:
                raise SystemExit(f"{heading}: exit code {code}\n{text}\n{output}")
            continue
        for command, wanted in looks(text):
            started = time.monotonic()
            while True:
                _, output = shell.run(command)
                absent = shows(output, wanted)
                if absent is None:
                    break
                if time.monotonic() - started > LIMIT:
                    raise SystemExit(f"{heading}: {command}\nnever: {absent}\nbut:\n{output}")
                time.sleep(0.5)
            print(f"ok  {heading}: {command} ({time.monotonic() - started:.0f} s)", flush=True)


def exchange_ports(page, folder):
    """The page with free ports in place of its two; the settings that it uses get them as well."""
    aws, api = free_ports(2)
    files = list((folder / "config").glob("*.yaml"))
    for known, free in {"127.0.0.1:4599": aws, "127.0.0.1:9464": api}.items():
        assert known in page, f"{known} is not in the page"
        page = page.replace(known, f"127.0.0.1:{free}")
        for file in files:
            file.write_text(file.read_text().replace(known, f"127.0.0.1:{free}"))
    return page


def follow(name, program, project):
    """Carries out one page in a folder of its own."""
    page = (project / "docs" / f"{name}.md").read_text()
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"conformd-{name}-"))
    shell = None
    started = time.monotonic()
    try:
        shutil.copytree(project / "config", folder / "config")
        publisher = folder / "deploy/systemd/publish-source"
        publisher.parent.mkdir(parents=True)
        shutil.copy(project / "deploy/systemd/publish-source", publisher)
        page = exchange_ports(page, folder)
        shell = Shell(folder, program)
        try:
            carry_out(page, shell)
        except SystemExit:
            for log in sorted(folder.glob("*/*.log")):
                print(f"--- {log.name}", *log.read_text().splitlines()[-15:], sep="\n")
            raise
    finally:
        if shell:
            shell.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"docs/{name}.md: carried out in {time.monotonic() - started:.0f} s", flush=True)


def main(program, project, *pages):
    for name in pages:
        follow(name, program, pathlib.Path(project))


if __name__ == "__main__":
    main(*sys.argv[1:])

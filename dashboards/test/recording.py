"""The recorded nine hours as a Prometheus that has lived through them."""

import pathlib

import alerts
from peer import Prometheus, load

# The recording's first and last moment; tests/it/recorded.rs says so too.
START, END = 1_793_577_615, 1_793_610_015


def recorded(recording: pathlib.Path, scratch: pathlib.Path) -> Prometheus:
    """Starts a Prometheus on the recording and on the alerts that it would have set off."""
    blocks, fired = scratch / "blocks", scratch / "alerts.om"
    load(recording, blocks)
    with Prometheus(blocks) as peer:
        alerts.write(peer, START, END, fired)
    load(fired, blocks)
    return Prometheus(blocks)

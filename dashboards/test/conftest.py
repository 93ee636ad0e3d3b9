"""Loads the recording once, and starts a real Prometheus on it."""

import os
import pathlib

import pytest
from recording import recorded


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory):
    """A Prometheus that has lived through the recording, alerts included."""
    scratch = tmp_path_factory.mktemp("recording")
    with recorded(pathlib.Path(os.environ["CONFORMD_RECORDING"]), scratch) as peer:
        yield peer

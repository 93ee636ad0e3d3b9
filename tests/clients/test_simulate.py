"""The command itself: what it refuses before it serves anything."""

import subprocess

from conftest import BINARY


def refused(*arguments):
    """What `conformd simulate` says when it does not start."""
    done = subprocess.run(
        [BINARY, "simulate", *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert done.stdout == ""
    return done.stderr


def test_an_address_that_others_can_reach_needs_a_flag():
    assert "--allow-remote" in refused("--listen=0.0.0.0:0")


def test_a_mistake_in_a_scenario_is_shown_with_its_place(tmp_path):
    scenario = tmp_path / "typo.yaml"
    scenario.write_text("regions: [eu-west-1]\naccounts: [{id: '111111111111', nmae: x}]\n")
    said = refused(f"--scenario={scenario}")
    assert f"{scenario}:2:33: accounts[0]: unknown field `nmae`" in said

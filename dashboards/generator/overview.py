"""Dashboard 1: is every pack where it should be, and if not, what is in the way?"""

from board import board, datasource, job, pack, page, region
from headline import headline
from history import changes, differences, packs_and_members
from places import packs, regions, trouble

UID = "conformd-overview"


def overview():
    """The dashboard, built."""
    return board(
        UID,
        "conformd / Overview",
        "Is every pack deployed as desired, and if not, what prevents it?",
        variables=[datasource(), job(), region(), pack(), page()],
        sections={
            "": headline(),
            "What is wrong": trouble(),
            "Where": [*regions(), *packs()],
            "Over time": [*packs_and_members(), *differences(), *changes()],
        },
    )

"""Writes the dashboards: python dashboards/generator [FOLDER]

FOLDER is `dashboards/` unless named. What is written is committed; `dashboards/test/run` fails when
it is not what this program writes.
"""

import pathlib
import sys

from control_plane import control_plane
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from new_accounts import new_accounts
from overview import overview


def main(arguments: list[str]) -> None:
    folder = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent)
    for board in (overview(), new_accounts(), control_plane()):
        name = board.uid.removeprefix("conformd-")
        text = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(board)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

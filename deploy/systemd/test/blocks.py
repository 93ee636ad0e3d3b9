"""Writes the blocks of a page that are meant to be run: LINE.sh, and LINE.txt with what it answers.

    blocks.py PAGE DIRECTORY
"""

import pathlib
import re
import sys

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(page, directory):
    text = pathlib.Path(page).read_text()
    target = pathlib.Path(directory)
    target.mkdir(parents=True)
    # The block that was run last, as long as no other block came after it.
    last = None
    for block in BLOCK.finditer(text):
        kind, content = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if kind == "text" and last is None:
            sys.exit(f"{page}:{line}: an answer without a block that was run")
        if kind == "text":
            last.with_suffix(".txt").write_text(content)
            last = None
        elif kind == "sh":
            last = target / f"{line:04}.sh"
            last.write_text(content)
        elif kind == "console":
            last = None
        else:
            sys.exit(f"{page}:{line}: a block is sh (run), text (its answer) or console (not run)")


main(*sys.argv[1:])

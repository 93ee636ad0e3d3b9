"""Draws the dashboards from a recording: python dashboards/test/pictures RECORDING FOLDER

Grafana cannot be had everywhere; this draws what it would show, from the committed JSON and from
the answers of a real Prometheus, and has Chromium take the picture.
"""

import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from board import WIDTH, Drawing
from boards import boards
from PIL import Image
from recording import END, START, recorded

# When to look, in minutes of the recording: a region is dead and the source lost; a deadline is
# near; everything is over.
MINUTES = {"overview": (0, 355), "new-accounts": (0, 425), "control-plane": (0, 540)}
BYTES_MAX = 300_000
SHOT_SECONDS_MAX = 120

CHROMIUM = [
    "chromium",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def main(samples: str, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        with recorded(pathlib.Path(samples), scratch) as prometheus:
            for name, board in boards().items():
                first, last = (START + 60 * minute for minute in MINUTES[name])
                assert last <= END
                page, height = Drawing(board, prometheus, first, last).page()
                shoot(page, height, scratch, folder / f"dashboard-{name}.png")


def shoot(page: str, height: int, scratch: pathlib.Path, picture: pathlib.Path) -> None:
    """Has Chromium show the page, and keeps what it looks like."""
    file, raw = scratch / "page.html", scratch / "page.png"
    file.write_text(page, encoding="utf-8")
    subprocess.run(
        [
            *CHROMIUM,
            f"--user-data-dir={scratch / 'chromium'}",
            f"--window-size={WIDTH},{height}",
            f"--screenshot={raw}",
            file.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=SHOT_SECONDS_MAX,
    )
    with Image.open(raw) as shot:
        shot.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)
    size = picture.stat().st_size
    print(f"{picture}: {size // 1_000} kB")
    assert size <= BYTES_MAX, f"{picture} is larger than {BYTES_MAX} bytes"


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))

"""Make the pictures of docs/tutorial: pages of a checkout that was rebuilt, as headless Chromium shows them.

`python -m scripts.tutorial_pictures CHECKOUT --browser PATH` writes docs/images/tutorial-NAME.png. CHECKOUT holds what
the tutorial makes: reports/index.html, compare.html and marked/. Its data must be the built-in sample, which is made by
code: photographs of data sets may not be shown.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd
from PIL import Image

from scripts.results import ROOT, source

FOLDER = ROOT / "docs/images"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
# of a picture, px; a page of docs is about as wide
SIZE = (960, 640)
# of a palette: letters stay sharp, and a picture has about 100 kB
COLOURS = 128


class Shot(NamedTuple):
    """A picture: its name, the page in the checkout, and the place on it."""

    name: str
    page: str
    place: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="where the tutorial was done")
    parser.add_argument("--browser", help=f"Chromium; without it one of {', '.join(BROWSERS)}")
    args = parser.parse_args()
    browser = args.browser or next(filter(None, map(shutil.which, BROWSERS)), None)
    root = args.checkout.resolve()
    if browser is None:
        return fault("found no Chromium; name one: --browser PATH")
    if (found := source(root)) != "sample":
        return fault(f"data.source of {root} is {found}, expected sample: photographs of data sets may not be shown")
    shown = shots(root)
    if absent := next((shot.page for shot in shown if not (root / shot.page).is_file()), None):
        return fault(f"{root} has no {absent}; do there what docs/tutorial says")
    for shot in shown:
        take(browser, f"{(root / shot.page).as_uri()}{shot.place}", FOLDER / f"tutorial-{shot.name}.png")
    return 0


def shots(root: Path) -> list[Shot]:
    """Say what is shown: the gallery is opened at the test image whose IoU is the median of those with cracks."""
    images = pd.read_csv(root / "reports/per_image.csv", dtype={"stem": str})
    cracked = images[images.tp + images.fn > 0].sort_values(["iou", "stem"])
    stem = str(cracked.stem.iloc[len(cracked) // 2])
    return [
        Shot("report", "reports/index.html"),
        Shot("gallery", "reports/gallery/index.html", f"#{quote(stem, safe='')}"),
        Shot("marked", "marked/index.html"),
        Shot("compare", "compare.html"),
    ]


def take(browser: str, address: str, path: Path) -> None:
    """Write a picture of a page, of few colours.

    Args:
        browser: Chromium.
        address: of the page.
        path: the PNG to write.

    Raises:
        SystemExit: when the browser makes no picture, with what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=5000"]
        size = f"--window-size={SIZE[0]},{SIZE[1]}"
        done = subprocess.run(
            [browser, *options, size, f"--screenshot={file}", address], check=False, capture_output=True, text=True
        )
        if not file.is_file():
            sys.exit(f"error: {browser} made no picture of {address}; it said: {done.stderr.strip()[-300:]}")
        with Image.open(file) as picture:
            picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)


def fault(words: str) -> int:
    """Say an error, and give the exit code."""
    print(f"error: {words}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

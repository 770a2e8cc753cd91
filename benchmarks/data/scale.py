"""Time the data stages on a set as large as Kaggle's, made from a smaller one.

`python -m benchmarks.data.scale DATA [--pairs 11298]`. Each pair of DATA is repeated under other names of the same
source. Each copy is another window of the photograph at another brightness, so that hashing, grouping and assigning
have as much to do as with that many photographs. Do not read leaks off such a set: windows of one photograph count as
several. The set has the layout of Kaggle's archive: all pairs in images/ and masks/, and again in train/ and test/. It
lies in .crackflow/scale with a work tree and a DVC cache of its own; delete it when done. docs/results/scale.json gets
only the figures.

Three runs are measured, under DVC as a user runs it: the first one, one with nothing changed, and one with 100 pairs
added.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy import real
from crackflow.atomic import write_bytes
from crackflow.imaging.images import read_image
from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.folder import Pair, find_pairs
from crackflow.sources.provenance import NameRules
from scripts.tables import fill, markdown

TREE = real.ROOT / ".crackflow/scale/tree"
MADE = real.ROOT / ".crackflow/scale/pairs"
RESULTS = real.ROOT / "docs/results/scale.json"
PAGE = real.ROOT / "docs/how-to/kaggle.md"
STAGES = ("download", "resize", "split", "statistics")
NAMES = NameRules.of(SplitParams())
TEST_SHARE = 0.15
ADDED = 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="a folder of images/ and masks/")
    parser.add_argument("--pairs", type=int, default=11_298, help="how many to make (default: as many as Kaggle's set)")
    parser.add_argument("--tables", action="store_true", help="write the table from docs/results/scale.json")
    args = parser.parse_args()
    if args.tables:
        write_page()
        return 0
    if args.data is None:
        parser.error("name a folder of images/ and masks/")
    pairs = find_pairs(args.data.resolve()).pairs
    make(pairs, 0, args.pairs)
    real.checkout(TREE, TREE.parent / "cache")
    in_tree("pipelines", "profile", "quick", "--yes", "--set", "data.source=folder", "--set", f"data.path={MADE}")

    first = measured()
    split = json.loads((TREE / "data/split.json").read_text(encoding="utf-8"))
    again = measured()
    make(pairs, args.pairs, args.pairs + ADDED)
    added = measured()
    record: dict[str, Any] = {
        "command": f"python -m benchmarks.data.scale DATA --pairs {args.pairs}",
        "revision": real.git("rev-parse", "--short=12", "HEAD", cwd=TREE),
        "machine": real.machine(),
        "pairs": split["pairs"],
        "made_from": len(pairs),
        "groups": split["groups"],
        "shares_off_points": split["shares"]["off"],
        "first": first,
        "nothing_changed": again,
        f"{ADDED}_pairs_added": added,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_page()
    return 0


def write_page() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def page(text: str) -> str:
    """Return the page with its table filled from docs/results/scale.json."""
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    added = next(name for name in record if name.endswith("_pairs_added"))
    runs = {"first": "the first run", "nothing_changed": "nothing changed", added: added.replace("_", " ")}

    def row(name: str) -> list[str]:
        ran = [record[name]["stages"].get(stage) for stage in STAGES]
        cells = [f"{found['seconds']:.0f} s, {found['peak_mib']} MiB" if found else "" for found in ran]
        return [runs[name], *cells, f"{record[name]['wall_s']:.0f} s"]

    head = [f"{record['pairs']:,} pairs, {record['machine']['cores']} cores", *STAGES, "in all, with DVC"]
    return fill(text, "scale", "benchmarks.data.scale", markdown(head, [row(name) for name in runs]))


def measured() -> dict[str, Any]:
    """Run the data stages under DVC; return the wall time, and the seconds and peak memory of each stage that ran."""
    before = {path: path.read_text(encoding="utf-8") for path in (TREE / ".crackflow/ran").glob("*.json")}
    started = time.monotonic()
    in_tree("dvc", "repro", STAGES[-1])
    wall = time.monotonic() - started
    stages = {}
    for name in STAGES:
        path = TREE / f".crackflow/ran/{name}.json"
        text = path.read_text(encoding="utf-8")
        if before.get(path) != text:
            record = json.loads(text)
            stages[name] = {"seconds": record["seconds"], "peak_mib": record["peak_mib"]}
    return {"wall_s": round(wall, 1), "stages": stages}


def make(pairs: tuple[Pair, ...], start: int, stop: int) -> None:
    """Make the pairs numbered from `start` to `stop` that are not there yet."""
    for kind in ("images", "masks"):
        for folder in ("", "train", "test"):
            (MADE / folder / kind).mkdir(parents=True, exist_ok=True)

    def make_one(number: int) -> None:
        pair = pairs[number % len(pairs)]
        copy = number // len(pairs)
        stem = renamed(pair.stem, copy)
        given = "test" if np.random.default_rng(number).random() < TEST_SHARE else "train"
        image, mask = MADE / "images" / f"{stem}.jpg", MADE / "masks" / f"{stem}.jpg"
        if not mask.exists():
            photo, label = changed(read_image(pair.image), read_image(pair.mask)[..., 0], number, copy)
            for path, pixels, quality in ((image, photo[..., ::-1], 92), (mask, label, 95)):
                write_bytes(path, cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
        for path in (image, mask):
            linked = MADE / given / path.parent.name / path.name
            if not linked.exists():
                linked.hardlink_to(path)

    for _ in track(fan_out(Threads(), make_one, range(start, stop)), "make pairs", stop - start, unit="pair"):
        pass


def renamed(stem: str, copy: int) -> str:
    """Name another photograph of the same source: the first number after the source's name gets two more digits."""
    if not copy:
        return stem
    prefix = NAMES.source(stem) if stem.startswith(NAMES.source(stem)) else ""
    return prefix + re.sub(r"\d+", lambda found: f"{found.group()}{copy:02d}", stem[len(prefix) :], count=1)


def changed(photo: Any, label: Any, number: int, copy: int) -> tuple[Any, Any]:
    """Cut a window of 55 to 75 % of each side, scale it back and change its brightness; copy 0 stays as it is."""
    if not copy:
        return photo, label
    random = np.random.default_rng(number)
    height, width = label.shape
    share = random.uniform(0.55, 0.75)
    high, wide = int(height * share), int(width * share)
    top, left = random.integers(height - high + 1), random.integers(width - wide + 1)
    window = np.s_[top : top + high, left : left + wide]
    photo = cv2.resize(photo[window], (width, height), interpolation=cv2.INTER_CUBIC)
    photo = cv2.convertScaleAbs(photo, alpha=1, beta=float(random.uniform(-12, 12)))
    return photo, cv2.resize(label[window], (width, height), interpolation=cv2.INTER_LINEAR)


def in_tree(*command: str) -> None:
    """Run `python -m COMMAND` in the work tree."""
    real.run(*command, cwd=TREE)


if __name__ == "__main__":
    sys.exit(main())

"""Measure which copies and crops are found, by hashes and by local features: `python -m benchmarks.data.copies DATA`.

DATA holds images/. Of 200 of them copies are made as augmenting tools do (Albumentations' Affine, Roboflow's rotation,
shear and crop), and crops of half the area. Copies and photographs lie in .crackflow/copies, resized as stage resize
does. Measured are the copies that are found, and the photographs that are joined though their names do not say so:
docs/results/copies-labelled.csv holds what these show, judged by eye. Time is that of the processor. Writes
docs/results/copies.json and the tables of docs/explanation/duplicates.md; --tables writes the tables alone.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.atomic import write_bytes
from crackflow.imaging.images import read_image
from crackflow.imaging.pairs import ResizedPairs
from crackflow.imaging.perceptual_hash import perceptual_hash
from crackflow.imaging.resize import resize_image
from crackflow.parallel.engine import fan_out
from crackflow.parallel.kept import Kept
from crackflow.parallel.threads import Threads
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.provenance import NameRules
from crackflow.splitting.features.content_search import Described, SamePavement, candidates_of, compare, describe
from crackflow.splitting.features.local_features import local_features
from crackflow.splitting.features.visual_words import words
from crackflow.splitting.grouping import group_pairs
from crackflow.splitting.near_duplicates import apart, near_duplicates
from crackflow.statistics.ratios import ratio, ratio_interval
from scripts.results import ROOT
from scripts.tables import fill, markdown

Image = NDArray[np.uint8]
Random = np.random.Generator

TREE = ROOT / ".crackflow/copies"
PAGE = ROOT / "docs/explanation/duplicates.md"
RESULTS = ROOT / "docs/results/copies.json"
LABELLED = ROOT / "docs/results/copies-labelled.csv"
NAMES = NameRules.of(SplitParams())
LIMIT = SplitParams().duplicate_distance
COPIED = 200
CHANGES = {"AUG": False, "CROP": True}
WORDS = {
    "AUG": "turned, zoomed, sheared, flipped",
    "CROP": "a crop of half the area of such a copy",
}
TIMED = 100
SIDE = 512
# Votes are timed for each 4th, each 2nd and each image.
PARTS = (4, 2, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="a folder with images/")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth photograph (default: all)")
    parser.add_argument("--tables", action="store_true", help="write the tables from docs/results/copies.json")
    args = parser.parse_args()
    if not args.tables:
        if args.data is None or not (args.data / "images").is_dir():
            print(f"error: {args.data or 'no DATA'} holds no images/; name a folder that does", file=sys.stderr)
            return 2
        RESULTS.write_text(json.dumps(measure(args.data / "images", args.every), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure(folder: Path, every: int) -> dict[str, Any]:
    """Make the set, search it, and count."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())[::every]
    picked = np.random.default_rng(0).choice(len(paths), min(COPIED, len(paths)), replace=False)
    copied = {paths[place].stem for place in picked}
    work = partial(_made, copied=copied)
    made = track(fan_out(Threads(), work, paths), "copies", len(paths), unit="image")
    hashes = {stem: value for several in made for stem, value in several.items()}
    originals = {path.stem: NAMES.parent(path.stem) for path in paths}
    known = group_pairs(
        originals, [(one.one, one.other) for one in near_duplicates({s: hashes[s] for s in originals}, LIMIT)]
    )
    # a copy is known of no photograph, nor of another copy
    groups = {**known, **{stem: stem for stem in hashes if stem not in originals}}
    kept, pairs, seconds = Kept(TREE / "state/kept"), ResizedPairs(TREE, 2), {}
    described = describe(Threads(), pairs, kept, list(groups))
    start = time.process_time()
    among = candidates_of(described, groups)
    seconds["votes"] = time.process_time() - start
    start = time.process_time()
    found = compare(Threads(), pairs, kept, described, among)
    seconds["comparisons"] = time.process_time() - start
    return {
        "command": f"python -m benchmarks.data.copies DATA{f' --every {every}' if every > 1 else ''}",
        "photographs": len(paths),
        "photographs_by_name": len(set(originals.values())),
        "images": len(described),
        "candidates": len(among),
        "features_ms": _features_ms(TREE / "images"),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "votes_s": {str(len(part)): _votes_s(part, groups) for part in (described[::step] for step in PARTS)},
        "changes": _recall(found, hashes, sorted(copied)),
        "joined": _joined(found, known),
    }


def _votes_s(part: Sequence[Described], groups: Mapping[str, str]) -> float:
    start = time.process_time()
    candidates_of(part, groups)
    return round(time.process_time() - start, 1)


def _made(path: Path, copied: set[str]) -> dict[str, str]:
    """Write a photograph and its copies, and give their hashes."""
    image = read_image(path)
    hashes = {path.stem: _write(path.stem, image)}
    if path.stem in copied:
        random = np.random.default_rng(list(path.stem.encode()))
        for name, crop in CHANGES.items():
            hashes[f"{name}__{path.stem}"] = _write(f"{name}__{path.stem}", changed(image, random, crop=crop))
    return hashes


def _write(stem: str, image: Image) -> str:
    """Keep the grey levels of a picture as stage resize has it; and its hash."""
    path = TREE / "images" / f"{stem}.png"
    small = cv2.cvtColor(resize_image(image, SIDE), cv2.COLOR_RGB2GRAY).astype(np.uint8)
    content = cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    write_bytes(path, content)
    return perceptual_hash(small)


def _features_ms(folder: Path) -> float:
    """Milliseconds of the processor for a photograph's features, without reading it; the median of some."""
    cv2.setNumThreads(1)
    took = []
    for path in sorted(folder.iterdir())[:: len(list(folder.iterdir())) // TIMED]:
        grey = cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY).astype(np.uint8)
        start = time.process_time()
        found = local_features(grey)
        words(found), words(found.mirrored())
        took.append(1000 * (time.process_time() - start))
    return round(float(np.median(took)), 1)


def _recall(found: list[SamePavement], hashes: Mapping[str, str], copied: list[str]) -> dict[str, Any]:
    """Of each change, how many copies were joined to the photograph that they are of."""
    joined = {(one.one, one.other) for one in found} | {(one.other, one.one) for one in found}
    result = {}
    for name in CHANGES:
        by_hash = {stem for stem in copied if apart(hashes[stem], hashes[f"{name}__{stem}"]) <= LIMIT}
        by_features = {stem for stem in copied if (f"{name}__{stem}", stem) in joined}
        result[name] = {
            "copies": len(copied),
            "by_hash": len(by_hash),
            "by_features": len(by_features),
            "by_either": len(by_hash | by_features),
            "interval": _interval(copied, by_hash | by_features),
            "missed": dict(Counter(NAMES.source(stem) for stem in sorted(set(copied) - by_hash - by_features))),
        }
    return result


def _interval(copied: list[str], found: set[str]) -> list[float]:
    """The 95 % confidence interval of the share that is found; crops of one photograph are one group.

    Empty where all or none are found, since groups can't tell then.
    """
    parents = sorted({NAMES.parent(stem) for stem in copied})
    part, whole = Counter(NAMES.parent(stem) for stem in found), Counter(NAMES.parent(stem) for stem in copied)
    sums = [np.array([counted[parent] for parent in parents], np.float64) for counted in (part, whole)]
    return [round(end, 3) for end in ratio_interval(ratio(*sums), 0.95) if not np.isnan(end)]


def _joined(found: list[SamePavement], known: Mapping[str, str]) -> dict[str, Any]:
    """Photographs that local features join."""
    pairs = [one for one in found if one.one in known and one.other in known]
    groups = group_pairs(known, [(one.one, one.other) for one in pairs])
    return {
        "pairs": len(pairs),
        "by_source": dict(Counter(" and ".join(sorted({NAMES.source(s) for s in (p.one, p.other)})) for p in pairs)),
        "groups_before": len(set(known.values())),
        "groups_after": len(set(groups.values())),
        "list": [one._asdict() for one in pairs],
    }


def page(text: str) -> str:
    """The page with its tables as docs/results/copies.json has them."""
    for name, table in tables(json.loads(RESULTS.read_text(encoding="utf-8"))).items():
        text = fill(text, name, "benchmarks.data.copies", table)
    return text


def tables(values: Mapping[str, Any]) -> dict[str, str]:
    """The page's tables by name."""
    head = ("change", "copies", f"found by hashes, {LIMIT} bits", "by local features", "by either", "95 % interval")
    rows = [
        (
            WORDS[name],
            row["copies"],
            *(f"{row[key]} ({row[key] / row['copies']:.0%})" for key in _FOUND),
            " to ".join(f"{end:.0%}" for end in row["interval"]) or "-",
        )
        for name, row in values["changes"].items()
    ]
    joined, seconds = values["joined"], values["seconds"]
    by_eye = pd.read_csv(LABELLED, keep_default_na=False)
    labels = {(row.one, row.other): row.label for row in by_eye.itertuples()}
    counted = Counter(labels.get((one["one"], one["other"]), "unlabelled") for one in joined["list"])
    return {
        "copies": markdown(head, rows),
        "joins": markdown(
            (
                "photographs",
                "joined pairs",
                "one place",
                "false joins",
                "not looked at",
                "groups before",
                "groups after",
            ),
            [
                (
                    f"{values['photographs']:,}",
                    joined["pairs"],
                    *(counted[label] for label in ("scene", "different", "unlabelled")),
                    joined["groups_before"],
                    joined["groups_after"],
                )
            ],
        ),
        "cost": markdown(
            ("step", "images", "seconds of one core"),
            [
                ("features, kept by content", values["images"], round(values["features_ms"] * values["images"] / 1000)),
                *(("votes", images, took) for images, took in values["votes_s"].items()),
                (f"comparisons, {values['candidates']:,}", values["images"], seconds["comparisons"]),
            ],
        ),
    }


_FOUND = ("by_hash", "by_features", "by_either")


def changed(image: Image, random: Random, *, crop: bool) -> Image:
    """A copy as augmenting tools make it.

    Rotated up to 15 degrees, zoomed to .8 to 1.25 and sheared up to 10 degrees along both axes about the middle; half
    of its area, where that is asked for; flipped or turned by quarters; a little brighter or darker; a JPEG.
    """
    height, width = image.shape[:2]
    turn, zoom = np.deg2rad(random.uniform(-15, 15)), random.uniform(0.8, 1.25)
    along, across = np.tan(np.deg2rad(random.uniform(-10, 10, 2)))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = zoom * rotation @ np.array([[1, along], [across, 1]])
    middle = np.array([width / 2, height / 2])
    affine = np.column_stack([linear, middle - linear @ middle])
    # tools fill what was outside with a reflection, or with black
    border = (cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT)[random.integers(2)]
    copy = cv2.warpAffine(image, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    if crop:
        rows, columns = int(height * 0.5**0.5), int(width * 0.5**0.5)
        top, left = random.integers(height - rows + 1), random.integers(width - columns + 1)
        copy = copy[top : top + rows, left : left + columns]
    if random.random() < 0.5:
        copy = copy[:, ::-1]
    copy = np.rot90(copy, int(random.integers(4)))
    lit = np.clip(copy.astype(np.float32) * random.uniform(0.85, 1.15) + random.uniform(-15, 15), 0, 255)
    _, data = cv2.imencode(".jpg", lit[..., ::-1].astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


if __name__ == "__main__":
    sys.exit(main())

"""Measure how well near-duplicates are found, on real photographs: `python -m benchmarks.data.duplicates DATA`.

DATA holds images/ of the public crack set, or a part of it. docs/results/duplicates-labelled.csv says of the nearest
pairs in it whether they show the same, judged by eye. Writes docs/results/duplicates.json and the tables in
docs/explanation/duplicates.md.
"""

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.imaging.images import read_image
from crackflow.imaging.perceptual_hash import perceptual_hash
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.provenance import NameRules
from crackflow.splitting.near_duplicates import TURNS, NearDuplicate, apart, near_duplicates
from scripts.results import ROOT
from scripts.tables import fill, markdown

Image = NDArray[np.uint8]
Change = Callable[[Image], Image]

PAGE = ROOT / "docs/explanation/duplicates.md"
RESULTS = ROOT / "docs/results/duplicates.json"
LABELLED = ROOT / "docs/results/duplicates-labelled.csv"

THRESHOLDS = (32, 40, 48, 52, 56, 60, 64, 68, 72, 76, 80, 84)
CHOSEN = SplitParams().duplicate_distance
NAMES = NameRules.of(SplitParams())
FULL_SIZE = 11_298
CHANGED = 400
TILES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="a folder with images/")
    images = load(parser.parse_args().data / "images")
    start = time.perf_counter()
    hashes = {stem: perceptual_hash(image) for stem, image in track(images.items(), "hash", len(images), unit="image")}
    hash_ms = 1000 * (time.perf_counter() - start) / len(images)
    near = near_duplicates(hashes, max(THRESHOLDS))
    values = {
        "pairs": len(images),
        "chosen": CHOSEN,
        "hash_ms": round(hash_ms, 2),
        "labelled": labelled(near),
        "families": families(hashes, near),
        "identical": identical(images, near),
        "changes": changes(images, hashes),
        "overlaps": overlaps(hashes),
        "crowd": crowd(images),
    }
    RESULTS.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def page(text: str) -> str:
    """The page with its tables as docs/results/duplicates.json has them."""
    for name, table in tables(json.loads(RESULTS.read_text(encoding="utf-8"))).items():
        text = fill(text, name, "benchmarks.data.duplicates", table)
    return text


def load(folder: Path) -> dict[str, Image]:
    """Every image by stem."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    with ThreadPoolExecutor() as pool:
        return dict(zip((path.stem for path in paths), pool.map(read_image, paths), strict=True))


def labelled(near: list[NearDuplicate]) -> dict[str, Any]:
    """What the list labelled by eye says of each threshold, and of how many joined pairs it says nothing."""
    table = pd.read_csv(LABELLED, keep_default_na=False)
    known = {(row.one, row.other): row.label for row in table.itertuples()}
    counts = {}
    for threshold in THRESHOLDS:
        found = Counter(known.get((pair.one, pair.other), "unlabelled") for pair in near if pair.bits <= threshold)
        counts[threshold] = {
            "same": found["same"],
            "scene": found["scene"],
            "different": found["different"],
            "missed": int((table.label == "same").sum()) - found["same"],
            "unlabelled": found["unlabelled"],
        }
    return {"labels": table.label.value_counts().to_dict(), "by_threshold": counts}


def families(hashes: Mapping[str, str], near: list[NearDuplicate]) -> dict[str, Any]:
    """Whether the contents alone find the photographs that CFD, forest and Sylvie_Chambon share by number."""
    by_parent: dict[str, list[str]] = {}
    for stem in hashes:
        if NAMES.source(stem) in ("CFD", "forest", "Sylvie_Chambon"):
            by_parent.setdefault(NAMES.parent(stem), []).append(stem)
    pairs = {pair for stems in by_parent.values() for pair in combinations(stems, 2)}
    bits = {(pair.one, pair.other): pair.bits for pair in near}
    return {
        "pairs": len(pairs),
        "found": len(pairs & bits.keys()),
        "largest_bits": max(bits.get(p, 256) for p in pairs),
    }


def identical(images: Mapping[str, Image], near: list[NearDuplicate]) -> dict[str, int]:
    """Pairs with the very same pixels, as they are or turned."""
    found = Counter[str]()
    for pair in near:
        if pair.bits <= 2 and np.array_equal(turned(images[pair.one], pair.turn), images[pair.other]):
            found["as they are" if pair.turn == "same" else "turned"] += 1
    return dict(found)


def changes(images: Mapping[str, Image], hashes: Mapping[str, str]) -> dict[str, Any]:
    """How many bits each change of a photograph flips, and the share of the changed ones found at each threshold."""
    rng = np.random.default_rng(0)
    stems = rng.choice(list(images), CHANGED, replace=False).tolist()

    def jpeg(quality: int) -> Change:
        def save(image: Image) -> Image:
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)

        return save

    def scaled(side: int, interpolation: int) -> Change:
        return lambda image: np.asarray(cv2.resize(image, (side, side), interpolation=interpolation), dtype=np.uint8)

    def trimmed(share: float) -> Change:
        """So much of height and of width off, at random places: all of it at one edge, or parts at both."""

        def trim(image: Image) -> Image:
            height, width = image.shape[:2]
            rows, columns = round(share * height), round(share * width)
            top, left = int(rng.integers(rows + 1)), int(rng.integers(columns + 1))
            return np.ascontiguousarray(image[top : top + height - rows, left : left + width - columns])

        return trim

    def lookup(levels: NDArray[np.float64]) -> Change:
        return lambda image: np.clip(levels, 0, 255).astype(np.uint8)[image]

    grey = np.arange(256.0)
    made: dict[str, Change] = {
        "JPEG quality 75": jpeg(75),
        "JPEG quality 40": jpeg(40),
        "JPEG quality 20": jpeg(20),
        "512 px, linear": scaled(512, cv2.INTER_LINEAR),
        "320 px, by area": scaled(320, cv2.INTER_AREA),
        "320 px, linear, aliased": scaled(320, cv2.INTER_LINEAR),
        "brighter by 20 % and 10": lookup(1.2 * grey + 10),
        "darker by 30 %": lookup(0.7 * grey),
        "gamma 0.7": lookup(255 * (grey / 255) ** 0.7),
        "red and blue exchanged": lambda image: np.ascontiguousarray(image[..., ::-1]),
        "flipped or turned at random": lambda image: turned(image, TURNS[rng.integers(1, 8)]),
        "2 % trimmed": trimmed(0.02),
        "3 % trimmed": trimmed(0.03),
        "5 % trimmed": trimmed(0.05),
        "8 % trimmed": trimmed(0.08),
        "turned, 3 % trimmed, JPEG 75": lambda image: jpeg(75)(trimmed(0.03)(turned(image, TURNS[rng.integers(1, 8)]))),
    }
    result = {}
    for name, change in track(made.items(), "changes", len(made), unit="change"):
        bits = np.array([apart(hashes[stem], perceptual_hash(change(images[stem]))) for stem in stems])
        result[name] = {
            "median": float(np.median(bits)),
            "largest": int(bits.max()),
            "found": {threshold: float((bits <= threshold).mean()) for threshold in THRESHOLDS},
        }
    return result


def overlaps(hashes: Mapping[str, str]) -> dict[str, Any]:
    """How often two crops of one photograph are found by content, by how much of them overlaps.

    Names of Rissbilder_for_Florian, Volker and Eugen_Muller end in the crop's place and size in the photograph.
    """
    crops: dict[str, list[tuple[str, list[int]]]] = {}
    for stem in hashes:
        place = re.search(r"_(\d+)_(\d+)_(\d+)_(\d+)$", stem)
        if place and NAMES.source(stem) in ("Rissbilder_for_Florian", "Volker", "Eugen_Muller"):
            # the name less its crop, since two names may be of two photographs of one thing
            crops.setdefault(stem[: place.start()], []).append((stem, [int(value) for value in place.groups()]))
    edges = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 1.0)
    found, pairs = Counter[float](), Counter[float]()
    for several in crops.values():
        for (one, first), (other, second) in combinations(several, 2):
            low = max(edge for edge in edges[:-1] if edge <= shared(first, second))
            pairs[low] += 1
            found[low] += apart(hashes[one], hashes[other]) <= CHOSEN
    return {f"{low:.0%} to {high:.0%}": {"pairs": pairs[low], "found": found[low]} for low, high in pairwise(edges)}


def shared(one: list[int], other: list[int]) -> float:
    """Intersection over union of two rectangles: left, top, width, height."""
    sides = [max(0, min(one[k] + one[k + 2], other[k] + other[k + 2]) - max(one[k], other[k])) for k in (0, 1)]
    both = sides[0] * sides[1]
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def crowd(images: Mapping[str, Image]) -> dict[str, Any]:
    """How near different photographs come to one another in a set of the public one's size.

    Each image is cut in TILES x TILES that do not overlap, and so many tiles are drawn; pairs of tiles count that come
    from different photographs. Whatever joins them is chance, but for photographs of one place.
    """
    rng = np.random.default_rng(0)
    tiles = {}
    for stem, image in images.items():
        for row, strip in enumerate(np.array_split(image, TILES, axis=0)):
            for column, tile in enumerate(np.array_split(strip, TILES, axis=1)):
                tiles[f"{stem}/{row}{column}"] = np.ascontiguousarray(tile)
    chosen = sorted(rng.choice(list(tiles), min(FULL_SIZE, len(tiles)), replace=False).tolist())
    hashes = {name: perceptual_hash(tiles[name]) for name in chosen}
    start = time.perf_counter()
    near = near_duplicates(hashes, max(THRESHOLDS))
    seconds = time.perf_counter() - start
    bits = [
        pair.bits for pair in near if NAMES.parent(pair.one.split("/")[0]) != NAMES.parent(pair.other.split("/")[0])
    ]
    return {
        "hashes": len(hashes),
        "search_s": round(seconds, 1),
        "joined": {threshold: int(np.count_nonzero(np.array(bits) <= threshold)) for threshold in THRESHOLDS},
        "nearest": sorted(bits)[:5],
    }


def turned(image: Image, turn: str) -> Image:
    """Flip and turn an image as a word of TURNS says."""
    place = TURNS.index(turn)
    return np.ascontiguousarray(np.rot90(image[:, ::-1] if place >= 4 else image, place % 4))


def tables(values: Mapping[str, Any]) -> dict[str, str]:
    """The page's tables by name, from what docs/results/duplicates.json holds."""
    chosen = str(values["chosen"])
    shown = ("48", "56", "60", "64", "72")
    judged, joined = values["labelled"]["by_threshold"], values["crowd"]["joined"]
    rows = [
        (
            f"**{bits}**" if bits == chosen else bits,
            *(judged[bits][label] for label in ("same", "missed", "scene", "different")),
            joined[bits],
        )
        for bits in judged
    ]
    return {
        "thresholds": markdown(
            (
                "bits",
                "same, found",
                "same, missed",
                "another shot of the place",
                "false joins",
                f"false joins among {values['crowd']['hashes']:,} tiles",
            ),
            rows,
        ),
        "changes": markdown(
            ("change", "bits, median", "largest", *(f"found at {t}" for t in shown)),
            [
                (name, f"{row['median']:.0f}", row["largest"], *(f"{row['found'][t]:.1%}" for t in shown))
                for name, row in values["changes"].items()
            ],
        ),
        "overlaps": markdown(
            ("overlap of two crops (intersection over union)", "pairs", f"found at {values['chosen']} bits"),
            [
                (name, row["pairs"], f"{row['found']} ({row['found'] / max(1, row['pairs']):.0%})")
                for name, row in values["overlaps"].items()
            ],
        ),
    }


if __name__ == "__main__":
    main()

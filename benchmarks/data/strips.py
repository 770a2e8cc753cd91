"""What stretching long photographs to a square costs, and what cutting them into parts gains.

Run `python -m benchmarks.data.strips PAIRS`, where PAIRS holds images/ and masks/. Of photographs that the model has
not seen, strips are cut that are 1, 2, 4 and 8 times as wide as high. Each is marked twice, as stage resize would bring
it into squares with `resize.mode` stretch and with tile, and scored at its own pixels.

Results go to docs/results/strips.json, and from there to docs/explanation/resize.md. After a kill it goes on where it
stopped. `--tables` writes the page alone.
"""

import argparse
import json
import sys
from typing import Any

import numpy as np

from benchmarks.accuracy import real, unseen
from benchmarks.accuracy.kept import Kept, name_of
from crackflow.atomic import write_text
from crackflow.evaluation.intervals import LEVEL, group_sums, image_sums, ratio, ratio_interval
from crackflow.evaluation.metrics import Counts, counts, iou
from crackflow.imaging.images import Pixels
from crackflow.inference.operating_point import sha256
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.provenance import NameRules
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/strips.json"
PAGE = real.ROOT / "docs/explanation/resize.md"
BY = "python -m benchmarks.data.strips"
RATIOS = (1, 2, 4, 8)
MODES = ("stretch", "tile")


def main() -> int:
    args = unseen.parsed(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    if not args.tables:
        write_text(RESULTS, json.dumps(measured(args), indent=1) + "\n")
    if RESULTS.is_file():
        values = json.loads(RESULTS.read_text(encoding="utf-8"))
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), values), encoding="utf-8", newline="\n")
    return 0


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Mark every strip in both ways."""
    from crackflow.inference.photographs import predict_photo
    from crackflow.runtimes.choice import choose_runtime, load
    from pipelines.commands import model_choice

    weights = model_choice.choose(real.ROOT, args.model)
    found = unseen.draw(args.pairs, model_choice.seen(weights), args.each, args.seed)
    network = load(weights.model, choose_runtime(weights.model, ""))
    group_of = NameRules.of(SplitParams()).parent
    kept = Kept.of("benchmarks.data.strips", weights)
    pairs = [(name_of((pair,)), pair) for of_source in found.by_source.values() for pair in of_source]
    for name, pair in track(pairs, "strips", unit="pair"):
        if name in kept.rows:
            continue
        photo, truth = unseen.read(pair, weights)
        row: dict[str, Any] = {"cracked": bool((truth > 0).any()), "group": group_of(pair.stem)}
        for long in RATIOS if row["cracked"] else ():
            part = strip(truth, long)
            for mode in MODES:
                seen = predict_photo(network, photo[part], weights.point(), mode, "fit")
                of = counts(seen.classes, truth[part])
                row[f"{mode} {long}"] = [int(number) for number in (of.tp, of.fp, of.fn, of.tn)]
        kept.add(name, row)
    rows = [row for name, _ in pairs if (row := kept.rows[name])["cracked"]]
    return {
        "command": f"{BY} PAIRS --each {args.each}",
        "model": weights.name,
        "model_sha256": sha256(weights.model),
        "pairs": unseen.words(found, weights, args.seed),
        "photographs": len(rows),
        "iou": {mode: [_pooled(rows, f"{mode} {long}") for long in RATIOS] for mode in MODES},
    }


def strip(truth: Pixels, long: int) -> tuple[slice, slice]:
    """The strip, `long` times as wide as high, about the middle row of the crack; 1 is the largest square."""
    height, width = truth.shape
    high = min(height, max(16, width // long))
    wide = min(width, high * long)
    row = int(np.median(np.nonzero(truth)[0]))
    top, left = min(max(0, row - high // 2), height - high), (width - wide) // 2
    return slice(top, top + high), slice(left, left + wide)


def _pooled(rows: list[dict[str, Any]], name: str) -> list[float]:
    """Pooled IoU, and its 95 % interval over the photographs that belong together."""
    counted = Counts(*np.array([row[name] for row in rows], np.int64).T)
    sums = group_sums(image_sums("pooled_iou", counted), [row["group"] for row in rows])
    low, high = ratio_interval(ratio(*sums), LEVEL)
    return [round(float(value), 4) for value in (iou(counted.total(), empty=1.0), low, high)]


def page(text: str, values: dict[str, Any]) -> str:
    """Fill in the table."""
    found = values["iou"]
    rows = [[f"`{mode}`", *(f"{at:.3f} ({low:.2f} to {high:.2f})" for at, low, high in found[mode])] for mode in MODES]
    table = markdown(["`resize.mode`", *(f"1:{long}" for long in RATIOS)], rows, "---:")
    note = (
        f"Pooled IoU and its 95 % interval, of {values['model']}, on {values['pairs']}, {values['photographs']} of "
        f"them with cracks. An all-black mask has 0. `{values['command']}`.\n"
    )
    return fill(text, "strips", BY, f"{table}\n{note}")


if __name__ == "__main__":
    sys.exit(main())

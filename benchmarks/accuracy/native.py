"""Which scale finds the cracks of a photograph best, scored against truth at the photograph's own pixels.

Run `python -m benchmarks.accuracy.native PAIRS`, where PAIRS holds images/ and masks/. Some pairs of each source that
the model has not seen are drawn by a seed. Each is looked at as `crackflow predict --scale` does: squeezed into one
square, at its own pixels, and at half its size. Pictures made of 4 and of 12 of these photographs stand for larger
photographs of the same surface. Rules that look at all three scales first are computed from the same looks.

Results go to docs/results/native.json, and from there to docs/how-to/predict.md. After a kill it goes on where it
stopped; another model begins anew. `--tables` writes the page alone.
"""

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy import real, unseen
from benchmarks.accuracy.kept import Kept, name_of
from crackflow.atomic import write_text
from crackflow.evaluation.figures import plain
from crackflow.evaluation.metrics import Counts, counts, false_alarms, iou, pooled, positives
from crackflow.inference.looks import Look, at_own_size, in_squares, squeezed
from crackflow.inference.operating_point import OperatingPoint, classify_levels, sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import marked
from crackflow.inference.scale_choice import choose_scale
from crackflow.inference.tiling import OfSquares
from crackflow.progress import track
from crackflow.sources.folder import Pair
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/native.json"
PAGE = real.ROOT / "docs/how-to/predict.md"
BY = "python -m benchmarks.accuracy.native"
SCALES = ("fit", "1", "0.5")
RULES = ("auto", *SCALES, "mean", "agreeing", "best")
# rows and columns of the pictures that are made of several photographs
MOSAICS = {"alone": (1, 1), "4 in one": (2, 2), "12 in one": (4, 3)}
WORDS = {
    "auto": "`auto`",
    "fit": "`fit`",
    "1": "`1`",
    "0.5": "`0.5`",
    "mean": "mean of the three looks",
    "agreeing": "the look that agrees best with the other two",
    "best": "the best look, if it were known beforehand",
}


class Picture(NamedTuple):
    """What is looked at: a photograph, or several of one source and size."""

    source: str
    kind: str
    pairs: tuple[Pair, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", action="append", default=[], help="draw from this source; may be repeated")
    args = unseen.parsed(parser)
    if not args.tables:
        write_text(RESULTS, json.dumps(measure(args), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Look at every picture that has no result yet, and give all figures."""
    from crackflow.keras_import import import_keras
    from pipelines.commands import model_choice

    weights = model_choice.choose(real.ROOT, args.model)
    found = unseen.draw(args.pairs, model_choice.seen(weights), args.each, args.seed, args.source)
    point = weights.point()
    todo = [picture for source, pairs in found.by_source.items() for picture in pictures(source, pairs, weights)]
    if not todo:
        sys.exit(f"error: the model has seen all {found.there} pairs of {args.pairs}; name others")
    kept = Kept.of("benchmarks.accuracy.native", weights)
    names = {picture: name_of(picture.pairs, picture.kind) for picture in todo}
    if any(name not in kept.rows for name in names.values()):
        import_keras()
        from crackflow.inference.photographs import model_function, side_of
        from crackflow.inference.predictor import load_model

        model = load_model(weights.model)
        function, side = model_function(model, flips=point.flips), side_of(model)
        function(np.zeros((1, side, side, 3), np.uint8))  # the first call compiles
        for picture, name in track(names.items(), "native", unit="picture"):
            if name not in kept.rows:
                kept.add(name, look(picture, function, side, weights, point))
    return {
        "command": f"{BY} PAIRS",
        "model": weights.name,
        "model_sha256": sha256(weights.model),
        "operating_point": point.words(),
        "pairs": unseen.words(found, weights, args.seed),
        "square": weights.params.resize.size,
        "machine": real.machine(),
        **figures([kept.rows[name] for name in names.values()], weights.params.resize.size),
    }


def pictures(source: str, pairs: Sequence[Pair], weights: Weights) -> Iterator[Picture]:
    """Each photograph alone, then what is made of those that have the size that most of the source have."""
    sizes = {pair.stem: unseen.read(pair, weights)[1].shape for pair in pairs}
    most = Counter(sizes.values()).most_common(1)[0][0]
    alike = [pair for pair in pairs if sizes[pair.stem] == most]
    for kind, (rows, columns) in MOSAICS.items():
        of = list(pairs) if kind == "alone" else alike
        number = rows * columns
        for first in range(0, len(of) - number + 1, number):
            yield Picture(source, kind, tuple(of[first : first + number]))


def assembled(picture: Picture, weights: Weights) -> tuple[Any, Any]:
    """The picture, uint8 RGB (H, W, 3), and its truth, uint8 (H, W)."""
    columns = MOSAICS[picture.kind][1]
    read = [unseen.read(pair, weights) for pair in picture.pairs]
    lines = [read[first : first + columns] for first in range(0, len(read), columns)]
    images, masks = (np.concatenate([np.concatenate([one[k] for one in line], 1) for line in lines]) for k in (0, 1))
    return images, masks


def look(picture: Picture, function: OfSquares, side: int, weights: Weights, point: OperatingPoint) -> dict[str, Any]:
    """Look at a picture at each scale; for each rule the counts of its mask, and the seconds of each look."""
    photo, truth = assembled(picture, weights)
    size = photo.shape[0], photo.shape[1]
    ways: dict[str, Callable[[], Look]] = {
        "fit": lambda: squeezed(function, photo, side, weights.params.resize.mode),
        "1": lambda: in_squares(function, photo, 1.0, side),
        "0.5": lambda: in_squares(function, photo, 0.5, side),
    }
    looks, seconds = {}, {}
    for scale, way in ways.items():
        start = time.perf_counter()
        looks[scale] = way()
        seconds[scale] = round(time.perf_counter() - start, 3)
    masks = {scale: marked(found, size, point).classes for scale, found in looks.items()}
    auto = choose_scale(*size, side)
    masks["auto"] = masks["fit" if auto == "fit" else f"{auto:g}"]
    levels = [at_own_size(found, *size)[0].astype(np.float32) for found in looks.values()]
    masks["mean"] = classify_levels(np.mean(levels, axis=0).astype(np.uint16), point)
    masks["agreeing"] = masks[max(SCALES, key=lambda scale: _agreement(scale, masks))]
    by_rule = {rule: counts(mask, truth) for rule, mask in masks.items()}
    by_rule["best"] = by_rule[max(SCALES, key=lambda scale: float(iou(by_rule[scale], empty=1.0)))]
    return {
        "source": picture.source,
        "kind": picture.kind,
        "px": f"{size[1]}x{size[0]}",
        "seconds": {**seconds, "auto": seconds["fit" if auto == "fit" else f"{auto:g}"]},
        "counts": {rule: [int(one) for one in (c.tp, c.fp, c.fn, c.tn)] for rule, c in by_rule.items()},
    }


def _agreement(scale: str, masks: dict[str, Any]) -> float:
    """Mean IoU of a look's mask with those of the other looks; two blank ones agree."""
    others = [float(iou(counts(masks[scale], masks[other]), empty=1.0)) for other in SCALES if other != scale]
    return sum(others) / len(others)


def figures(rows: Sequence[dict[str, Any]], side: int) -> dict[str, Any]:
    """Figures by source and kind of picture, and of all pictures by whether they are larger than the square."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["source"], row["kind"]), []).append(row)
    large = [row for row in rows if max(map(int, row["px"].split("x"))) > side]
    small = [row for row in rows if row not in large]
    return {
        "groups": [
            {"source": source, "kind": kind, "px": _sizes(of), **_figures(of)} for (source, kind), of in groups.items()
        ],
        "larger": _figures(large) if large else None,
        "no_larger": _figures(small) if small else None,
    }


def _sizes(rows: Sequence[dict[str, Any]]) -> str:
    sizes = [row["px"] for row in rows]
    if len(set(sizes)) == 1:
        return str(sizes[0])
    ordered = sorted(set(sizes), key=lambda size: int(np.prod([int(side) for side in size.split("x")])))
    return f"{ordered[0]} to {ordered[-1]}"


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    of: dict[str, Any] = {}
    for rule in RULES:
        stacked = Counts.stack(Counts(*np.array(row["counts"][rule])) for row in rows)
        found: dict[str, Any] = {
            "pooled_iou": float(pooled(iou, stacked)),
            "mean_iou": float(positives(iou, stacked)),
            "false_alarms": false_alarms(stacked).images,
        }
        if rule in ("auto", *SCALES):
            found["seconds"] = sum(row["seconds"][rule] for row in rows) / len(rows)
        of[rule] = {name: value if value is None else round(value, 4) for name, value in plain(found).items()}
    return {"pictures": len(rows), "of": of}


def page(text: str) -> str:
    """The page with the tables of docs/results/native.json."""
    return fill(text, "native", BY, tables(json.loads(RESULTS.read_text(encoding="utf-8"))))


def tables(values: dict[str, Any]) -> str:
    """Pooled IoU of larger pictures by source; every figure of all pictures by rule; and what was measured on what."""
    side = values["square"]
    head = ["photographs", "px", "number", *(WORDS[scale] for scale in ("auto", *SCALES))]
    rows = [
        [
            group["source"] if group["kind"] == "alone" else f"{group['source']}, {group['kind']}",
            group["px"],
            group["pictures"],
            *(_cell(group["of"][scale]["pooled_iou"]) for scale in ("auto", *SCALES)),
        ]
        for group in values["groups"]
        if max(map(int, re.findall(r"\d+", group["px"]))) > side and group["of"]["auto"]["pooled_iou"] is not None
    ]
    parts = [(f"larger than {side} px", values["larger"]), (f"up to {side} px", values["no_larger"])]
    lines = [
        [f"{name} ({part['pictures']}): {WORDS[rule]}", *map(_cell, _all_four(part["of"][rule]))]
        for name, part in parts
        if part is not None
        for rule in RULES
    ]
    second = ["all pictures", "pooled IoU", "mean IoU, those with cracks", "crack-free ones with a false alarm"]
    return (
        f"{markdown(head, rows, '---:')}\n{markdown([*second, 'seconds each'], lines, '---:')}\n"
        f"Of {values['model']}, {values['operating_point']}. On {values['pairs']}. The first table has the pooled IoU "
        f"of pictures larger than {side} px. `{BY} PAIRS` on {values['machine']['cores']} cores.\n"
    )


def _all_four(of: dict[str, Any]) -> list[Any]:
    return [of[name] for name in ("pooled_iou", "mean_iou", "false_alarms")] + [of.get("seconds")]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())

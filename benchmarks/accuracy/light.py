"""Make a photograph's light alike before the network sees it: does that help?

Run `python -m benchmarks.accuracy.light PAIRS`, where PAIRS holds images/ and masks/. Some pairs of each source that
the model has not seen are drawn by a seed. Each is marked as `crackflow predict` does, as it is and after its light was
changed: grey world, CLAHE, and a stretch of the levels. Sources that the model was never trained on are counted apart.

Results go to docs/results/light.json, and from there to docs/explanation/operating-point.md. After a kill it goes on
where it stopped; another model begins anew. `--tables` writes the page alone.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy import real, unseen, views
from benchmarks.accuracy.kept import Kept, name_of
from crackflow.atomic import write_text
from crackflow.evaluation.metrics import counts
from crackflow.imaging.images import Pixels
from crackflow.inference.looks import at_own_size
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint, classify_levels, sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import look_at, model_function, side_of
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.folder import Pair
from crackflow.sources.provenance import NameRules
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/light.json"
PAGE = real.ROOT / "docs/explanation/operating-point.md"
BY = "python -m benchmarks.accuracy.light"
KNOWN, NEVER_SEEN = "known places", "never trained on"


def as_it_is(image: Pixels) -> Pixels:
    """The photograph."""
    return image


def grey_world(image: Pixels) -> Pixels:
    """Scale each channel so that all have the mean of the three (Buchsbaum 1980)."""
    means = image.reshape(-1, image.shape[2]).mean(axis=0)
    return np.clip(np.rint(image * (means.mean() / np.maximum(means, 1))), 0, 255).astype(np.uint8)


def clahe(image: Pixels) -> Pixels:
    """Equalise the lightness of CIELAB in 8x8 tiles with a clip limit of 2 (Zuiderveld 1994), OpenCV's usual values."""
    return _on_lightness(image, cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply)


def stretched(image: Pixels) -> Pixels:
    """Stretch the lightness of CIELAB so that its 1st and 99th percentiles become 0 and 255."""

    def stretch(lightness: Pixels) -> Pixels:
        low, high = np.percentile(lightness, (1, 99))
        return np.clip(np.rint((lightness - low) * (255 / max(high - low, 1))), 0, 255).astype(np.uint8)

    return _on_lightness(image, stretch)


def _on_lightness(image: Pixels, change: Callable[[Pixels], Any]) -> Pixels:
    levels = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    levels[..., 0] = change(np.ascontiguousarray(levels[..., 0]))
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_LAB2RGB), np.uint8)


# The first is what the others are compared with.
LIGHTS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "as it is": as_it_is,
    "grey world": grey_world,
    "CLAHE": clahe,
    "stretched": stretched,
}


def main() -> int:
    args = unseen.parsed(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    if not args.tables:
        write_text(RESULTS, json.dumps(measure(args), indent=1) + "\n")
    text = fill(PAGE.read_text(encoding="utf-8"), "light", BY, table(json.loads(RESULTS.read_text(encoding="utf-8"))))
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Mark every photograph that has no result yet in each light, and give all figures."""
    from crackflow.runtimes.choice import choose_runtime, load
    from pipelines.commands import model_choice

    weights = model_choice.choose(real.ROOT, args.model)
    found = unseen.draw(args.pairs, model_choice.seen(weights), args.each, args.seed)
    todo = [(source, pair) for source, pairs in found.by_source.items() for pair in pairs]
    kept = Kept.of("benchmarks.accuracy.light", weights)
    network = load(weights.model, choose_runtime(weights.model))
    photograph = NameRules.of(SplitParams()).photograph
    rows: dict[str, list[dict[str, Any]]] = {KNOWN: [], NEVER_SEEN: []}
    for source, pair in track(todo, "light", unit="photo"):
        name = name_of((pair,))
        if name not in kept.rows:
            kept.add(name, {"counts": marked(pair, network, weights)})
        place = NEVER_SEEN if source in found.untrained else KNOWN
        group = photograph(pair.stem) or pair.stem
        rows[place].append({**kept.rows[name], "stem": pair.stem, "group": group, "source": source})
    return {
        "command": f"{BY} PAIRS --each {args.each}",
        "model": weights.name,
        "model_sha256": sha256(weights.model),
        "operating_point": weights.point().words(),
        "pairs": unseen.words(found, weights, args.seed),
        "places": {
            place: {**views.figures(some, tuple(LIGHTS)), "sources": sorted({row["source"] for row in some})}
            for place, some in rows.items()
            if some
        },
    }


def marked(pair: Pair, network: Network, weights: Weights) -> dict[str, list[int]]:
    """Mark a photograph in each light; tp, fp, fn and tn of each mask."""
    photo, truth = unseen.read(pair, weights)
    point, function = weights.point(), model_function(network, flips=False)
    found = {}
    for name, change in LIGHTS.items():
        look = look_at(function, change(photo), side_of(network), weights.params.resize.mode)
        at_scale = OperatingPoint(point.threshold, point.smallest_area / look.scale**2, point.peak)
        levels = next(iter(at_own_size(look, photo.shape[0], photo.shape[1])))
        one = counts(classify_levels(levels, at_scale), truth)
        found[name] = [int(number) for number in (one.tp, one.fp, one.fn, one.tn)]
    return found


def table(found: dict[str, Any]) -> str:
    """A row a light for each kind of place, and what was measured on what."""
    head = [
        "",
        "pooled IoU",
        "to the photograph as it is",
        "mean IoU, those with cracks",
        "to the photograph as it is",
        "crack-free ones with a false alarm",
    ]
    rows: list[list[object]] = [
        [f"{place}: {name}", *views.cells(figures["of"][name], name == "as it is")]
        for place, figures in found["places"].items()
        for name in LIGHTS
    ]
    rows.append(["an all-black mask", "0.000", None, "0.000", None, "0.000"])
    places = "; ".join(
        f"{place}: {one['photographs']} photographs, {one['with_cracks']} with cracks, of {len(one['sources'])} "
        f"source{'s' * (len(one['sources']) > 1)}"
        for place, one in found["places"].items()
    )
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Of {found['model']}, {found['operating_point']}; the same for all rows. On {found['pairs']}. {places}. In "
        "brackets the 95 % confidence interval of the difference, over groups of photographs that belong together. "
        f"`{found['command']}`.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

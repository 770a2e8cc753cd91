"""What it brings to average several views of a photograph, scored against truth at the photograph's own pixels.

Run `python -m benchmarks.accuracy.views PAIRS`, where PAIRS holds images/ and masks/. Some pairs of each source that
the model has not seen are drawn by a seed. Each is marked as `crackflow predict --views` does, at the operating point
that was chosen without them, and as the mean of looks at three scales. The interval of each gain is over groups of
photographs that belong together.

Results go to docs/results/views.json, and from there to docs/how-to/predict.md. After a kill it goes on where it
stopped; another model begins anew. `--tables` writes the page alone.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy import real, unseen
from benchmarks.accuracy.kept import Kept, name_of
from crackflow.atomic import write_text
from crackflow.evaluation.comparison import Paired, paired
from crackflow.evaluation.metrics import Counts, counts, false_alarms
from crackflow.imaging.images import Pixels
from crackflow.inference.looks import Look, at_own_size, at_several_scales
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint, classify_levels, sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import look_at, model_function, side_of
from crackflow.inference.tiling import Values
from crackflow.inference.views import VIEWS, averaged, each_view
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.folder import Pair
from crackflow.sources.provenance import NameRules
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/views.json"
PAGE = real.ROOT / "docs/how-to/predict.md"
BY = "python -m benchmarks.accuracy.views"
# Photographs that are timed.
TIMED = 9
WAYS = (*(str(number) for number in VIEWS), "scales")
WORDS = {
    **{str(number): f"`--views {number}`: {words}" for number, words in VIEWS.items()},
    "scales": "`--scale several`: mean over three scales, a fifth smaller, as it is, a quarter larger",
}


def main() -> int:
    args = unseen.parsed(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    if not args.tables:
        write_text(RESULTS, json.dumps(measure(args), indent=1) + "\n")
    text = fill(PAGE.read_text(encoding="utf-8"), "views", BY, table(json.loads(RESULTS.read_text(encoding="utf-8"))))
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Look at every photograph that has no result yet, and give all figures."""
    from crackflow.runtimes.choice import choose_runtime, load
    from pipelines.commands import model_choice

    weights = model_choice.choose(real.ROOT, args.model)
    found = unseen.draw(args.pairs, model_choice.seen(weights), args.each, args.seed)
    todo = [pair for pairs in found.by_source.values() for pair in pairs]
    kept = Kept.of("benchmarks.accuracy.views", weights)
    names = {pair.stem: name_of((pair,)) for pair in todo}
    network = load(weights.model, choose_runtime(weights.model))
    network.predict_on_batch(np.zeros((1, *network.input_shape[1:]), np.float32))  # the first call compiles
    for pair in track(todo, "views", unit="photo"):
        if names[pair.stem] not in kept.rows:
            kept.add(names[pair.stem], look(pair, network, weights, weights.point()))
    photograph = NameRules.of(SplitParams()).photograph
    rows = [
        {**kept.rows[names[pair.stem]], "stem": pair.stem, "group": photograph(pair.stem) or pair.stem} for pair in todo
    ]
    return {
        "command": f"{BY} PAIRS --each {args.each}",
        "model": weights.name,
        "model_sha256": sha256(weights.model),
        "operating_point": weights.point().words(),
        "pairs": unseen.words(found, weights, args.seed),
        "machine": real.machine(),
        "seconds": seconds(todo[:: max(1, len(todo) // TIMED)][:TIMED], network, weights),
        **figures(rows),
    }


def look(pair: Pair, network: Network, weights: Weights, point: OperatingPoint) -> dict[str, Any]:
    """Mark a photograph in each way; the counts of each mask."""
    photo, truth = unseen.read(pair, weights)
    size, side, mode = (photo.shape[0], photo.shape[1]), side_of(network), weights.params.resize.mode
    function = model_function(network, flips=False)

    def means(squares: Pixels) -> Values:
        """A plane for each number of views: the mean over as many."""
        seen = np.cumsum([values[..., 0] for values in each_view(function, squares, max(VIEWS))], axis=0)
        return np.stack([seen[number - 1] / np.float32(number) for number in VIEWS], axis=-1)

    views = look_at(means, photo, side, mode)
    at_scale = OperatingPoint(point.threshold, point.smallest_area / views.scale**2, point.peak)
    levels = dict(zip(map(str, VIEWS), at_own_size(views, *size), strict=True))
    levels["scales"] = at_several_scales(function, photo, Look(views.scale, views.planes[:1]), side).planes[0]
    found = {way: counts(classify_levels(one, at_scale), truth) for way, one in levels.items()}
    return {"counts": {way: [int(n) for n in (one.tp, one.fp, one.fn, one.tn)] for way, one in found.items()}}


def seconds(pairs: Sequence[Pair], network: Network, weights: Weights) -> dict[str, float]:
    """The median time of a look by the number of views, and at several scales; they take turns."""
    function, side = model_function(network, flips=False), side_of(network)
    mode = weights.params.resize.mode
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for pair in pairs:
        photo, _ = unseen.read(pair, weights)
        for way in WAYS:
            start = time.perf_counter()
            if way == "scales":
                look_at(function, photo, side, mode, "several")
            else:
                look_at(averaged(function, int(way)), photo, side, mode)
            taken[way].append(time.perf_counter() - start)
    return {way: round(statistics.median(times), 4) for way, times in taken.items()}


def figures(rows: Sequence[dict[str, Any]], ways: Sequence[str] = WAYS) -> dict[str, Any]:
    """Figures of each way, and how far each differs from the first one.

    Args:
        rows: stem and group of each photograph, with its counts (tp, fp, fn, tn) by way.
        ways: the ways.
    """
    tables = {way: _table(rows, way) for way in ways}
    first = ways[0]
    groups = [row["group"] for row in rows]
    of = {}
    for way in ways:
        gains = {name: paired(tables[first], tables[way], name, groups) for name in ("pooled_iou", "positives_iou")}
        stacked = Counts.stack(Counts(*np.array(row["counts"][way])) for row in rows)
        alarms = false_alarms(stacked).images
        of[way] = {
            **{name: _gain(one) for name, one in gains.items()},
            "false_alarms": None if np.isnan(alarms) else round(float(alarms), 4),
        }
    cracked = sum(row["counts"][first][0] + row["counts"][first][2] > 0 for row in rows)
    return {"photographs": len(rows), "with_cracks": cracked, "groups": len(set(groups)), "of": of}


def table(found: dict[str, Any]) -> str:
    """A row a way, and what was measured on what."""
    head = [
        "",
        "pooled IoU",
        "to one view",
        "mean IoU, those with cracks",
        "to one view",
        "crack-free ones with a false alarm",
        "time, to one view",
    ]
    rows: list[list[object]] = []
    base = found["seconds"]["1"]
    for way in WAYS:
        one = found["of"][way]
        took = found["seconds"].get(way)
        rows.append([WORDS[way], *cells(one, way == "1"), None if took is None else f"{took / base:.1f}"])
    rows.append(["an all-black mask", "0.000", None, "0.000", None, "0.000", None])
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Of {found['model']}, {found['operating_point']}; the same for all rows. On {found['pairs']}; "
        f"{found['with_cracks']} have cracks. In brackets the 95 % confidence interval of the difference, over "
        f"{found['groups']} groups of photographs that belong together. Time: medians of looks at the same "
        f"photographs, in turn. `{found['command']}` on {found['machine']['cores']} cores.\n"
    )


def cells(one: dict[str, Any], first: bool) -> list[str | None]:
    """The figures of one way, as `figures` gives them, in a row; `first` for the way that has no difference."""
    found: list[str | None] = []
    for name in ("pooled_iou", "positives_iou"):
        low, high = one[name]["interval"]
        gain = f"{one[name]['gain']:+.3f} ({low:+.3f} to {high:+.3f})"
        found += [f"{one[name]['value']:.3f}", None if first else gain]
    alarms = one["false_alarms"]
    return [*found, None if alarms is None else f"{alarms:.3f}"]


def _gain(one: Paired) -> dict[str, Any]:
    interval = [round(one.low, 4), round(one.high, 4)]
    return {"value": round(one.new, 4), "gain": round(one.delta, 4), "interval": interval, "verdict": one.verdict}


def _table(rows: Sequence[dict[str, Any]], way: str) -> pd.DataFrame:
    found = [{"stem": row["stem"], **dict(zip(("tp", "fp", "fn"), row["counts"][way], strict=False))} for row in rows]
    return pd.DataFrame(found)


if __name__ == "__main__":
    sys.exit(main())

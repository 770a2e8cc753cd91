"""What it brings to look at several small photographs at once: `crackflow predict` one by one and four at once.

`python -m benchmarks.speed.batches [--rounds 15]` writes docs/results/batches.json and the table of
docs/explanation/speed.md; `--page` writes the table only. The photographs are those of the built-in sample at 512x512.
Timed is all that predict does with a photograph, but for writing its files to the disk: reading, the network,
measuring, painting, packing. A round marks eight photographs both ways, one way right after the other, and the way to
begin changes from round to round. Other work on the machine slows both alike, so trust the ratio, which is the median
over the rounds, more than the photographs per second. Probabilities and masks of both ways are compared bit for bit.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.real import ROOT, machine
from crackflow.atomic import write_text
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/batches.json"
PAGE = ROOT / "docs/explanation/speed.md"
BY = "`python -m benchmarks.speed.batches`"
SIDE = 512
OF_A_ROUND = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="times that each is timed (default: 15)")
    parser.add_argument("--page", action="store_true", help="write the table only")
    args = parser.parse_args()
    if not args.page:
        write_text(RESULTS, json.dumps(measure(args.rounds), indent=1) + "\n")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    write_text(PAGE, fill(PAGE.read_text(encoding="utf-8"), "batches", BY, table(found)))
    return 0


def measure(rounds: int) -> dict[str, Any]:
    """Time both ways on predict's default runtime."""
    from crackflow.imaging.images import write_png
    from crackflow.inference import packaged_weights
    from crackflow.inference.photographs import Photograph
    from crackflow.runtimes.choice import choose_runtime, load
    from pipelines.commands import export_model

    weights = packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    runtime = choose_runtime(weights.model)
    with tempfile.TemporaryDirectory() as name:
        photos = []
        for number, picture in enumerate(export_model.sample_pictures(SIDE)):
            path = Path(name) / f"{number}.png"
            write_png(path, picture)
            photos.append(Photograph(path, path.stem, path.name))
        found = both(load(weights.model, runtime), weights.point(), photos, rounds)
    return {
        "command": f"python -m benchmarks.speed.batches --rounds {rounds}",
        "machine": machine(),
        "model": weights.name,
        "runtime": runtime,
        "rounds": rounds,
        **found,
    }


def both(network: Any, point: Any, photos: list[Any], rounds: int) -> dict[str, Any]:
    """Mark photographs both ways in turn, after a round to warm up."""
    import numpy as np

    from pipelines.commands.marking import AT_ONCE

    seconds: dict[int, list[float]] = {1: [], AT_ONCE: []}
    seen: dict[int, dict[str, Any]] = {1: {}, AT_ONCE: {}}
    for number in range(rounds + 1):
        some = [photos[(number * OF_A_ROUND + one) % len(photos)] for one in range(OF_A_ROUND)]
        for at_once in sorted(seconds, reverse=bool(number % 2)):
            start = time.perf_counter()
            seen[at_once] |= marked(network, point, some, at_once)
            if number:
                seconds[at_once].append(time.perf_counter() - start)
    alone, together = seen[1], seen[AT_ONCE]
    return {
        "photographs": len(alone),
        "photos_per_s": round(OF_A_ROUND / statistics.median(seconds[1]), 2),
        "photos_per_s_at_once": round(OF_A_ROUND / statistics.median(seconds[AT_ONCE]), 2),
        "ratios": [round(a / b, 3) for a, b in zip(seconds[1], seconds[AT_ONCE], strict=True)],
        "mask_pixels": sum(int(np.count_nonzero(classes)) for _, classes in alone.values()),
        "changed_pixels": sum(int(np.count_nonzero(alone[one][1] != together[one][1])) for one in alone),
        "changed_probabilities": sum(int(np.count_nonzero(alone[one][0] != together[one][0])) for one in alone),
    }


def marked(network: Any, point: Any, photos: list[Any], at_once: int) -> dict[str, Any]:
    """Do all that predict does with photographs but write to the disk; the probabilities and classes of each."""
    from crackflow.geometry.cracks import GeometryOptions
    from crackflow.geometry.cracks import measure as measured
    from crackflow.results.record import record
    from pipelines.commands.marking import How, Marker
    from pipelines.commands.predict import most_of
    from pipelines.commands.prediction_outputs import chosen
    from pipelines.memory import MAX_MEMORY

    kinds, found = chosen(None), {}

    def keep(one: Any) -> None:
        cracks = measured(one.classes, one.grey(), one.probability, GeometryOptions())
        known = record("0" * 64, one.source.shown, one.source.name, one.classes, cracks, None)
        for kind in kinds.values():
            list(kind.add(one, known))
        found[one.source.name] = one.probability, one.classes

    def fail(source: Any, reason: str) -> None:
        raise RuntimeError(f"{source.shown}: {reason}")

    with Marker(network, How(point, "stretch", "auto", 1), most_of(MAX_MEMORY, "auto"), keep, fail, at_once) as marker:
        for photo in photos:
            marker.take(photo)
        marker.rest()
    return found


def table(found: dict[str, Any]) -> str:
    """One row, and how it was measured."""
    head = ["512x512, all of predict", "photographs/s, one by one", "four at once", "ratio", "mask pixels that change"]
    ratios = sorted(found["ratios"])
    spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    changed = f"{found['changed_pixels']:,} of {found['mask_pixels']:,}"
    speeds = [f"{found[name]:.1f}" for name in ("photos_per_s", "photos_per_s_at_once")]
    return (
        f"{markdown(head, [[found['runtime'], *speeds, spread, changed]], '---:')}\n"
        f"Of {found['model']} on {found['machine']['cores']} cores, medians of {found['rounds']} rounds of "
        f"{OF_A_ROUND} photographs, in turn; in brackets the smallest and the largest ratio of a round. "
        f"{found['changed_probabilities']:,} probabilities differ on {found['photographs']} photographs.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

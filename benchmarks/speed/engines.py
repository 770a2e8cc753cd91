"""What handing out work costs: each engine beside a bare pool of processes, in turn, in one run.

`python -m benchmarks.speed.engines [--items 10000]`. The work is that of stage resize on made pairs of 448x448 px,
without what it keeps. Each engine has two workers; starting them counts. Medians of three turns. Writes
docs/results/engines.json and the table in docs/explanation/scale.md.
"""

import argparse
import contextlib
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.accuracy.real import ROOT, machine
from crackflow.atomic import write_text
from crackflow.imaging import images, masks, perceptual_hash, resize
from crackflow.parallel.dask_workers import workers_here
from crackflow.parallel.engine import Engine, fan_out
from crackflow.parallel.processes import Processes
from crackflow.parallel.threads import Threads
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/engines.json"
PAGE = ROOT / "docs/explanation/scale.md"
WORKERS, TURNS, SIDE = 2, 3, 448
COLOURS = ((0, 0, 0), (255, 255, 255))
BARE = "a bare process pool"
GOALS = {"processes": 1.05, "dask": 1.15}


@dataclass(frozen=True)
class Work:
    """Read a pair, resize it, and give its hash and its share of crack: nothing is kept."""

    folder: Path

    def __call__(self, number: int) -> tuple[str, int]:
        """Work on one of sixteen files."""
        name = f"{number % 16}.png"
        image, mask = masks.read_pair(self.folder / "images" / name, self.folder / "masks" / name, COLOURS)
        small = resize.resize_image(image, 256, "stretch")
        resized = resize.resize_mask(mask.classes, 256, 2, "stretch")
        return perceptual_hash.perceptual_hash(small), cv2.countNonZero(resized)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000, help="how often (default: 10000)")
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/engines.json")
    args = parser.parse_args()
    if not args.tables:
        write_text(RESULTS, json.dumps(measure(args.items), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure(items: int) -> dict[str, Any]:
    """Let each engine work in turn; their seconds, and the ratios to the bare pool turn by turn."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Work(Path(folder))
        make(work.folder)
        first: list[tuple[str, int]] = []
        for turn in range(TURNS):
            for name, run in ENGINES.items():
                started = time.monotonic()
                found = run(work, range(items))
                seconds.setdefault(name, []).append(time.monotonic() - started)
                print(f"turn {turn + 1} of {TURNS}: {name} {seconds[name][-1]:.1f} s", flush=True)
                first = first or found
                if found != first:
                    raise AssertionError(f"{name} gave other results than {BARE}")
    ratios = {
        name: [one / bare for one, bare in zip(values, seconds[BARE], strict=True)] for name, values in seconds.items()
    }
    return {
        "command": f"python -m benchmarks.speed.engines --items {items}",
        "machine": machine(),
        "items": items,
        "workers": WORKERS,
        "turns": TURNS,
        "seconds": {name: round(statistics.median(values), 2) for name, values in seconds.items()},
        "to_bare": {name: [round(one, 3) for one in values] for name, values in ratios.items()},
    }


def make(folder: Path) -> None:
    """Write sixteen pairs of a noisy surface with a line."""
    for number in range(16):
        random = np.random.default_rng(number)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.polylines(mask, [random.integers(0, SIDE, (4, 2)).astype(np.int32)], False, 255, 5)
        grey = cv2.GaussianBlur(random.integers(0, 256, (SIDE, SIDE)).astype(np.uint8), (0, 0), 2)
        grey[mask > 0] //= 3
        images.write_png(folder / "images" / f"{number}.png", np.repeat(grey[..., None], 3, axis=2))
        images.write_png(folder / "masks" / f"{number}.png", mask)


def bare(work: Work, items: Sequence[int]) -> list[tuple[str, int]]:
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        return list(pool.map(work, items, chunksize=Processes.shard_size))


def by(engine: Callable[[], contextlib.AbstractContextManager[Engine]]) -> Callable[[Work, Sequence[int]], Any]:
    def run(work: Work, items: Sequence[int]) -> list[tuple[str, int]]:
        with engine() as found:
            return list(fan_out(found, work, items))

    return run


@contextlib.contextmanager
def plain(engine: Engine) -> Iterator[Engine]:
    yield engine


ENGINES = {
    BARE: bare,
    "threads": by(lambda: plain(Threads(WORKERS))),
    "processes": by(lambda: plain(Processes(WORKERS))),
    "dask": by(lambda: workers_here(WORKERS)),
}


def page(text: str) -> str:
    """The page with the table of docs/results/engines.json."""
    return fill(text, "engines", "benchmarks.speed.engines", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(found: dict[str, Any]) -> str:
    """A row an engine, and whether the goals are met."""
    rows = []
    for name, seconds in found["seconds"].items():
        ratios = found["to_bare"][name]
        goal = GOALS.get(name)
        met = "" if goal is None else f"at most {goal:.2f}: {'met' if statistics.median(ratios) <= goal else 'missed'}"
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        rows.append([name, f"{seconds:.1f}", spread, met])
    return (
        f"{markdown(['engine', 'seconds', f'to {BARE}', 'goal'], rows, '---:')}\n"
        f"{found['items']:,} pairs on {found['workers']} workers of {found['machine']['cores']} cores; medians of "
        f"{found['turns']} turns, each engine once a turn, in brackets the smallest and the largest ratio.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

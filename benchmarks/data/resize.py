"""Measure stage resize: `python -m benchmarks.data.resize DATA [--pairs N] [--only PART...]`, on Linux.

DATA holds images/ and masks/ of the same stems. Writes docs/results/resize.json and the tables of
docs/explanation/resize.md from it; parts that are not measured keep their figures. Times are medians of rounds in which
the rivals take turns, so that what else the machine does hits them alike: read the ratios.
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.data import resize_lines
from benchmarks.data.resize_tables import filled
from crackflow.imaging import masks
from crackflow.imaging.images import read_image
from crackflow.imaging.masks import read_mask
from crackflow.imaging.resize import resize_image
from crackflow.parallel.machine import peak_mib
from crackflow.params import Params
from tasks import resize
from tasks.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results/resize.json"
PAGE = ROOT / "docs/explanation/resize.md"
ROUNDS = 5
SIZE = resize_lines.SIZE
Pair = tuple[Path, Path]
FILTERS = {
    "none": cv2.IMWRITE_PNG_FILTER_NONE,
    "sub": cv2.IMWRITE_PNG_FILTER_SUB,
    "up": cv2.IMWRITE_PNG_FILTER_UP,
    "average": cv2.IMWRITE_PNG_FILTER_AVG,
    "Paeth": cv2.IMWRITE_PNG_FILTER_PAETH,
    "all, the best by row": cv2.IMWRITE_PNG_ALL_FILTERS,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with images/ and masks/")
    parser.add_argument("--pairs", type=int, default=200, help="how many of them to take")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables of the last figures")
    args = parser.parse_args()
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if not args.tables:
        cv2.setNumThreads(1)
        pairs = pairs_in(args.data, args.pairs)
        for name in args.only:
            print(f"measuring {name}", file=sys.stderr)
            found[name] = rounded(PARTS[name](pairs))
            print(json.dumps(found[name], indent=1))
            RESULTS.parent.mkdir(parents=True, exist_ok=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(text, found), encoding="utf-8", newline="\n")
    return 0


def rounded(value: Any) -> Any:
    """The same with four digits, enough to compare and short to read."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def pairs_in(data: Path, number: int) -> list[Pair]:
    """Pairs drawn at random, the same ones each time."""
    by_stem = {path.stem: path for path in sorted((data / "masks").iterdir())}
    pairs = [(path, by_stem[path.stem]) for path in sorted((data / "images").iterdir()) if path.stem in by_stem]
    if not pairs:
        raise SystemExit(f"error: no pairs in {data}; expected images/ and masks/ with files of the same stems")
    return random.Random(0).sample(pairs, min(number, len(pairs)))  # noqa: S311 - no secret


def lines(pairs: list[Pair]) -> dict[str, Any]:
    """Thin lines in masks; the real ones are those of cracktree200, whose labels are one or two pixels wide."""
    real = [path for path in sorted(pairs[0][1].parent.iterdir()) if path.name.startswith("cracktree200")]
    return resize_lines.compare_masks([read_mask(path, ((0, 0, 0), (255, 255, 255))).classes for path in real])


def images(_: list[Pair]) -> dict[str, Any]:
    """Dark lines in photographs."""
    return resize_lines.compare_images()


def png(pairs: list[Pair]) -> list[dict[str, Any]]:
    """Size and time of PNG settings, on resized photographs."""
    pictures = [
        cv2.cvtColor(resize_image(read_image(image), SIZE), cv2.COLOR_RGB2BGR)
        for image, _ in pairs[: min(40, len(pairs))]
    ]
    settings = [(level, name) for level in (1, 2, 3, 6, 9) for name in (FILTERS if level == 1 else ["up", "average"])]
    sizes: dict[tuple[int, str], float] = {}
    times: dict[tuple[int, str], tuple[list[float], list[float]]] = {one: ([], []) for one in settings}
    for picture in pictures:
        for level, name in settings:
            options = [cv2.IMWRITE_PNG_COMPRESSION, level, cv2.IMWRITE_PNG_FILTER, FILTERS[name]]
            started = time.perf_counter()
            data_of = cv2.imencode(".png", picture, options)[1]
            written = time.perf_counter()
            cv2.imdecode(data_of, cv2.IMREAD_COLOR)
            times[level, name][0].append(written - started)
            times[level, name][1].append(time.perf_counter() - written)
            sizes[level, name] = sizes.get((level, name), 0) + len(data_of) / len(pictures)
    return [
        {
            "level": level,
            "filter": name,
            "kB": sizes[level, name] / 1000,
            "write_ms": statistics.median(times[level, name][0]) * 1000,
            "read_ms": statistics.median(times[level, name][1]) * 1000,
        }
        for level, name in settings
    ]


def speed(pairs: list[Pair]) -> dict[str, Any]:
    """The stage on one core and on two, and a bare pool of decode, resize, encode on the same files."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("error: one core; two are needed to compare with one")
    took: dict[str, list[float]] = {"stage, 1 core": [], "stage, 2 cores": [], "bare pool, 2 cores": []}
    with tempfile.TemporaryDirectory() as folder:
        workspace = laid_out(Path(folder) / "stage", pairs)
        bare(pairs[:20], Path(folder) / "bare", 2)
        for _ in range(ROUNDS):
            for name, number, work in (
                ("stage, 1 core", 1, lambda: stage(workspace)),
                ("stage, 2 cores", 2, lambda: stage(workspace)),
                ("bare pool, 2 cores", 2, lambda: bare(pairs, Path(folder) / "bare", 2)),
            ):
                shutil.rmtree(workspace.root / ".crackflow", ignore_errors=True)
                with on_cores(cores[:number]):
                    took[name].append(timed(work))
    seconds = {name: statistics.median(values) for name, values in took.items()}
    return {
        "pairs": len(pairs),
        "rounds": ROUNDS,
        "s": seconds,
        "one_over_two": statistics.median(a / b for a, b in zip(*list(took.values())[:2], strict=True)),
        "stage_over_bare": statistics.median(a / b for a, b in zip(*list(took.values())[1:], strict=True)),
        "pairs_per_s": len(pairs) / seconds["stage, 2 cores"],
    }


def incremental(pairs: list[Pair]) -> dict[str, Any]:
    """What the stage decodes again, and how long it takes, as pairs are added and changed."""
    few = max(1, len(pairs) // 100)
    found: dict[str, Any] = {"pairs": len(pairs) - few, "more": few}
    decoded: list[Path] = []
    read_pair = masks.read_pair

    def counted(image_path: Path, *more: Any) -> Any:
        decoded.append(image_path)
        return read_pair(image_path, *more)

    with tempfile.TemporaryDirectory() as folder:
        workspace = laid_out(Path(folder), pairs[few:])
        masks.read_pair = counted
        try:
            for step in ("first", "again", "added", "changed"):
                if step == "added":
                    laid_out(Path(folder), pairs)
                if step == "changed":
                    target = workspace.raw / "images" / pairs[0][0].name
                    changed = target.read_bytes() + b"\0comment"
                    target.unlink()
                    target.write_bytes(changed)
                decoded.clear()
                found[step] = {"s": timed(lambda: stage(workspace)), "decoded": len(decoded)}
        finally:
            masks.read_pair = read_pair
    return found


def memory(pairs: list[Pair]) -> dict[str, Any]:
    """Peak memory of the stage by number of pairs: a few files under many names, small pictures to save time."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in (1_000, 11_000):
            workspace = laid_out(Path(folder) / str(number), [pairs[i % len(pairs)] for i in range(number)])
            command = [sys.executable, "-c", f"from benchmarks.data.resize import peak; peak({str(workspace.root)!r})"]
            out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
            found[str(number)] = json.loads(out.splitlines()[-1])
            shutil.rmtree(workspace.root)
    return found


def peak(root: str) -> None:
    """Run the stage and print its largest memory and its time."""
    took = timed(lambda: stage(Workspace(Path(root)), size=64))
    print(json.dumps({"MiB": peak_mib(), "s": took}))


PARTS: dict[str, Callable[..., Any]] = {
    "lines": lines,
    "images": images,
    "png": png,
    "speed": speed,
    "incremental": incremental,
    "memory": memory,
}


def laid_out(root: Path, pairs: list[Pair]) -> Workspace:
    """data/raw as stage download leaves it, the files linked under names of their own."""
    workspace = Workspace(root)
    rows = ["stem,image,mask,given,set"]
    seen: set[str] = set()
    for kind in ("images", "masks"):
        (workspace.raw / kind).mkdir(parents=True, exist_ok=True)
    for number, pair in enumerate(pairs):
        stem = pair[0].stem if pair[0].stem not in seen else f"{pair[0].stem}_{number}"
        seen.add(stem)
        for kind, path in zip(("images", "masks"), pair, strict=True):
            target = workspace.raw / kind / (stem + path.suffix)
            if not target.exists():
                target.symlink_to(path.resolve())
        rows.append(f"{stem},{stem}{pair[0].suffix},{stem}{pair[1].suffix},,")
    (workspace.raw / "pairs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    workspace.raw_json.write_text(json.dumps({"rejected": []}), encoding="utf-8")
    return workspace


def stage(workspace: Workspace, size: int = SIZE) -> None:
    values = {"resize": {"size": size}, "train": {"crop": size}, "data": {"max_rejected": 1.0}}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        resize.run(workspace, Params.model_validate(values))


def bare(pairs: list[Pair], folder: Path, threads: int) -> None:
    """Decode, resize, encode, write: nothing else, with the interpolation and PNG settings of the stage."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)

    def one(pair: Pair) -> None:
        for kind, path, flags in zip(("images", "masks"), pair, (cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE), strict=True):
            pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
            shrinks = max(pixels.shape[:2]) > SIZE
            growing = cv2.INTER_CUBIC if kind == "images" else cv2.INTER_AREA
            small = cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA if shrinks else growing)
            if kind == "masks":
                small = np.where(small > 127, np.uint8(255), np.uint8(0))
            options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
            (folder / kind / f"{path.stem}.png").write_bytes(cv2.imencode(".png", small, options)[1].tobytes())

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, pairs))


def timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextlib.contextmanager
def on_cores(cores: list[int]) -> Iterator[None]:
    """Keep this thread, and those that it starts, on some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


if __name__ == "__main__":
    sys.exit(main())

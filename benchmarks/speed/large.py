"""Time and memory of `crackflow predict` on one large photograph: as many megapixels as asked, a process for each.

`python -m benchmarks.speed.large [--megapixels 24 100] [--tiff 200]` writes docs/results/large.json and the table of
docs/explanation/speed.md; `--page` writes the table only. The photographs are made by code: grain, and dark lines that
the network takes for cracks. Those of --tiff are stored in tiles without compression, and read in windows, which takes
the extra `geo`. Sizes that are not asked for keep their rows, where the model is the same. Memory is the peak above
what the process held after a small photograph, which loads and compiles all that there is to load.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import tifffile

from benchmarks.accuracy.real import ROOT, machine
from crackflow.atomic import write_text
from crackflow.parallel.machine import peak_mib
from pipelines import memory
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/large.json"
PAGE = ROOT / "docs/explanation/speed.md"
BY = "`python -m benchmarks.speed.large`"
MEGAPIXELS = (24.0, 100.0)
OF_TIFF = (200.0,)
# GiB: nothing is skipped
ENOUGH = 1000.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=MEGAPIXELS, help="sizes (default: 24 100)")
    parser.add_argument("--tiff", type=float, nargs="*", default=OF_TIFF, help="of TIFF files (default: 200)")
    parser.add_argument("--model", default="packaged", help="as for crackflow predict (default: packaged)")
    parser.add_argument("--page", action="store_true", help="write the table only")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        print(json.dumps(part(args.child, args.model)))
        return 0
    if not args.page:
        measured = with_earlier(measure(args.megapixels, args.tiff, args.model), json.loads(RESULTS.read_text("utf-8")))
        write_text(RESULTS, json.dumps(measured, indent=1) + "\n")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    write_text(PAGE, fill(PAGE.read_text(encoding="utf-8"), "large", BY, table(found)))
    return 0


def measure(sizes: list[float], of_tiff: list[float], model: str) -> dict[str, Any]:
    """Mark a made photograph of each size in a process of its own."""
    rows: list[dict[str, Any]] = []
    for size, kind in [*((size, "JPEG") for size in sizes), *((size, "TIFF in windows") for size in of_tiff)]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            photo = made(size)
            if kind == "JPEG":
                cv2.imwrite(str(folder / "large.jpg"), photo)
            else:
                tifffile.imwrite(folder / "large.tif", photo[..., ::-1], tile=(512, 512), photometric="rgb")
            cv2.imwrite(str(folder / "small.jpg"), photo[:600, :600])
            pixels = photo.shape[0] * photo.shape[1]
            shape = f"{photo.shape[1]}x{photo.shape[0]}"
            del photo
            command = [sys.executable, "-m", "benchmarks.speed.large", "--child", name, "--model", model]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
        rows.append({"px": shape, "kind": kind, **found, "bytes_a_pixel": round(found["more_mib"] * 2**20 / pixels, 1)})
    return {
        "command": "python -m benchmarks.speed.large",
        "machine": machine(),
        "model": rows[0]["model"],
        "photographs": rows,
    }


def with_earlier(found: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """The results with the earlier rows of the same model whose size and kind were not measured anew."""
    rows = {(row["kind"], row["px"]): row for row in earlier["photographs"] if row["model"] == found["model"]}
    rows |= {(row["kind"], row["px"]): row for row in found["photographs"]}
    return {**found, "photographs": sorted(rows.values(), key=lambda row: _pixels(row["px"]))}


def made(megapixels: float) -> Any:
    """A photograph, 4:3, uint8 BGR (H, W, 3): grain at levels around 150, and 2.5 dark lines a megapixel."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    rng = np.random.default_rng(0)
    grain = np.clip(rng.normal(150, 12, (1024, 1024, 3)), 0, 255).astype(np.uint8)
    photo = np.tile(grain, (height // 1024 + 1, width // 1024 + 1, 1))[:height, :width].copy()
    for _ in range(max(1, round(2.5 * megapixels))):
        way = np.cumsum(rng.normal(0, 25, (60, 2)), axis=0) + rng.uniform(0, 1, 2) * (width, height)
        cv2.polylines(photo, [np.rint(way).astype(np.int32)], False, (20, 20, 20), int(rng.integers(2, 10)))
    return photo


def part(folder: Path, model: str) -> dict[str, Any]:
    """Mark the small photograph, then the large one; what the large one took on top."""
    from crackflow.inference import inputs
    from pipelines.commands import model_choice, predict

    weights = model_choice.choose(ROOT, model)
    predict.predict(weights, inputs.find([str(folder / "small.jpg")]), folder / "one")
    held = round(psutil.Process().memory_info().rss / 2**20)
    start = time.perf_counter()
    (large,) = folder.glob("large.*")
    allowed = in_windows(large) if large.suffix == ".tif" else ENOUGH
    predict.predict(weights, inputs.find([str(large)]), folder / "two", max_memory=allowed)
    seconds = time.perf_counter() - start
    rows = json.loads((folder / "two/results.json").read_text(encoding="utf-8"))["photographs"]
    return {
        "model": weights.name,
        "cracks": rows[0]["cracks"] if isinstance(rows[0]["cracks"], int) else len(rows[0]["cracks"]),
        "seconds": round(seconds, 1),
        "held_mib": held,
        "more_mib": (peak_mib() or 0) - held,
    }


def in_windows(path: Path) -> float:
    """The GiB that are enough for a TIFF read in windows, and too few for one that lies in memory."""
    with tifffile.TiffFile(path) as file:
        pixels = file.pages.first.imagewidth * file.pages.first.imagelength
    space = memory.BYTES_A_PIXEL_ON_DISK * pixels + memory.MORE_ON_DISK * min(pixels, memory.STRIP)
    return float(space / 2**30 * 1.001)


def table(found: dict[str, Any]) -> str:
    """A row a photograph."""
    rows = [
        [
            f"{one['px']}, {one['kind']}",
            _megapixels(one["px"]),
            one["cracks"],
            f"{one['seconds']:.0f}",
            one["more_mib"],
            one["bytes_a_pixel"],
        ]
        for one in found["photographs"]
    ]
    head = ["one photograph, px", "megapixels", "cracks found", "seconds", "peak MiB on top", "bytes a pixel"]
    held = max(one["held_mib"] for one in found["photographs"])
    return (
        f"{markdown(head, rows, '---:')}\nOf {found['model']} on {found['machine']['cores']} cores, everything written "
        f"and the model loaded; on top of the {held:,} MiB that the process held after a small photograph.\n"
    )


def _megapixels(size: str) -> str:
    return f"{_pixels(size) / 1e6:.0f}"


def _pixels(size: str) -> int:
    width, height = map(int, size.split("x"))
    return width * height


if __name__ == "__main__":
    sys.exit(main())

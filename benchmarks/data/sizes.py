"""How time and memory grow from 1,000 to 100,000 pairs: the work of the stages, not of decoding large photographs.

`python -m benchmarks.data.sizes [--pairs 1000 --pairs 10000 --pairs 100000] [--photographs 300 --photographs 1000]`.
Pairs of 64 px are made, one in twenty a copy of another. Stages resize, split, statistics and evaluate (a network of a
few weights that was not trained) run one by one; then `dvc repro` with nothing to do; then `crackflow predict` with the
packaged weights on photographs of 64 px. Time is that of the processor (user and system), so other work on the machine
hardly changes it.

docs/results/sizes.json has the figures, docs/explanation/scale.md the table. What is made lies in .crackflow/sizes, and
is deleted. After a kill, sizes that have a result are not measured again; `--again` measures all.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.accuracy import real
from crackflow.atomic import write_text
from crackflow.models import seen_pairs
from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads
from crackflow.params import Params, render
from crackflow.progress import track
from scripts.tables import fill, markdown
from tasks.workspace import Workspace

RESULTS = real.ROOT / "docs/results/sizes.json"
PAGE = real.ROOT / "docs/explanation/scale.md"
MADE = real.ROOT / ".crackflow/sizes"
SIDE, COPIES = 64, 0.05
PAIRS, PHOTOGRAPHS = (1000, 10_000, 100_000), (300, 1000, 3000)
STAGES = ("resize", "split", "statistics", "evaluate")
NOTHING = "dvc repro, nothing to do"
PREDICT = "predict"
PARAMS = Params.model_validate(
    {
        "resize": {"size": SIDE},
        "train": {"crop": SIDE},
        "model": {"architecture": "flexunet", "base_filters": 4, "num_layers": 2, "decoder_convs": 1},
        "evaluate": {"batch_size": 64, "compare_flips": False},
    }
)
Measured = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, action="append", help=f"a number of pairs (default: {PAIRS})")
    parser.add_argument("--photographs", type=int, action="append", help=f"of predict (default: {PHOTOGRAPHS})")
    parser.add_argument("--again", action="store_true", help="measure all again")
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/sizes.json")
    args = parser.parse_args()
    if not args.tables:
        found = {} if args.again or not RESULTS.exists() else json.loads(RESULTS.read_text(encoding="utf-8"))
        found |= {"command": "python -m benchmarks.data.sizes", "machine": real.machine(), "side": SIDE}
        keep(found, "pairs", args.pairs or PAIRS, of_pairs)
        keep(found, "photographs", args.photographs or PHOTOGRAPHS, of_photographs)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def keep(found: dict[str, Any], name: str, sizes: Sequence[int], measure: Callable[[int], dict[str, Measured]]) -> None:
    """Measure the sizes that have no result yet, and write the file after each."""
    for size in sizes:
        if str(size) not in found.setdefault(name, {}):
            found[name][str(size)] = measure(size)
            write_text(RESULTS, json.dumps(found, indent=1) + "\n")


def of_pairs(size: int) -> dict[str, Measured]:
    """Make so many pairs, and measure each stage and a `dvc repro` with nothing to do."""
    root = MADE / f"pairs-{size}"
    shutil.rmtree(root, ignore_errors=True)
    workspace = Workspace(root)
    make_pairs(workspace, size)
    for name in ("crackflow", "tasks"):
        (root / name).symlink_to(real.ROOT / name)
    write_text(root / "params.yaml", render(PARAMS))
    graph = yaml.safe_load((real.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    write_text(root / "dvc.yaml", yaml.safe_dump({"stages": {name: graph[name] for name in STAGES[:3]}}))
    write_text(root / PARAMS.split.previous, "stem,subset\n")
    found = {}
    for stage in STAGES[:3]:
        found[stage] = spent(root, "-m", "tasks", stage)
    untrained(workspace)
    found["evaluate"] = spent(root, "-m", "tasks", "evaluate")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=root, check=True)
    spent(root, "-m", "dvc", "repro", "-q", "statistics")
    found[NOTHING] = spent(root, "-m", "dvc", "repro", "-q", "statistics")
    shutil.rmtree(root)
    return found


def of_photographs(size: int) -> dict[str, Measured]:
    """Make so many photographs, and measure predict."""
    root = MADE / f"photographs-{size}"
    shutil.rmtree(root, ignore_errors=True)
    for number in track(range(size), "make photographs", size):
        image, _ = picture(number)
        path = root / "photographs" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    found = {PREDICT: spent(root, "-m", "pipelines", "predict", "photographs", "--model", "packaged", "--out", "out")}
    shutil.rmtree(root)
    return found


def make_pairs(workspace: Workspace, size: int) -> None:
    """Write data/raw as stage download does: one in twenty pairs is a copy of the one before."""
    for kind in ("images", "masks"):
        (workspace.raw / kind).mkdir(parents=True)
    every = round(1 / COPIES)

    def make_one(number: int) -> str:
        image, mask = picture(number - (number % every == 1))
        for kind, pixels in (("images", image), ("masks", mask)):
            cv2.imwrite(str(workspace.raw / kind / f"made_{number:07d}.png"), pixels)
        return f"made_{number:07d},made_{number:07d}.png,made_{number:07d}.png,,"

    rows = list(track(fan_out(Threads(), make_one, range(size)), "make pairs", size))
    write_text(workspace.raw / "pairs.csv", "\n".join(["stem,image,mask,given,set", *rows]) + "\n")
    write_text(workspace.raw_json, json.dumps({"rejected": []}))


def picture(number: int) -> tuple[Any, Any]:
    """A smooth random surface with a dark line on it, and the line's mask; each fourth has none."""
    random = np.random.default_rng(number)
    coarse = random.integers(90, 200, (8, 8)).astype(np.uint8)
    grey = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    if number % 4:
        points = random.integers(4, SIDE - 4, (3, 2)).astype(np.int32)
        cv2.polylines(mask, [points], False, 255, 3)
    grey[mask > 0] //= 3
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), mask


def untrained(workspace: Workspace) -> None:
    """Write a network that was not trained, and the list of what it has seen: nothing."""
    code = (
        "import keras\n"
        "from crackflow.models.registry import build\n"
        "from crackflow.params import parse\nimport yaml, sys\n"
        "params = parse(yaml.safe_load(open('params.yaml')))\n"
        "build(params.model, params.resize.size, len(params.classes), seed=0).save('models/flexunet.keras')\n"
    )
    workspace.model.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-c", code], cwd=workspace.root, env=environment(), check=True)
    write_text(workspace.trained_on, seen_pairs.render([]))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(real.ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def spent(root: Path, *words: str) -> Measured:
    """Run Python; the seconds of the processor that it and its children took, and its peak memory."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, *words], cwd=root, env=environment(), stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {' '.join(words)} ended with exit code {process.returncode} in {root}")
    return {
        "processor_s": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_s": round(time.monotonic() - started, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
    }


def page(text: str) -> str:
    """The page with the table of docs/results/sizes.json."""
    return fill(text, "sizes", "benchmarks.data.sizes", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(found: Mapping[str, Any]) -> str:
    """A row a stage: seconds and memory by size, and the exponent of each."""
    parts = []
    for unit in ("pairs", "photographs"):
        sizes = sorted(found.get(unit, {}), key=int)
        if not sizes:
            continue
        head = [unit, *(f"{int(size):,}: s, MiB" for size in sizes), "exponent"]
        rows = []
        for name in found[unit][sizes[0]]:
            ran = [found[unit][size][name] for size in sizes]
            cells = [f"{one['processor_s']:.1f}, {one['peak_mib']}" for one in ran]
            seconds = [one["processor_s"] for one in ran]
            power = f"{exponent([int(size) for size in sizes], seconds):.2f}" if len(sizes) > 1 else ""
            rows.append([name, *cells, power])
        parts.append(markdown(head, rows, "---:"))
    return (
        "\n".join(parts)
        + f"\nPairs and photographs of {found['side']} px on {found['machine']['cores']} cores; seconds are of the "
        "processor, memory is the largest process's. The exponent is of the two largest sizes: 1 is in proportion.\n"
    )


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The power b in seconds = a * size^b, by the two largest sizes: starting counts least there."""
    return float(np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2]))


if __name__ == "__main__":
    sys.exit(main())

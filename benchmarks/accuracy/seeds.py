"""How often two trainings that differ by their seed alone are told apart: each such verdict is false.

`python -m benchmarks.accuracy.seeds` trains a small network on a small made sample, once a seed, and lets
`crackflow compare` judge neighbouring seeds. It writes docs/results/seeds.json and the table in
docs/explanation/figures.md after each training. A training that is there is not done again; `--table` trains nothing.
It takes half an hour on two quiet cores: `nice -n 19` leaves them to others.
"""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.real import ROOT
from crackflow.atomic import write_text
from crackflow.params import parse, render
from crackflow.params.text import read_yaml
from crackflow.progress import track
from scripts.tables import fill, markdown
from tasks.code_closure import fingerprint
from tasks.workspace import Workspace

RESULTS = ROOT / "docs/results/seeds.json"
PAGE = ROOT / "docs/explanation/figures.md"
COMMAND = "python -m benchmarks.accuracy.seeds"
STATE = ROOT / ".crackflow/benchmarks/seeds"
SEEDS = 21
METRIC = "pooled_iou"
# A small sample with most of it in test, and a training that is just long enough for a model that finds cracks.
SETTINGS: dict[str, dict[str, Any]] = {
    "data": {"sample": {"images": 240, "size": 128}},
    "resize": {"size": 128},
    "split": {"shares": {"train": 0.3, "valid": 0.1, "test": 0.6}},
    "model": {"base_filters": 8, "num_layers": 4},
    "train": {
        "epochs": 2,
        "steps_per_epoch": 60,
        "warmup_steps": 10,
        "crop": 64,
        "valid_images": 12,
        "num_infer_images": 0,
    },
    "evaluate": {"compare_flips": False, "batch_size": 16},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"trainings (default: {SEEDS})")
    parser.add_argument("--table", action="store_true", help="write the table from docs/results/seeds.json alone")
    args = parser.parse_args()
    if not args.table:
        run(args.seeds)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def run(seeds: int) -> None:
    """Train what is not there yet, and write what is known after each training."""
    from crackflow.keras_import import import_keras

    import_keras()
    place = STATE / _key()
    base = prepared(place)
    trained: list[Path] = []
    for seed in track(range(seeds), "seeds", unit="training"):
        trained.append(training(base, place / f"seed{seed}", seed))
        if len(trained) > 1:
            write_text(RESULTS, json.dumps(judged(trained), indent=1) + "\n")


def prepared(place: Path) -> Path:
    """Make the sample, resized and split; what is there is taken."""
    from tasks import download, resize, split

    base = place / "base"
    workspace = Workspace(base)
    if not workspace.split_csv.is_file():
        shutil.rmtree(base, ignore_errors=True)
        write_text(base / "params.yaml", render(parse(_over(read_yaml(ROOT / "params.yaml"), SETTINGS))))
        write_text(base / "data/previous.csv", "stem,subset\n")
        params = workspace.params()
        for stage in (download, resize, split):
            stage.run(workspace, params)
    return base


def training(base: Path, folder: Path, seed: int) -> Path:
    """Train and evaluate with a seed, in a folder of its own; what is there is taken."""
    import keras

    from tasks import evaluate, train

    workspace = Workspace(folder)
    if not workspace.metrics_json.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder, copy_function=os.link)
        values = _over(read_yaml(base / "params.yaml"), {"train": {"seed": seed}})
        write_text(folder / "params.yaml", render(parse(values)))
        keras.utils.clear_session()
        params = workspace.params()
        train.run(workspace, params)
        evaluate.run(workspace, params)
        shutil.rmtree(folder / ".crackflow/state", ignore_errors=True)
    return folder


def judged(folders: Sequence[Path]) -> dict[str, Any]:
    """Judge neighbours, as `crackflow compare` does.

    Args:
        folders: of the trainings, by seed.

    Returns:
        What docs/results/seeds.json holds: a row a pair, and how far seeds and photographs spread the figure.
    """
    from pipelines.comparing.compared import compare
    from pipelines.comparing.side import Side

    sides = [Side(folder, None, folder.name) for folder in folders]
    pairs = []
    for old, new in itertools.pairwise(sides):
        plain, found = compare(old, new, METRIC, seed_spread=0), compare(old, new, METRIC)
        figure = next(one for one in plain.figures if one.name == METRIC)
        pairs.append(
            {
                "old": figure.old,
                "new": figure.new,
                "low": figure.low,
                "high": figure.high,
                "outcome": found.outcome,
                "outcome_by_photographs_alone": plain.outcome,
                "groups": found.groups,
                "images": found.images,
            }
        )
    reached = [pairs[0]["old"], *(pair["new"] for pair in pairs)]
    return {
        "command": COMMAND,
        "settings": SETTINGS,
        "figure": METRIC,
        "seeds": len(folders),
        "mean": round(float(np.mean(reached)), 4),
        "spread_of_seeds": round(float(np.std(reached, ddof=1)), 4),
        "pairs": [
            {name: round(value, 4) if isinstance(value, float) else value for name, value in pair.items()}
            for pair in pairs
        ],
    }


def page(text: str) -> str:
    """The page with the table of docs/results/seeds.json."""
    return fill(text, "seeds", f"`{COMMAND}`", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(values: dict[str, Any]) -> str:
    """How the pairs were judged, in a line."""
    pairs = values["pairs"]
    told, plain = (
        sum(pair[name] in ("better", "worse") for pair in pairs) for name in ("outcome", "outcome_by_photographs_alone")
    )
    reach = float(np.median([(pair["high"] - pair["low"]) / 2 for pair in pairs]))
    rows = [
        [
            len(pairs),
            plain,
            told,
            f"{values['mean']:.3f}",
            f"{values['spread_of_seeds']:.3f}",
            f"{reach:.3f}",
            f"{pairs[0]['images']} of {pairs[0]['groups']} groups",
        ]
    ]
    head = [
        "pairs of seeds",
        "told apart by photographs alone",
        "told apart by crackflow compare",
        "pooled IoU",
        "its standard deviation between seeds",
    ]
    return markdown([*head, "half an interval of the difference, median", "test images"], rows, "---:")


def _over(values: Any, changed: dict[str, Any]) -> dict[str, Any]:
    """Nested parameters with some of them replaced."""
    return {
        **values,
        **{name: _over(values[name], one) if isinstance(one, dict) else one for name, one in changed.items()},
    }


def _key() -> str:
    follows = [SETTINGS, fingerprint("tasks.train"), fingerprint("tasks.evaluate"), fingerprint("tasks.split")]
    return hashlib.sha256(json.dumps(follows).encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())

"""Time and memory of one photograph: the packaged weights beside the original's network, in one run on this machine.

`python -m benchmarks.speed.original [--rounds 9]` writes docs/results/original.json and the tables of
docs/explanation/speed.md; `--page` writes the tables only. The original's network is built from the profile `original`
with random weights: neither time nor memory depends on their values. Both run through
crackflow.inference.network.predict. Times are medians of rounds in which the networks take turns in one process,
after a warm-up, so other work on the machine slows all alike. Memory is measured in one process per network.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.accuracy.real import machine
from crackflow.atomic import write_text
from crackflow.inference.card import card_values
from crackflow.keras_import import import_keras
from crackflow.parallel.machine import peak_mib
from scripts.tables import fill, markdown

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results/original.json"
PAGE = ROOT / "docs/explanation/speed.md"
BY = "`python -m benchmarks.speed.original`"
SIDE = 512
# Of the original's time and memory.
GOALS = {"seconds": 1 / 10, "peak_mib": 1 / 4}
PREDICT_GOAL_S = 5
NETS = {
    "original": "the original's network",
    "packaged": "the packaged weights",
    "flips": "the packaged weights, mean over four flips",
    "eager": "the packaged weights, layer by layer",
}
_MEASURED_IMAGES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="photographs timed of each net (default: 9)")
    parser.add_argument("--page", action="store_true", help="write the tables only")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(part(args.part, args.rounds)))
        return 0
    if not args.page:
        write_text(RESULTS, json.dumps(measure(args.rounds), indent=1) + "\n")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), found))
    return 0


def measure(rounds: int) -> dict[str, Any]:
    """Measure everything, each part in a process of its own."""
    seconds = run_part("time", rounds)
    base = run_part("import", rounds)
    nets = {}
    for name in NETS:
        memory = run_part(name, rounds)
        nets[name] = {
            "parameters": memory["parameters"],
            "seconds": round(statistics.median(seconds[name]), 4),
            "seconds_least": round(min(seconds[name]), 4),
            "peak_mib": memory["peak_mib"] - base["peak_mib"],
            "held_mib": memory["held_mib"] - base["held_mib"],
        }
    return {
        "command": f"python -m benchmarks.speed.original --rounds {rounds}",
        "machine": machine(),
        "side": SIDE,
        "rounds": rounds,
        "import_peak_mib": base["peak_mib"],
        "nets": nets,
        "ratios": {name: ratios(net, nets["original"]) for name, net in nets.items() if name != "original"},
        "predict": run_part("predict", rounds),
    }


def ratios(net: dict[str, Any], original: dict[str, Any]) -> dict[str, float]:
    """Time and memory as shares of the original's."""
    return {key: round(net[key] / original[key], 4) for key in ("seconds", "peak_mib", "held_mib")}


def run_part(name: str, rounds: int) -> dict[str, Any]:
    """Run a part of the measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed.original", "--part", name, "--rounds", str(rounds)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def part(name: str, rounds: int) -> dict[str, Any]:
    """Measure one part, in this process."""
    if name == "predict":
        return predict_command()
    import_keras()
    import tensorflow as tf  # noqa: F401 the bar that memory is measured above

    if name == "time":
        return times(rounds)
    if name == "import":
        return {"parameters": 0, **memory()}
    parameters, run = load(name)
    for picture in pictures(_MEASURED_IMAGES):
        run(picture)
    return {"parameters": parameters, **memory()}


def memory() -> dict[str, int | None]:
    """Peak memory of this process, and its memory now."""
    return {"peak_mib": peak_mib(), "held_mib": round(psutil.Process().memory_info().rss / 2**20)}


def times(rounds: int) -> dict[str, list[float]]:
    """Seconds of each net for each of `rounds` photographs; the nets take turns."""
    nets = {name: load(name)[1] for name in NETS}
    taken: dict[str, list[float]] = {name: [] for name in NETS}
    for number, picture in enumerate(pictures(rounds + 1)):
        for name, run in nets.items():
            start = time.perf_counter()
            run(picture)
            # the first one compiles
            taken[name] += [time.perf_counter() - start] if number else []
    return taken


def pictures(number: int) -> list[Any]:
    """Images of noise; their content does not change the time."""
    import numpy as np

    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8) for _ in range(number)]


def load(name: str) -> tuple[int, Callable[[Any], Any]]:
    """How many weights a net has, and a function that runs it on one photograph."""
    import numpy as np

    from crackflow.inference import packaged_weights
    from crackflow.inference.network import predict
    from crackflow.inference.predictor import load_model

    if name == "original":
        from crackflow.models import registry
        from pipelines.commands.profile import load as load_profile

        params = load_profile(ROOT / "profiles", "original", [])
        model = registry.build(params.model, SIDE, len(params.classes), seed=0)
        # as load_model leaves it
        model.jit_compile = False
        parameters = int(model.count_params())
    else:
        model = load_model(packaged_weights.FOLDER / packaged_weights.MODEL)
        # of the file: load_model folds some away
        parameters = int(card_values(packaged_weights.FOLDER)["parameters"])
    if name == "eager":
        return parameters, lambda picture: np.asarray(model(picture.astype(np.float32), training=False))
    return parameters, lambda picture: predict(model, picture, flips=name == "flips")


def predict_command() -> dict[str, float]:
    """Seconds that `crackflow predict` takes for one photograph, imports and all else apart."""
    start = time.perf_counter()
    import_keras()
    import crackflow.inference.predictor  # noqa: F401 predict imports it, and imports are timed apart
    from crackflow.imaging.images import write_png
    from crackflow.inference.inputs import find
    from pipelines.commands import model_choice, predict

    imported = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "photo.png", pictures(1)[0][0])
        before = time.perf_counter()
        photos = find([str(folder / "photo.png")])
        predict.predict(model_choice.choose(folder, model_choice.PACKAGED), photos, folder / "out")
        done = time.perf_counter()
    return {"imports_s": round(imported - start, 2), "photo_s": round(done - before, 2)}


def page(text: str, found: dict[str, Any]) -> str:
    """speed.md with its tables."""
    return fill(fill(text, "nets", BY, nets_table(found)), "predict", BY, predict_words(found))


def nets_table(found: dict[str, Any]) -> str:
    """One row per network, with shares of the original's, and how they were measured."""
    head = ["one photograph of 512x512", "weights", "seconds", "share", "peak MiB", "share", "MiB held", "share"]
    rows = []
    for name, words in NETS.items():
        net = found["nets"][name]
        share = found["ratios"].get(name, {})
        cells = [(f"{net['seconds']:.3f}", "seconds"), (net["peak_mib"], "peak_mib"), (net["held_mib"], "held_mib")]
        shares = [cell for value, key in cells for cell in (value, f"1/{1 / share[key]:.1f}" if share else "")]
        rows.append([words, f"{net['parameters']:,}", *shares])
    share = found["ratios"]["packaged"]
    verdicts = ", ".join(
        f"{words} at most 1/{1 / GOALS[key]:.0f}: {'met' if share[key] <= GOALS[key] else 'missed'}"
        for words, key in (("time", "seconds"), ("memory", "peak_mib"))
    )
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Medians of {found['rounds']} photographs on {found['machine']['cores']} cores; memory above the "
        f"{found['import_peak_mib']:,} MiB of a process that only imported TensorFlow. Goals, {verdicts}.\n"
    )


def predict_words(found: dict[str, Any]) -> str:
    """One line about the command `crackflow predict`."""
    took = found["predict"]
    met = "met" if took["photo_s"] <= PREDICT_GOAL_S else "missed"
    return (
        f"`crackflow predict` with the packaged weights: {took['imports_s']:.1f} s of imports, {took['photo_s']:.1f} s "
        f"for one photograph of 512x512, loading the model included (goal, at most {PREDICT_GOAL_S} s: {met}).\n"
    )


if __name__ == "__main__":
    sys.exit(main())

"""The time of a training step with the recipe, and with one choice changed, in one run on this machine.

`python -m benchmarks.speed.step_time [--rounds 9]` writes docs/results/step_time.json and the table of
docs/explanation/speed.md; `--page` writes the table only. A step is one batch of the first weights' recipe: forward
pass, losses, gradients and optimizer. Its pixels are noise, which takes as long as photographs. Times are medians of
rounds in which the variants take turns in one process, after a warm-up, so other work on the machine slows all alike.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.accuracy.real import ROOT, machine
from benchmarks.accuracy.trials import FIRST_NETWORK
from crackflow.atomic import write_text
from crackflow.keras_import import import_keras
from crackflow.params import Params
from pipelines.commands.profile import load
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/step_time.json"
PAGE = ROOT / "docs/explanation/speed.md"
BASE = "as it is"
VARIANTS: dict[str, tuple[str, ...]] = {
    BASE: (),
    "AdamW in place of Muon": ("train.optimizer=adamw",),
    "float32": ("train.precision=float32",),
    "head: refine": ("model.head=refine",),
    "head: subpixel": ("model.head=subpixel",),
    "two convolutions a level on the way up": ("model.decoder_convs=2",),
    "5x5 at the first level": ("model.base_kernels=[5, 5]",),
    "a first convolution without a stride": ("model.stem_stride=1", "model.head=refine"),
    "deep supervision": ("train.deep_supervision=0.3",),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="steps timed of each variant (default: 9)")
    parser.add_argument("--page", action="store_true", help="write the table only")
    args = parser.parse_args()
    if not args.page:
        write_text(RESULTS, json.dumps(measure(args.rounds), indent=1) + "\n")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = fill(PAGE.read_text(encoding="utf-8"), "step", "`python -m benchmarks.speed.step_time`", table(found))
    write_text(PAGE, text)
    return 0


def measure(rounds: int) -> dict[str, Any]:
    """Time all variants in turn."""
    import_keras()
    steps = {name: stepper(settings) for name, settings in VARIANTS.items()}
    for step in steps.values():  # the first one compiles, the second allocates
        step()
        step()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            taken[name].append(time.perf_counter() - start)
    seconds = {name: statistics.median(times) for name, times in taken.items()}
    return {
        "command": f"python -m benchmarks.speed.step_time --rounds {rounds}",
        "machine": machine(),
        "rounds": rounds,
        "variants": {
            name: {
                "settings": list(VARIANTS[name]),
                "seconds": round(median, 4),
                "seconds_least": round(min(taken[name]), 4),
                "ratio": round(median / seconds[BASE], 3),
            }
            for name, median in seconds.items()
        },
    }


def recipe(settings: tuple[str, ...]) -> Params:
    """The parameters of the first weights' recipe with some settings changed."""
    return load(ROOT / "profiles", "photos", (*FIRST_NETWORK, *settings))


def stepper(settings: tuple[str, ...]) -> Callable[[], object]:
    """A function that takes one training step of the recipe with some settings changed."""
    import numpy as np

    from crackflow.training.learner import build_learner, compile_learner

    params = recipe(settings)
    train = params.train
    model = build_learner(len(params.classes), params.model, train)
    compile_learner(model, train, train.steps_per_epoch)
    rng = np.random.default_rng(0)
    shape = (train.batch_size, train.crop, train.crop)
    pixels = rng.integers(0, 256, (*shape, params.model.image_channels)).astype(np.float32)
    truth = np.eye(len(params.classes), dtype=np.float32)[rng.integers(0, len(params.classes), shape)]
    return lambda: model.train_on_batch(pixels, truth)


def table(found: dict[str, Any]) -> str:
    """One row per variant."""
    rows = [[name, f"{one['seconds']:.2f}", f"{one['ratio']:.2f}"] for name, one in found["variants"].items()]
    head = ["the recipe", "seconds a step", "to the recipe"]
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Medians of {found['rounds']} steps on {found['machine']['cores']} cores, in turn.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

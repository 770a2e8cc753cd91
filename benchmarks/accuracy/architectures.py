"""Networks of the papers beside ours: each is trained for the same time, with the same recipe, on the same pairs.

Run `python -m benchmarks.accuracy.architectures` after `make real DATA=DIR`. Four places are left out of every
training, those of the first fold of benchmarks.accuracy.foreign. A step of each network is timed first, so a large
network takes fewer steps in the same minutes. What has been measured is in docs/results/architectures.json and in the
table of docs/explanation/architectures.md.

After a kill, run it again: what has a result is not trained again, and a training goes on from its last checkpoint.
`--network NAME` takes some of them, so two can run side by side, each on cores of its own. `--minutes N` is another
budget, `--tables` writes the page alone.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy import foreign, real, trials
from crackflow.atomic import write_text
from crackflow.keras_import import import_keras
from crackflow.params import Params
from pipelines.commands.profile import load
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/architectures.json"
PAGE = real.ROOT / "docs/explanation/architectures.md"
MINUTES = 20.0
# The large networks take seconds for a picture, so every so many of the pairs are scored.
HOME_EVERY, ABROAD_EVERY = 2, 4
# As differences from the profile photos. Batches are smaller where eight crops do not fit into 16 GB.
NETWORKS: Mapping[str, tuple[str, ...]] = {
    "pretrained_unet, as photos": (),
    "FlexUNet of the first weights": trials.FIRST_NETWORK,
    "EfficientCrackNet, 2024": ("model.architecture=efficient_cracknet", "train.batch_size=4"),
    "EGA-UNet, 2025": ("model.architecture=ega_unet",),
    "U-Net, as Harb et al. 2024": (
        "model.architecture=flexunet",
        "model.base_filters=64",
        "model.max_filters=1024",
        "model.base_kernels=[3, 3]",
        "model.num_layers=5",
        "model.stem_stride=1",
        "model.normalization=none",
    ),
    "FlexUNet of the original": (
        "model.architecture=flexunet",
        "model.max_filters=2048",
        "model.base_kernels=[9, 9]",
        "model.num_layers=8",
        "model.stem_stride=1",
        "model.dropout_rate=0.05",
        "model.normalization=none",
        "model.input_scaling=raw",
    ),
}
ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/architectures.json")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"of each training (default: {MINUTES:g})")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="measure this one; may be repeated")
    args = parser.parse_args()
    if not args.tables:
        measure(args.minutes, args.network or list(NETWORKS))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def recipe(*settings: str) -> Params:
    """The profile photos with some settings changed."""
    return load(real.ROOT / "profiles", "photos", settings)


def measure(minutes: float, names: list[str]) -> None:
    """Train one network after the other; write what is known after each."""
    table = trials.rows()
    for name in names:
        found = kept(minutes)["networks"].get(name, {})
        if "step_s" not in found:
            found = {"settings": list(NETWORKS[name]), **timed(recipe(*NETWORKS[name]))}
            # written before the training: a second run has the same number of steps and goes on
            keep(minutes, name, found)
        one = trial(table, minutes, name, found["step_s"])
        found |= trials.carry_out(name, one)
        levels = trials.levels_by_stem(one)
        keep(minutes, name, found | foreign.measured(levels, one, table, foreign.FOLDS[0]))


def trial(table: pd.DataFrame, minutes: float, name: str, step_s: float) -> trials.Trial:
    """A training of these minutes without the places of the first fold."""
    settings = (*foreign.budget(max(1, round(60 * minutes / step_s))), *NETWORKS[name])
    one = foreign.trial(table, (), foreign.BASE, 0)
    home = one.valid[::HOME_EVERY]
    return dataclasses.replace(one, settings=settings, valid=home, scored=home, unseen=one.unseen[::ABROAD_EVERY])


def kept(minutes: float) -> dict[str, Any]:
    """What is known of trainings of these minutes on this machine; it is read anew, another run may write beside."""
    values = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if (values.get("minutes"), values.get("machine")) == (minutes, real.machine()):
        return dict(values)
    return {
        "command": f"python -m benchmarks.accuracy.architectures --minutes {minutes:g}",
        "minutes": minutes,
        "machine": real.machine(),
        "networks": {},
    }


def keep(minutes: float, name: str, found: Mapping[str, Any]) -> None:
    """Write what is known of a network, the networks in the order of NETWORKS."""
    values = kept(minutes)
    networks = values["networks"] | {name: dict(found)}
    values["networks"] = {known: networks[known] for known in NETWORKS if known in networks}
    write_text(RESULTS, json.dumps(values, indent=1) + "\n")


def timed(params: Params) -> dict[str, float]:
    """Seconds of a training step and of a picture of the size of the data in Keras: medians, after two that warm up."""
    import_keras()
    from crackflow.models import registry
    from crackflow.training.learner import build_learner, compile_learner

    train, size = params.train, params.resize.size
    learner = build_learner(len(params.classes), params.model, train)
    compile_learner(learner, train, ROUNDS)
    random = np.random.default_rng(0)
    shape = (train.batch_size, train.crop, train.crop)
    pixels = random.integers(0, 256, (*shape, params.model.image_channels)).astype(np.float32)
    truth = np.eye(len(params.classes), dtype=np.float32)[random.integers(0, len(params.classes), shape)]
    step_s = seconds(lambda: learner.train_on_batch(pixels, truth))
    network = registry.build(params.model, size, len(params.classes), seed=0)
    picture = random.integers(0, 256, (1, size, size, params.model.image_channels)).astype(np.float32)
    return {"step_s": step_s, "picture_s": seconds(lambda: network.predict_on_batch(picture))}


def seconds(work: Callable[[], object]) -> float:
    """The median time of ROUNDS calls, after two that are not counted."""
    taken = []
    for _ in range(ROUNDS + 2):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[2:])


def page(text: str) -> str:
    """The page with the table of docs/results/architectures.json; as it is where nothing was measured."""
    if not RESULTS.exists():
        return text
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    return fill(text, "architectures", "benchmarks.accuracy.architectures", networks(values))


def networks(values: Mapping[str, Any]) -> str:
    """One row per network, and how it was measured."""
    rows = [
        [
            name,
            f"{found['parameters'] / 1e6:.2f} M",
            f"{found['megabytes']:.1f}",
            f"{found['steps']:,}",
            f"{found['picture_s']:.3f}",
            foreign.with_interval(found["home"]),
            f"{found['home']['positives_iou']:.3f}",
            *(
                f"{foreign.of_places(found, figure).mean():.3f}"
                for figure in ("pooled_iou", "best_threshold", "positives_iou")
            ),
            f"{found['home']['false_alarms']:.0%}",
        ]
        for name, found in values["networks"].items()
        if "places" in found
    ]
    head = ["network", "parameters", "MB", "steps", "seconds a picture", "home, pooled IoU", "home, mean IoU, cracks"]
    head += ["never seen, pooled IoU", "the same at each place's best threshold", "never seen, mean IoU, cracks"]
    head.append("home, alarms")
    cores = values["machine"]["cores"]
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Each network was trained once (seed 0) for about {values['minutes']:g} minutes on {cores} "
        f"core{'s' if cores > 1 else ''}, with the recipe of the profile photos. Home is one in "
        f"{HOME_EVERY * foreign.HOME_EVERY} valid pairs; never seen is the mean of the four places of the first fold "
        f"in [figures.md](figures.md#pavement-that-it-has-never-seen), on one in {ABROAD_EVERY} of their pairs. The "
        "threshold is the one that is best at home. In brackets is the 95 % confidence "
        "interval over groups of photographs. An all-black mask has an IoU of 0 in every column, and no alarms. There "
        "is no component filter, so alarms are far more than at an operating point. Seconds are of one 512x512 picture "
        "in Keras.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

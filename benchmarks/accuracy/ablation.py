"""The ablation: one choice of the recipe changed at a time, in short trainings with one or two seeds.

Run `python -m benchmarks.accuracy.ablation` after `make real DATA=DIR`. It trains each variant of the first weights'
recipe on the train pairs of that run for a few hundred steps and scores it on the valid pairs; test is not used.
Results go to docs/results/ablation.json after each training, and from there to docs/explanation/recipe.md. `--tables`
writes the page only, with the two whole trainings of docs/results/augmented.json and first.json. `--only GROUP` takes
the variants of one choice. After a kill it goes on where it stopped.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.accuracy import real, trials
from crackflow.atomic import write_text
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/ablation.json"
PAGE = real.ROOT / "docs/explanation/recipe.md"
SEEDS = (0, 1)
# One in twenty-seven of the profile's steps. The average of the weights and the warm-up are shortened to match.
BUDGET = (
    "train.epochs=2",
    "train.steps_per_epoch=150",
    "train.warmup_steps=30",
    "train.averaging=0.97",
    "train.valid_images=60",
    *trials.FIRST_NETWORK,
    *trials.AUGMENTED,
)

# Whole trainings, and the names of their files in docs/results.
WHOLE = {"with zoom, light, noise, blur and shadows": "augmented", "flips and turns alone, the first weights": "first"}


class Variant(NamedTuple):
    """One change of the recipe.

    Attributes:
        group: which choice is changed.
        name: what it is changed to.
        settings: KEY=VALUE.
    """

    group: str
    name: str
    settings: tuple[str, ...]


BASE = Variant("recipe", "with zoom, light, noise, blur and shadows", ())
LIGHT = tuple(f"train.augment.{key}=0" for key in ("brightness", "contrast", "gamma", "noise", "blur", "shadow"))
PLAIN = ("train.augment.scale=0", *LIGHT)
# Sources whose masks cover at least three times the area of the cracks (docs/explanation/labels.md).
LOOSE = "{Eugen_Muller: 0.5, Rissbilder_for_Florian: 0.5, Sylvie_Chambon: 0.5, Volker: 0.5}"
VARIANTS = (
    BASE,
    Variant("loss", "cross-entropy alone", ("train.loss={categorical_crossentropy: 1.0}",)),
    Variant("loss", "Dice alone", ("train.loss={dice: 1.0}",)),
    Variant("loss", "cross-entropy and Tversky", ("train.loss={categorical_crossentropy: 1.0, tversky: 1.0}",)),
    Variant("crop", "128 px, batches of 32", ("train.crop=128", "train.batch_size=32")),
    Variant("crop", "whole images, batches of 2", ("train.crop=512", "train.batch_size=2")),
    Variant("crop", "anywhere", ("train.crack_crops=0.0",)),
    Variant(
        "augmentation", "none, as the original", (*PLAIN, "train.augment.flips=false", "train.augment.rot90=false")
    ),
    Variant("augmentation", "flips and turns alone, the recipe since", PLAIN),
    Variant("width", "half as wide below the first level", ("model.widths=[16, 16, 40, 80, 112, 128]",)),
    Variant("width", "32 at the first level", ("model.widths=[32, 32, 80, 160, 224, 256]",)),
    Variant("width", "half as wide again at the second level", ("model.widths=[16, 48, 80, 160, 224, 256]",)),
    Variant("decoder", "two convolutions a level", ("model.decoder_convs=2",)),
    Variant("kernel", "5x5 at the first level", ("model.base_kernels=[5, 5]",)),
    Variant("input", "raw 0..255", ("model.input_scaling=raw",)),
    Variant("normalization", "none", ("model.normalization=none",)),
    Variant("averaging", "none", ("train.averaging=0.0",)),
    Variant("optimizer", "AdamW", ("train.optimizer=adamw", "train.learning_rate=0.002")),
    Variant("schedule", "plateau, as the original", ("train.schedule=plateau",)),
    Variant("supervision", "deep, 0.3", ("train.deep_supervision=0.3",)),
    Variant("balance", "crack-free as often as the others", ("train.crack_free=1.0",)),
    Variant("sources", "loose labels half as often", (f"train.draw={LOOSE}",)),
    Variant("head", "refine", ("model.head=refine",)),
    Variant("head", "subpixel", ("model.head=subpixel",)),
    Variant("precision", "float32", ("train.precision=float32",)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/ablation.json")
    parser.add_argument("--only", action="append", default=[], metavar="GROUP", help="the variants of a group")
    args = parser.parse_args()
    if unknown := set(args.only) - {variant.group for variant in VARIANTS}:
        parser.error(f"no group {', '.join(sorted(unknown))}; expected some of {', '.join(groups())}")
    if not args.tables:
        measure([variant for variant in VARIANTS if not args.only or variant.group in args.only])
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def groups() -> list[str]:
    """The choices, in order."""
    return list(dict.fromkeys(variant.group for variant in VARIANTS))


def measure(variants: Sequence[Variant]) -> None:
    """Train what has no result yet: all variants with the first seed, then all with the second."""
    table = trials.rows()
    train, valid = trials.stems(table, "train"), trials.stems(table, "valid")
    recipe = trials.key(trials.Trial(BUDGET, train, valid, valid))
    for seed in SEEDS:
        for variant in variants:
            settings = (*BUDGET, f"train.seed={seed}", *variant.settings)
            trial = trials.Trial(settings, train, valid, valid)
            keep(recipe, variant, seed, trials.carry_out(f"{variant.group}, {variant.name}, seed {seed}", trial))


def keep(recipe: str, variant: Variant, seed: int, found: dict[str, Any]) -> None:
    """Add one result to docs/results/ablation.json, and remove those of another recipe, other pairs or other code."""
    values = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if values.get("recipe") != recipe:
        values = {"recipe": recipe, "variants": []}
    values |= {"command": "python -m benchmarks.accuracy.ablation", "budget": list(BUDGET), "machine": real.machine()}
    entry = {
        "group": variant.group,
        "name": variant.name,
        "settings": list(variant.settings),
        "seed": seed,
        **{key: found[key] for key in ("parameters", "steps", "threshold")},
        **found["all"],
    }
    others = [one for one in values["variants"] if (one["group"], one["name"], one["seed"]) != (*variant[:2], seed)]
    known = {variant[:2]: number for number, variant in enumerate(VARIANTS)}
    others = [one for one in others if (one["group"], one["name"]) in known]
    values["variants"] = sorted([*others, entry], key=lambda one: (known[one["group"], one["name"]], one["seed"]))
    write_text(RESULTS, json.dumps(values, indent=1) + "\n")


def page(text: str) -> str:
    """The page with the tables of docs/results/ablation.json and of the whole trainings."""
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = fill(text, "ablation", "benchmarks.accuracy.ablation", ablation(values))
    return fill(text, "whole", "benchmarks.accuracy.ablation", whole({name: read(name) for name in WHOLE.values()}))


def read(name: str) -> dict[str, Any]:
    """The results of a run, as benchmarks.accuracy.real wrote them."""
    return dict(json.loads((real.ROOT / f"docs/results/{name}.json").read_text(encoding="utf-8")))


def whole(runs: dict[str, dict[str, Any]]) -> str:
    """One row per whole training: the figure on valid that chose the operating point, and the figures on test."""
    rows = []
    for words, name in WHOLE.items():
        point, crack = runs[name]["operating_point"], runs[name]["figures"]["crack"]
        figures = [point["value"], crack["pooled"]["iou"], crack["positives"]["iou"]]
        alarms = [point["false_alarms"], crack["false_alarms"]["images"]]
        rows.append([words, *(f"{one:.3f}" for one in figures), *(f"{one:.1%}" for one in alarms)])
    head = ["8,000 steps, seed 0", "valid, pooled IoU", "test, pooled IoU", "test, mean IoU, cracks"]
    return markdown([*head, "valid, false alarms", "test, false alarms"], rows, "---:")


def ablation(values: dict[str, Any]) -> str:
    """One row per variant: the mean over its seeds, and the difference to the recipe for each seed.

    With the same seed both draw the same pairs and start from the same weights, as far as the change allows. So the
    differences seed by seed show chance better than the spread of one variant's seeds.
    """
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in values["variants"]:
        found.setdefault((one["group"], one["name"]), []).append(one)
    recipe = {run["seed"]: run["pooled_iou"] for run in found[BASE[:2]]}
    rows = []
    for (group, name), runs in found.items():
        better = [run["pooled_iou"] - recipe[run["seed"]] for run in sorted(runs, key=lambda run: int(run["seed"]))]
        rows.append(
            [
                f"{group}: {name}",
                f"{mean(runs, 'pooled_iou'):.3f}",
                f"{statistics.fmean(better):+.3f}",
                ", ".join(f"{one:+.3f}" for one in better),
                f"{mean(runs, 'positives_iou'):.3f}",
                f"{mean(runs, 'false_alarms'):.0%}",
            ]
        )
    head = ["variant", "pooled IoU", "to the recipe", "seed by seed", "mean IoU, cracks", "false alarms"]
    return markdown(head, rows, "---:")


def mean(runs: Sequence[dict[str, Any]], key: str) -> float:
    """Over the seeds."""
    return statistics.fmean(run[key] for run in runs)


if __name__ == "__main__":
    sys.exit(main())

"""Recipes on places that they have never seen: eight places, of which four are left out of each training.

Run `python -m benchmarks.accuracy.foreign` after `make real DATA=DIR`, where DIR holds the merged set and the other
collections (docs/how-to/own-pairs.md). Each recipe is trained twice for a short while: once without the places of the
first fold, once without those of the second. The first recipe is that of the weights of version 1, the second is the
profile photos. The others are the profile photos with something changed.

The tables of what has been trained so far go to docs/explanation/figures.md. After a kill, run it again: what has a
result is not trained again, and a training goes on from its last checkpoint. `--recipe NAME` and `--fold N` take some
of the trainings, so two can run side by side; `--tables` writes the page alone.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.accuracy import real, trials
from crackflow.atomic import write_text
from crackflow.evaluation.places import Places
from crackflow.evaluation.thresholds import choose_threshold, counts_at
from crackflow.statistics.ratios import ratio, ratio_interval
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/foreign.json"
PAGE = real.ROOT / "docs/explanation/figures.md"
STEPS = 800
LEVEL = 0.95
Figures = npt.NDArray[np.float64]
# Every so many of the valid pairs show what a recipe does at home: all of them would take as long as a third of the
# training.
HOME_EVERY = 3
# Place -> what is left out with it: the same photographs, or the same roads and camera.
FOLDS: Sequence[Mapping[str, tuple[str, ...]]] = (
    {"UAVCrackX": (), "AigleRN": (), "DNIT": ("DNITnegative",), "CFD": ("forest", "Sylvie_Chambon")},
    {"SDNETwalls": (), "ShadowCrack": (), "Ceramic": (), "Rissbilder_for_Florian": ()},
)
OF_LIGHT_AND_SIZE = ("scale", "brightness", "contrast", "gamma", "blur", "noise", "shadow")
# As differences from the profile photos: the network of version 1, and its augmentation of flips and turns alone.
RECIPES: Mapping[str, tuple[str, ...]] = {
    "v1": (*trials.FIRST_NETWORK, *(f"train.augment.{name}=0" for name in OF_LIGHT_AND_SIZE)),
    "v2": (),
    "v2, colours of other photographs": ("train.augment.style=0.5",),
    "v2, JPEG": ("train.augment.jpeg=0.7",),
    "v2, all stronger": (
        "train.augment.scale=0.9",
        "train.augment.contrast=0.4",
        "train.augment.gamma=0.4",
        "train.augment.blur=1.2",
        "train.augment.noise=0.03",
        "train.augment.shadow=0.4",
        "train.augment.jpeg=0.7",
        "train.augment.style=0.5",
    ),
}
BASE = "v2"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/foreign.json")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of each training (default: {STEPS})")
    parser.add_argument("--recipe", action="append", choices=RECIPES, help="train this one; may be repeated")
    parser.add_argument("--fold", type=int, choices=range(len(FOLDS)), help="train without these places only")
    args = parser.parse_args()
    if not args.tables:
        measure(
            budget(args.steps), args.recipe or list(RECIPES), range(len(FOLDS)) if args.fold is None else [args.fold]
        )
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure(short: Sequence[str], recipes: Sequence[str], folds: Sequence[int]) -> None:
    """Train what has no result yet; write the figures of all recipes that are trained without both folds."""
    table = trials.rows()
    for name in recipes:
        for fold in folds:
            trials.carry_out(f"{name} without {', '.join(FOLDS[fold])}", trial(table, short, name, fold))
    if values := gathered(table, short):
        write_text(RESULTS, json.dumps(values, indent=1) + "\n")


def budget(steps: int) -> tuple[str, ...]:
    """The settings of a short training: one epoch, so no epoch is chosen."""
    return (
        "train.epochs=1",
        f"train.steps_per_epoch={steps}",
        f"train.warmup_steps={max(1, steps // 10)}",
        "train.averaging=0.98",
        "train.valid_images=20",
    )


def family(place: str) -> tuple[str, ...]:
    """The place, and the sources that are left out with it."""
    return place, *next(fold[place] for fold in FOLDS if place in fold)


def trial(table: pd.DataFrame, short: Sequence[str], recipe: str, fold: int) -> trials.Trial:
    """A training without the places of a fold, and without any pair of a group that has one of theirs."""
    left_out = {source for place in FOLDS[fold] for source in family(place)}
    abroad = table["source"].isin(left_out)
    known = table[~table["group"].isin(set(table["group"][abroad]))]
    home = trials.stems(known, "valid")[::HOME_EVERY]
    return trials.Trial(
        (*short, *RECIPES[recipe]), trials.stems(known, "train"), home, home, unseen=tuple(table["stem"][abroad])
    )


def gathered(table: pd.DataFrame, short: Sequence[str]) -> dict[str, Any]:
    """The figures of the recipes whose trainings are all done; {} where none is."""
    recipes: dict[str, Any] = {}
    for name, settings in RECIPES.items():
        done = [trial(table, short, name, fold) for fold in range(len(FOLDS))]
        if all(map(trials.finished, done)):
            found: dict[str, Any] = {"settings": list(settings), "home": [], "places": {}}
            for fold, one in zip(FOLDS, done, strict=True):
                of_fold = measured(trials.levels_by_stem(one), one, table, fold)
                found["home"].append(of_fold["home"])
                found["places"] |= of_fold["places"]
            recipes[name] = found
    if not recipes:
        return {}
    return {
        "command": "python -m benchmarks.accuracy.foreign",
        "budget": list(short),
        "folds": [{place: list(family(place)) for place in fold} for fold in FOLDS],
        "machine": real.machine(),
        "recipes": recipes,
    }


def measured(
    levels: Mapping[str, Any], one: trials.Trial, table: pd.DataFrame, places: Iterable[str]
) -> dict[str, Any]:
    """Figures at home and of each place, at the threshold that is best at home.

    `others_threshold` is the pooled IoU of a place at the threshold that is best for the mean of home and the other
    places of the fold; these are without the place's family. `best_threshold` is that at the place's own best one.
    """
    by_stem = table.set_index("stem")
    sources = by_stem.loc[list(one.unseen), "source"]
    at_home = threshold(levels, one.valid)

    def figures(stems: Sequence[str]) -> dict[str, Any]:
        intervals = interval(levels, by_stem.loc[list(stems), "group"], at_home)
        return {**trials.figures(levels, stems, at_home), "interval": intervals}

    found: dict[str, Any] = {"home": {"threshold": at_home, **figures(one.scored)}, "places": {}}
    for place in places:
        own = tuple(sources.index[sources == place])
        relatives = tuple(sources.index[sources.isin(family(place))])
        others = tuple(sources.index[~sources.isin(family(place))])
        thresholds = {
            "others_threshold": threshold(levels, one.valid, others),
            "best_threshold": threshold(levels, own),
        }
        found["places"][place] = {
            **figures(own),
            "alarms": trials.figures(levels, relatives, at_home)["false_alarms"],
            **{name: trials.figures(levels, own, at)["pooled_iou"] for name, at in thresholds.items()},
        }
    return found


def threshold(levels: Mapping[str, Any], home: Sequence[str], abroad: Sequence[str] = ()) -> float:
    """The threshold with the best pooled IoU at home, or where there are pairs from abroad for the mean of both."""
    foreign = np.array([False] * len(home) + [True] * len(abroad))
    at = counts_at(np.stack([levels[stem] for stem in (*home, *abroad)]))
    return choose_threshold(at, trials.METRIC, Places(foreign, 0.5)).threshold


def interval(levels: Mapping[str, Any], groups: "pd.Series[str]", at: float) -> list[float]:
    """The 95 % confidence interval of the pooled IoU of the stems that index `groups`."""
    counts = trials.counts(levels, list(groups.index), at)
    sums = (
        pd.DataFrame({"group": groups.to_numpy(), "part": counts.tp, "whole": counts.tp + counts.fp + counts.fn})
        .groupby("group")
        .sum()
        .astype(float)
    )
    return list(ratio_interval(ratio(sums["part"].to_numpy(), sums["whole"].to_numpy()), LEVEL))


def page(text: str) -> str:
    """The page with the tables of docs/results/foreign.json; as it is where that is of an earlier program."""
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    if "recipes" not in values:
        return text
    return fill(text, "foreign", "benchmarks.accuracy.foreign", f"{by_place(values)}\n{by_recipe(values)}")


def by_place(values: Mapping[str, Any]) -> str:
    """One row a place: v1 beside v2, and v2 at other thresholds."""
    recipes = {name: values["recipes"][name]["places"] for name in ("v1", BASE) if name in values["recipes"]}
    rows = []
    for fold in values["folds"]:
        for place, (_, *others) in fold.items():
            found = [places[place] for places in recipes.values()]
            rows.append(
                [
                    f"{place} (with it {', '.join(others)})" if others else place,
                    found[0]["images"],
                    *(
                        f"{one['pooled_iou']:.3f} ({one['interval'][0]:.2f} to {one['interval'][1]:.2f})"
                        for one in found
                    ),
                    *(_figure(one["positives_iou"]) for one in found),
                    *(_figure(one["alarms"]) for one in found),
                    *(_figure(found[-1][key]) for key in ("others_threshold", "best_threshold")),
                ]
            )
    names = ["left out", "images", *(f"{name}, pooled IoU" for name in recipes)]
    names += [f"{name}, {figure}" for figure in ("mean IoU, cracks", "alarms") for name in recipes]
    last = list(recipes)[-1]
    names += [f"{last}, pooled IoU at the threshold of home and the other places", "at its best threshold"]
    return markdown(names, rows, "---:")


def by_recipe(values: Mapping[str, Any]) -> str:
    """One row a recipe: at home, the mean over places, and how far that differs from the base, place by place."""
    recipes = values["recipes"]
    base = recipes.get(BASE)
    rows = [[name, *cells(found, None if name == BASE else base)] for name, found in recipes.items()]
    steps = next(setting.split("=")[1] for setting in values["budget"] if "steps_per_epoch" in setting)
    return (
        f"\n{markdown(['recipe', *head(BASE)], rows, '---:')}\n"
        f"Each recipe is trained twice, for {steps} steps with one seed: once without the first four places, once "
        "without the other four and, in both, without any photograph that looks like one of theirs. Home is one in "
        f"{HOME_EVERY} valid pairs of the other places, and the threshold is the best one there. Where it says so, it "
        "is the best one for the mean of home and the other three places, or for the place itself: that one has seen "
        "the truth. In brackets is the 95 % confidence interval: of a place over its groups of photographs, of a "
        "difference over the eight places. Alarms are the share of crack-free images with any crack pixel, without a "
        "component filter, so they are far more than at an operating point. An all-black mask has an IoU of 0 and no "
        "alarms.\n"
    )


def head(base: str) -> list[str]:
    """The columns of `cells`."""
    mean = "never seen, mean of places"
    return [
        "home, pooled IoU",
        "home, alarms",
        f"{mean}, pooled IoU",
        "at the threshold of home and the other places",
        "at each place's best threshold",
        "worst place",
        f"{mean}, to {base}",
        f"at each place's best threshold, to {base}",
    ]


def cells(found: Mapping[str, Any], base: Mapping[str, Any] | None) -> list[str]:
    """Means over both trainings and over all places; differences from the base, None for the base itself."""
    home = [np.mean([one[figure] for one in found["home"]]) for figure in ("pooled_iou", "false_alarms")]
    figures = [of_places(found, figure) for figure in ("pooled_iou", "others_threshold", "best_threshold")]
    numbers = [*home, *(one.mean() for one in figures), figures[0].min()]
    differences = ["-", "-"]
    if base is not None:
        differences = [
            difference(of_places(found, figure) - of_places(base, figure))
            for figure in ("pooled_iou", "best_threshold")
        ]
    return [*(f"{number:.3f}" for number in numbers), *differences]


def of_places(found: Mapping[str, Any], figure: str) -> Figures:
    """A figure of each place, in their order."""
    return np.array([one[figure] for one in found["places"].values()])


def with_interval(found: Mapping[str, Any]) -> str:
    """A pooled IoU and its interval."""
    low, high = found["interval"]
    return f"{found['pooled_iou']:.3f} ({low:.2f} to {high:.2f})"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def difference(found: Figures) -> str:
    """The mean over places and its interval by Student's t, places being what is drawn."""
    reach = stats.t.ppf((1 + LEVEL) / 2, found.size - 1) * found.std(ddof=1) / np.sqrt(found.size)
    return f"{found.mean():+.3f} ({found.mean() - reach:+.3f} to {found.mean() + reach:+.3f})"


if __name__ == "__main__":
    sys.exit(main())

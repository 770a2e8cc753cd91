"""Recipes on places that they have never seen: eight places, of which four are left out of each training.

Run `python -m benchmarks.accuracy.foreign` after `make real DATA=DIR`, where DIR holds the merged set and the other
collections (docs/how-to/own-pairs.md). Each recipe is trained twice for a short while: once without the places of the
first fold, once without those of the second. The first recipe is that of the weights of version 1, the second is the
profile photos. The others are the profile photos with something changed.

Docs/explanation/figures.md gets the table of what has been trained so far. After a kill, run it again: what has a
result is not trained again, and a training goes on from its last checkpoint. `--recipe NAME` and `--fold N` take some
of the trainings, so two can run side by side; `--tables` trains nothing.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
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
    parser.add_argument("--tables", action="store_true", help="train nothing; write what has been trained")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of each training (default: {STEPS})")
    parser.add_argument("--recipe", action="append", choices=RECIPES, help="train this one; may be repeated")
    parser.add_argument("--fold", type=int, choices=range(len(FOLDS)), help="train without these places only")
    args = parser.parse_args()
    short = budget(args.steps)
    table = trials.rows()
    folds = range(len(FOLDS)) if args.fold is None else [args.fold]
    if not args.tables:
        for name in args.recipe or RECIPES:
            for fold in folds:
                trials.carry_out(f"{name} without {', '.join(FOLDS[fold])}", trial(table, short, name, fold))
    if values := gathered(table, short):
        write_text(RESULTS, json.dumps(values, indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


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
    """Figures at home and of each place.

    The threshold of a place is best for the mean of home and the other places of the fold, so it has seen neither the
    place nor its family. "at home's threshold" and "at its best threshold" say what calibration has to do with it.
    """
    by_stem = table.set_index("stem")
    at_home = threshold(levels, one.valid)
    found: dict[str, Any] = {
        "home": {
            "threshold": at_home,
            **trials.figures(levels, one.scored, at_home),
            "interval": interval(levels, by_stem.loc[list(one.scored), "group"], at_home),
        },
        "places": {},
    }
    for place in places:
        sources = by_stem.loc[list(one.unseen), "source"]
        own = tuple(sources.index[sources == place])
        relatives = tuple(sources.index[sources.isin(family(place))])
        others = tuple(sources.index[~sources.isin(family(place))])
        chosen = threshold(levels, one.valid, others)
        found["places"][place] = {
            "threshold": chosen,
            **trials.figures(levels, own, chosen),
            "interval": interval(levels, by_stem.loc[list(own), "group"], chosen),
            "alarms": trials.figures(levels, relatives, chosen)["false_alarms"],
            "at_home_threshold": trials.figures(levels, own, at_home)["pooled_iou"],
            "at_best_threshold": trials.figures(levels, own, threshold(levels, own))["pooled_iou"],
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
                    *(_figure(found[-1][key]) for key in ("at_home_threshold", "at_best_threshold")),
                ]
            )
    head = ["left out", "images", *(f"{name}, pooled IoU" for name in recipes)]
    head += [f"{name}, {figure}" for figure in ("mean IoU, cracks", "alarms") for name in recipes]
    last = list(recipes)[-1]
    head += [f"{last}, pooled IoU, threshold of home", f"{last}, pooled IoU, its own best threshold"]
    return markdown(head, rows, "---:")


def by_recipe(values: Mapping[str, Any]) -> str:
    """One row a recipe: at home, the mean over places, and how far that differs from the base, place by place."""
    rows = []
    base = values["recipes"].get(BASE)
    for name, found in values["recipes"].items():
        home = [one["pooled_iou"] for one in found["home"]]
        pooled = np.array([one["pooled_iou"] for one in found["places"].values()])
        best = [one["at_best_threshold"] for one in found["places"].values()]
        alarms = [one["false_alarms"] for one in found["home"]]
        cells = [name, np.mean(home), pooled.mean(), np.mean(best), pooled.min(), np.mean(alarms)]
        difference = "-"
        if base is not None and name != BASE:
            difference = _difference(pooled - [one["pooled_iou"] for one in base["places"].values()])
        rows.append([cells[0], *(f"{cell:.3f}" for cell in cells[1:]), difference])
    head = ["recipe", "home, pooled IoU", "never seen, mean of places", "the same at each place's best threshold"]
    head += ["never seen, worst place", "home, alarms", f"never seen, to {BASE}"]
    steps = next(setting.split("=")[1] for setting in values["budget"] if "steps_per_epoch" in setting)
    return (
        f"\n{markdown(head, rows, '---:')}\n"
        f"Each recipe is trained twice, for {steps} steps with one seed: once without the first four places, once "
        "without the other four and, in both, without any photograph that looks like one of theirs. The threshold of a "
        "place is the best one for the mean of home and the other three places. In brackets is the 95 % confidence "
        "interval: of a place over its groups of photographs, of a difference over the eight places. Alarms are the "
        "share of crack-free images with any crack pixel, without a component filter, so they are far more than at an "
        "operating point. An all-black mask has an IoU of 0 and no alarms. Home is one in three valid pairs of the "
        "other places; its threshold is chosen on them.\n"
    )


def with_interval(found: Mapping[str, Any]) -> str:
    """A pooled IoU and its interval."""
    low, high = found["interval"]
    return f"{found['pooled_iou']:.3f} ({low:.2f} to {high:.2f})"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _difference(found: "np.ndarray[Any, np.dtype[np.float64]]") -> str:
    """The mean over places and its interval by Student's t, places being what is drawn."""
    reach = stats.t.ppf((1 + LEVEL) / 2, found.size - 1) * found.std(ddof=1) / np.sqrt(found.size)
    return f"{found.mean():+.3f} ({found.mean() - reach:+.3f} to {found.mean() + reach:+.3f})"


if __name__ == "__main__":
    sys.exit(main())

"""Figures on places never seen, of weights that were trained on all places.

Such weights have seen every place at hand. So the figures are those of other trainings of the same recipe, each
without some of the places (benchmarks.accuracy.foreign). card.json keeps them as `leave_out`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from crackflow.errors import DataError
from crackflow.evaluation.intervals import LEVEL
from scripts.tables import markdown

# The recipe of profile photos, as benchmarks.accuracy.foreign names it.
RECIPE = "v2"
# Headline figures whose mean over places is known.
FIGURES = ("pooled_iou", "positives_iou")


def read(path: Path) -> dict[str, Any]:
    """The block `leave_out` of a card.

    Args:
        path: docs/results/foreign.json.

    Returns:
        command: what measured it. steps: of each training. trainings: how many. places: for each, how many images,
        pooled_iou with its interval, positives_iou, and alarms (None where the place has no crack-free images).

    Raises:
        DataError: when the file has no training of the profile's own recipe.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    found = values.get("recipes", {}).get(RECIPE)
    if found is None or found["settings"]:
        raise DataError(f"{path} has no trainings of {RECIPE}; `python -m benchmarks.accuracy.foreign` makes them")
    settings = dict(setting.split("=", 1) for setting in values["budget"])
    names = ("images", "pooled_iou", "interval", "positives_iou", "alarms")
    return {
        "command": values["command"],
        "steps": int(settings["train.epochs"]) * int(settings["train.steps_per_epoch"]),
        "trainings": len(values["folds"]),
        "places": {place: {name: one[name] for name in names} for place, one in found["places"].items()},
    }


def mean_words(found: Mapping[str, Any], figure: str) -> str:
    """The plain mean of a figure over the places, with its 95 % confidence interval by Student's t over places."""
    values = np.array([place[figure] for place in found["places"].values()])
    reach = stats.t.ppf((1 + LEVEL) / 2, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return f"{values.mean():.3f} ({values.mean() - reach:.2f} to {values.mean() + reach:.2f})"


def protocol(found: Mapping[str, Any]) -> str:
    """What the figures are of, in words."""
    places = found["places"]
    ordered = sorted(places, key=lambda place: float(places[place]["pooled_iou"]))
    worst, best = (f"{places[name]['pooled_iou']:.2f} ({name})" for name in (ordered[0], ordered[-1]))
    return (
        f"the packaged weights know all places at hand, so these are figures of {found['trainings']} other trainings "
        f"of their recipe, {found['steps']:,} steps each, which share out {len(places)} places to be left out; the "
        f"plain mean of the places' figures at the threshold chosen on the other places, pooled IoU from {worst} to "
        f"{best}; in brackets the 95 % confidence interval by Student's t over the places; no component filter, "
        f"`{found['command']}`"
    )


def table(found: Mapping[str, Any] | None) -> str:
    """A row a place that was left out, and their mean; a sentence where a run measured unseen places itself."""
    if found is None:
        return 'See the column "places never seen" above.\n'
    rows = [
        [
            place,
            one["images"],
            f"{one['pooled_iou']:.3f} ({one['interval'][0]:.2f} to {one['interval'][1]:.2f})",
            f"{one['positives_iou']:.3f}",
            "-" if one["alarms"] is None else f"{one['alarms']:.3f}",
        ]
        for place, one in found["places"].items()
    ]
    images = sum(int(one["images"]) for one in found["places"].values())
    rows.append(["mean of places", images, *(mean_words(found, figure) for figure in FIGURES), "-"])
    heads = ["left out", "images", "pooled IoU", "mean IoU, images with cracks", "crack-free images with any alarm"]
    words = protocol(found)
    return f"{markdown(heads, rows, '---:')}\n{words[0].upper()}{words[1:]}.\n"

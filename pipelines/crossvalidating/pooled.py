"""Figures pooled over all folds, and by source, with intervals from all groups."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crackflow.evaluation.headline import BY_NAME, HEADLINE, figure_text, figure_words
from crackflow.evaluation.intervals import LEVEL, METHOD, group_sums, image_sums
from crackflow.evaluation.metrics import Counts
from crackflow.statistics.ratios import ratio, ratio_interval

# What the table shows.
COLUMNS = ("pooled_iou", "positives_iou", "tolerant_f1", "false_alarms_images")
# Of the file that holds the result; see flow.py.
KEYS = frozenset(
    {
        *("folds", "budget", "seed", "revision", "tolerance_px", "by_fold"),
        *("images", "images_with_cracks", "crack", "all_background", "intervals", "by_source"),
    }
)


def pooled(tested: Sequence[pd.DataFrame], pixels: int) -> dict[str, Any]:
    """Pool what each fold reached on its test images.

    Args:
        tested: of each fold a row an image: stem, source, group, tp, fp, fn, tolerant_f1.
        pixels: of an image.

    Returns:
        Nested as metrics/evaluation.json, so that the same words and tables show it: `crack`, `all_background`,
        `intervals`; and `by_source`, the same for each source with how many images and groups it has. None where a
        figure is undefined.
    """
    images = pd.concat(tested, ignore_index=True)
    by_source = {str(source): _figures(own, pixels) for source, own in images.groupby("source", sort=True)}
    return {**_figures(images, pixels), "by_source": by_source}


def _figures(images: pd.DataFrame, pixels: int) -> dict[str, Any]:
    tp, fp, fn = (images[name].to_numpy(np.int64) for name in ("tp", "fp", "fn"))
    counts = Counts(tp, fp, fn, pixels - tp - fp - fn)
    near = images["tolerant_f1"].to_numpy(np.float64)
    groups = list(images["group"])
    values, black, ends = {}, {}, {}
    for one in HEADLINE:
        found = ratio(*group_sums(image_sums(one.name, counts, near), groups))
        low, high = ratio_interval(found, LEVEL)
        values[one.name] = _plain(found.value)
        ends[one.name] = [_plain(low), _plain(high)] if high > low else None
        black[one.name] = _plain(ratio(*image_sums(one.name, counts.all_background(), near * 0)).value)
    return {
        "images": len(images),
        "images_with_cracks": int((tp + fn > 0).sum()),
        "crack": values,
        "all_background": black,
        "intervals": {"level": LEVEL, "method": METHOD, "groups": len(set(groups)), "resamples": 0, "crack": ends},
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def headings(values: Mapping[str, Any]) -> list[str]:
    """The columns of `rows`."""
    return ["photographs", "images", "groups", *(figure_words(BY_NAME[name], values) for name in COLUMNS)]


def rows(values: Mapping[str, Any]) -> list[list[str]]:
    """A row for all images, one for an all-black mask on them, and one a source.

    Args:
        values: as the result file has them.
    """
    found = [
        ["all", *_counts(values), *(figure_text(values, BY_NAME[name]) for name in COLUMNS)],
        ["an all-black mask", "", "", *(figure_text(values, BY_NAME[name], "all_background") for name in COLUMNS)],
    ]
    for source, own in values["by_source"].items():
        found.append([source, *_counts(own), *(figure_text(own, BY_NAME[name]) for name in COLUMNS)])
    return found


def words(values: Mapping[str, Any]) -> str:
    """Say what the figures are of, in a sentence."""
    spread = [fold["pooled_iou"] for fold in values["by_fold"] if fold["pooled_iou"] is not None]
    budget = "" if values["budget"] == 1 else f", each with {values['budget']:.0%} of the steps"
    between = f"; pooled IoU by fold {min(spread):.3f} to {max(spread):.3f}" if spread else ""
    groups = values["intervals"]["groups"]
    return (
        f"{values['folds']} trainings{budget} (seed {values['seed']}), each tested on photographs that it has not "
        f"seen; in brackets the {100 * LEVEL:.0f} % confidence interval, from {groups} groups of photographs{between}"
    )


def _counts(values: Mapping[str, Any]) -> tuple[str, str]:
    return str(values["images"]), str(values["intervals"]["groups"])

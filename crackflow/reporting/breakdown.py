"""Where a model fails: the pooled IoU of parts of test, each with its interval over groups of photographs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crackflow.evaluation.figures import RATIOS
from crackflow.evaluation.intervals import LEVEL, group_sums, image_sums
from crackflow.evaluation.metrics import Counts, pooled
from crackflow.statistics.ratios import ratio, ratio_interval

# A part of fewer images says nothing; parts of this many are made where there are images enough.
FEWEST, PARTS = 4, 4


class Part(NamedTuple):
    """The figures of a part of test.

    Attributes:
        name: what its images have in common.
        images: how many there are.
        groups: of how many groups of photographs.
        iou: pooled IoU of the crack class, 0..1; NaN where truth has no crack in the whole part.
        low: lower end of its 95 % interval; None with `high` where groups can't tell, as where there is one.
        high: upper end.
        precision: pooled; NaN where nothing is predicted.
        recall: pooled; NaN where there is no crack.
        free: how many images are crack-free.
        alarms: how many of those have a false alarm.
    """

    name: str
    images: int
    groups: int
    iou: float
    low: float | None
    high: float | None
    precision: float
    recall: float
    free: int
    alarms: int


def breakdown(images: pd.DataFrame, labels: Sequence[str]) -> list[Part]:
    """Give the figures of each part.

    Args:
        images: columns tp, fp, fn (pixels) and group; a row an image.
        labels: of each image, the name of its part.

    Returns:
        A part for each name, in the order in which they come.
    """
    names = np.asarray(labels, object)
    return [_part(str(name), images[names == name]) for name in pd.unique(names)]


def by_measure(images: pd.DataFrame, measure: str, digits: int, unit: str, factor: float = 1.0) -> list[Part]:
    """Cut images into up to PARTS parts of about as many images each, by a measure.

    Args:
        images: as for `breakdown`, with the measure as a column; images where it is NaN are left out.
        measure: the column.
        digits: decimals in the names of the parts.
        unit: behind the numbers, for instance " px".
        factor: values are multiplied by it in the names; 100 for percent.

    Returns:
        The parts from the smallest to the largest values. A name tells both ends of its part, as "2.1 to 3.4 px".
    """
    known = images.dropna(subset=[measure]).sort_values(measure, kind="stable")
    if known.empty:
        return []
    number = max(1, min(PARTS, len(known) // FEWEST))
    # of values that are all the same, qcut says nothing
    codes = pd.qcut(known[measure], number, labels=False, duplicates="drop").fillna(0)
    found = []
    for _, part in known.groupby(codes):
        low, high = (f"{factor * end:.{digits}f}" for end in (part[measure].min(), part[measure].max()))
        found.append(_part(f"{low}{unit}" if low == high else f"{low} to {high}{unit}", part))
    return found


def by_quantile(values: pd.Series, number: int) -> list[Any]:
    """Pick rows that stand for the whole range of a measure: evenly spaced ranks from the least to the greatest.

    Args:
        values: the measure of each row; rows of the same value keep their order.
        number: how many to pick.

    Returns:
        Labels of rows, without repeats, the one of the least value first; fewer where there are fewer rows.
    """
    ordered = values.sort_values(kind="stable").index
    if ordered.empty:
        return []
    ranks = np.linspace(0, len(ordered) - 1, min(number, len(ordered))).round().astype(int)
    return [ordered[rank] for rank in ranks]


def _part(words: str, images: pd.DataFrame) -> Part:
    tp, fp, fn = (images[column].to_numpy(np.int64) for column in ("tp", "fp", "fn"))
    # no figure here counts true negatives
    counts = Counts(tp, fp, fn, np.zeros_like(tp))
    groups = images["group"].to_list()
    cracked = counts.tp + counts.fn > 0
    low, high = ratio_interval(ratio(*group_sums(image_sums("pooled_iou", counts), groups)), LEVEL)
    # NaN is greater than nothing
    known = bool(cracked.any() and high > low)
    iou, precision, recall = (float(pooled(RATIOS[name], counts)) for name in ("iou", "precision", "recall"))
    return Part(
        name=words,
        images=len(images),
        groups=len(set(groups)),
        iou=iou if cracked.any() else float("nan"),
        low=low if known else None,
        high=high if known else None,
        precision=precision,
        recall=recall,
        free=int((~cracked).sum()),
        alarms=int((~cracked & (counts.fp > 0)).sum()),
    )

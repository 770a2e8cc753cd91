"""Compare two evaluations: which figures changed, and whether the change is more than the choice of test images.

The rebuild's artifact, the gate that guards the champion and `crackflow compare` all use this module.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.errors import DataError
from crackflow.evaluation.figures import flat
from crackflow.evaluation.headline import BY_NAME, HEADLINE, number_or_none
from crackflow.evaluation.intervals import LEVEL, group_sums, image_sums
from crackflow.evaluation.metrics import Counts
from crackflow.statistics.ratios import difference, difference_interval, ratio, sureness, widened

ComparedFigure = Literal["pooled_iou", "pooled_f1", "per_image_iou", "positives_iou"]
Verdict = Literal["better", "worse", "not told apart"]
# Figures that follow from a row's tp, fp, fn and tolerant_f1; the area of false alarms needs that of the image too.
COMPARABLE = tuple(one.name for one in HEADLINE if one.name != "false_alarms_area")

# Figures and protocol that a comparison shows, as `flat` names them; all the others are in metrics/evaluation.json.
SHOWN = ("crack_", "oracle_")
# What must be alike, or the figures can't be compared.
PROTOCOL = ("subset", "images", "images_with_cracks", "resolution", "tolerance_px")


class Paired(NamedTuple):
    """A figure of two models on the same images, and how far the difference can be trusted."""

    metric: str
    old: float
    new: float
    low: float
    """lower end of the interval of the difference new - old"""
    high: float
    """its upper end"""
    better: float
    """how sure it is that new is better, 0..1; 0.5 where nothing is known"""
    images: int
    groups: int
    """units that count as independent: images, or the groups given"""

    @property
    def delta(self) -> float:
        """How much better new is."""
        return self.new - self.old

    @property
    def sure(self) -> bool:
        """Whether there is an interval: not where one group has all that the figure counts."""
        return not np.isnan(self.low)

    @property
    def verdict(self) -> Verdict:
        """Whether new is better or worse; not told apart where the interval holds 0, or says nothing."""
        if not (self.low > 0 or self.high < 0):
            return "not told apart"
        return "worse" if (self.low > 0) == BY_NAME[self.metric].lower_is_better else "better"

    def words(self) -> str:
        """Say it in one line."""
        sure = (
            f"{100 * LEVEL:.0f} % interval {self.low:+.4f} to {self.high:+.4f}; "
            f"{100 * self.better:.0f} % sure to be better"
            if self.sure
            else "no interval, since all that counts is of one group"
        )
        return f"{self.metric} {self.old:.4f} -> {self.new:.4f}, {self.delta:+.4f} ({sure}) on {self.images} images"


class Change(NamedTuple):
    """One figure before and after; None where it is undefined or not there."""

    figure: str
    old: float | None
    new: float | None


def paired(
    old: pd.DataFrame,
    new: pd.DataFrame,
    metric: str,
    groups: Sequence[object] | None = None,
    seed_spread: float = 0.0,
) -> Paired:
    """Compare two models image by image: the interval is that of the difference over the same groups.

    Args:
        old: a row an image: stem, tp, fp, fn, as reports/per_image.csv; tolerant_f1 where that is compared.
        new: the same images, in any order.
        metric: of COMPARABLE.
        groups: the group of each row of `old`; None takes single images.
        seed_spread: standard deviation of the figure between trainings that differ by their seed alone; 0 where the
            models are judged as they are, and not what they were trained by.

    Returns:
        Both figures, and the interval of their difference; NaN where all images are of one group.

    Raises:
        DataError: when the tables are not of the same images, labelled alike, or the figure is undefined on them.
    """
    old = old.reset_index(drop=True)
    if sorted(old["stem"]) != sorted(new["stem"]) or old.empty:
        raise DataError(
            f"two evaluations of the same images are expected, received {len(old)} and {len(new)} images, of which "
            f"{len(set(old['stem']) & set(new['stem']))} are in both; score both models on the same test rows"
        )
    new = new.set_index("stem").loc[old["stem"]]
    counts = [_counts(table) for table in (old, new)]
    if not np.array_equal(counts[0].tp + counts[0].fn, counts[1].tp + counts[1].fn):
        raise DataError("the two evaluations have other labels of the same images; score both models on the same masks")
    own = list(old["stem"]) if groups is None else groups
    near = [_tolerant(table, metric) for table in (old, new)]
    sums = [group_sums(image_sums(metric, count, f1), own) for count, f1 in zip(counts, near, strict=True)]
    values = [ratio(*one).value for one in sums]
    if any(np.isnan(values)):
        kind = "crack-free images" if BY_NAME[metric].lower_is_better else "images with cracks"
        raise DataError(f"{metric} is undefined on these {len(old)} images; compare on {kind}")
    found = widened(difference(*sums), seed_spread)
    low, high = difference_interval(found, LEVEL)
    higher = sureness(found)
    better = 1 - higher if BY_NAME[metric].lower_is_better else higher
    return Paired(metric, values[0], values[1], low, high, better, len(old), len(set(own)))


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Give the figures of the crack class that differ between two evaluations.

    Args:
        old: as metrics/evaluation.json; may be empty.
        new: the same.

    Returns:
        A row a figure, in the order of `new`.
    """
    before, after = flat(old), flat(new)
    names = [name for name in [*after, *(name for name in before if name not in after)] if name.startswith(SHOWN)]
    rows = [Change(name, number_or_none(before.get(name)), number_or_none(after.get(name))) for name in names]
    return [row for row in rows if row.old != row.new]


def caveats(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name what differs in the protocols of two evaluations, so that their figures can't be compared.

    Args:
        old: as metrics/evaluation.json.
        new: the same.

    Returns:
        A sentence a difference.
    """
    before, after = old.get("protocol", {}), new.get("protocol", {})
    return [
        f"{name.replace('_', ' ')} was {before[name]}, is {after[name]}: the figures can't be compared"
        for name in PROTOCOL
        if name in before and name in after and before[name] != after[name]
    ]


def rows(found: Sequence[Change]) -> list[tuple[str, str, str, str]]:
    """Lay out changes as text: figure, before, after, change; a dash where a figure is undefined."""
    return [
        (
            change.figure,
            _text(change.old),
            _text(change.new),
            f"{change.new - change.old:+.4f}" if change.old is not None and change.new is not None else "-",
        )
        for change in found
    ]


HEADINGS = ("figure", "before", "after", "change")


def _counts(table: pd.DataFrame) -> Counts:
    """Counts of (N,); tn is of no figure here, and no column of the table."""
    tp, fp, fn = (table[name].to_numpy(np.int64) for name in ("tp", "fp", "fn"))
    return Counts(tp, fp, fn, np.zeros_like(tp))


def _tolerant(table: pd.DataFrame, metric: str) -> NDArray[np.float64] | None:
    return table["tolerant_f1"].to_numpy(np.float64) if metric == "tolerant_f1" else None


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"

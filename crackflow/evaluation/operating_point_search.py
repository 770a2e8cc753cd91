"""Choose an operating point in two looks at the same predictions: the threshold, then what is dropped at it."""

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from crackflow.evaluation.component_filter import Dropping, choose_dropping, counts_of, fine_levels, pieces, tabulate
from crackflow.evaluation.level_file import LevelFile
from crackflow.evaluation.metrics import Integers
from crackflow.evaluation.thresholds import Metric, choose, counts_at, levels
from crackflow.inference.operating_point import Classes, OperatingPoint, Probabilities, as_json


class Choice(NamedTuple):
    """An operating point and what is known of it on the pictures that it was chosen on."""

    point: OperatingPoint
    dropping: Dropping
    table: pd.DataFrame
    """a row a pair of the grid, as `dropping.tabulate` gives it, and `chosen`: 1 in one row"""
    images: int
    crack_free: int

    def as_json(self) -> dict[str, Any]:
        """Give what models/operating_point.json holds, less the names of metric and subset; None is undefined."""
        before = self.table.iloc[0]
        return {
            **as_json(self.point),
            "in_words": self.point.words(),
            "value": self.dropping.value,
            "false_alarms": _defined(self.dropping.false_alarms),
            "dropping": self.dropping.outcome,
            "without_dropping": {"value": float(before.iloc[2]), "false_alarms": _defined(before["false_alarms"])},
            "images": self.images,
            "images_without_cracks": self.crack_free,
        }


class Chooser:
    """Takes pictures one by one and keeps no probabilities in memory: 4 KiB a picture, the rest on disk."""

    def __init__(self, folder: Path, *, flips: bool) -> None:
        """Begin.

        Args:
            folder: on whose disk predictions are put by; about 0.3 MB a picture of 512 x 512 px.
            flips: whether what is added is averaged over flips; recorded in the point.
        """
        self._flips = flips
        self._kept = LevelFile(folder)
        self._coarse: list[Integers] = []

    def add(self, probabilities: Probabilities, truth: Classes) -> None:
        """Look at a picture.

        Args:
            probabilities: float32 (H, W, C), the background first.
            truth: uint8 (H, W), class numbers.

        Raises:
            ModelError: when a probability is not a number.
            OSError: when the disk is full.
        """
        self._coarse.append(levels(probabilities, truth))
        self._kept.append(np.stack([fine_levels(probabilities), truth.astype(np.uint16)]))

    def choose(self, metric: Metric, target: float, cost: float) -> Choice:
        """Pick the threshold, then the pair of smallest share and peak.

        Args:
            metric: what is maximised.
            target: 0..1, largest share of crack-free pictures with a false alarm.
            cost: 0..1, largest loss of the metric, and of the mean IoU of pictures with cracks, for that.

        Returns:
            The operating point, and how it came about.

        Raises:
            DataError: when no picture has a crack pixel.
        """
        threshold = choose(counts_at(np.stack(self._coarse)), metric).threshold
        found = [pieces(level, truth.astype(np.uint8), threshold) for level, truth in self._kept]
        table = tabulate(counts_of(found), metric)
        dropped = choose_dropping(table, metric, target, cost)
        table["chosen"] = ((table["smallest_share"] == dropped.smallest_share) & (table["peak"] == dropped.peak)) + 0
        point = OperatingPoint(threshold, dropped.smallest_share, dropped.peak, self._flips)
        return Choice(point, dropped, table, len(found), sum(picture.crack == 0 for picture in found))

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the disk."""
        self._kept.close()


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

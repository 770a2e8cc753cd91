"""Choose an operating point by looking twice at the same predictions: for the threshold, then for the component filter.

Predictions are kept on disk between the two, as 16-bit levels in a file without a name: memory does not grow with the
set, nothing is predicted twice, and a killed run leaves no file behind.
"""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from crackflow.evaluation.component_filter import (
    FilterChoice,
    choose_filter,
    counts_by_filter,
    filter_table,
    grid_for,
    image_components,
)
from crackflow.evaluation.metrics import Integers
from crackflow.evaluation.places import Places
from crackflow.evaluation.thresholds import ThresholdMetric, choose_threshold, counts_at, levels
from crackflow.inference.components import ClassMask, Levels
from crackflow.inference.operating_point import OperatingPoint, Probabilities, as_json, crack_probability, fine_levels
from crackflow.statistics.calibration import CELLS, histogram


class SearchResult(NamedTuple):
    """An operating point and what it reaches on the images that it was chosen on."""

    point: OperatingPoint
    component_filter: FilterChoice
    table: pd.DataFrame
    """a row a filter, as `component_filter.filter_table` gives it, and `chosen`: 1 in one row"""
    images: int
    crack_free: int
    odds: Integers
    """int64 (2, 512), pixels of all these images by log-odds, for calibration"""

    def as_json(self) -> dict[str, Any]:
        """Give what models/operating_point.json holds, less the names of metric and subset; None is undefined."""
        unfiltered = self.table.iloc[0]
        return {
            **as_json(self.point),
            "in_words": self.point.words(),
            "value": self.component_filter.value,
            "false_alarms": _defined(self.component_filter.false_alarms),
            "component_filter": self.component_filter.outcome,
            "unfiltered": {"value": float(unfiltered.iloc[2]), "false_alarms": _defined(unfiltered["false_alarms"])},
            "images": self.images,
            "images_without_cracks": self.crack_free,
        }


class Look(NamedTuple):
    """What the search keeps of one image."""

    coarse: Integers
    """int64 (2, 257), as `thresholds.levels` gives it"""
    odds: Integers
    """int64 (2, CELLS), as `calibration.histogram` gives it"""
    packed: bytes
    """levels and truth, compressed: of 512 x 512 px some 300 KB"""
    shape: tuple[int, ...]


def look(probabilities: Probabilities, truth: ClassMask) -> Look:
    """Reduce a prediction to what the search keeps of it.

    Args:
        probabilities: float32 (H, W, C), the background first.
        truth: uint8 (H, W), class numbers.

    Raises:
        ModelError: when a probability is not a number.
    """
    coarse = levels(probabilities, truth)
    fine = np.stack([fine_levels(probabilities), truth.astype(np.uint16)])
    odds = histogram(crack_probability(probabilities), truth > 0)
    return Look(coarse, odds, zlib.compress(np.ascontiguousarray(fine).tobytes(), 1), fine.shape)


class OperatingPointSearch:
    """Takes images one by one. Of each it keeps 4 KiB in memory, the rest on disk."""

    def __init__(self, folder: Path, *, flips: bool) -> None:
        """Begin.

        Args:
            folder: on whose disk predictions are kept; about 0.3 MB an image of 512 x 512 px. Made if absent.
            flips: whether the predictions are averaged over flips; recorded in the operating point.
        """
        self._flips = flips
        self._kept = _LevelFile(folder)
        self._coarse: list[Integers] = []
        self._foreign: list[bool] = []
        self._odds = np.zeros((2, CELLS), np.int64)

    def add(self, image: Look, *, foreign: bool = False) -> None:
        """Take an image.

        Args:
            image: as `look` gives it.
            foreign: whether it shows a place of foreign_valid.

        Raises:
            OSError: when the disk is full.
        """
        self._foreign.append(foreign)
        self._coarse.append(image.coarse)
        self._odds += image.odds
        self._kept.append(image)

    def choose(self, metric: ThresholdMetric, target: float, cost: float, foreign_weight: float = 0.5) -> SearchResult:
        """Choose the threshold, then the component filter at it.

        Args:
            metric: what is maximised.
            target: 0..1, largest share of crack-free images with a false alarm.
            cost: 0..1, how much of the metric, and of the mean IoU of images with cracks, the filter may cost.
            foreign_weight: 0..1, how much the images of foreign_valid count, and the others the rest; read where there
                are both.

        Returns:
            The operating point, and how it was chosen.

        Raises:
            DataError: when no image has a crack pixel.
        """
        places = Places(np.array(self._foreign), foreign_weight)
        threshold = choose_threshold(counts_at(np.stack(self._coarse)), metric, places).threshold
        images = [image_components(level, truth.astype(np.uint8), threshold) for level, truth in self._kept]
        # all images of a set have one size
        grid = grid_for(max(image.pixels for image in images))
        table = filter_table(counts_by_filter(images, grid), grid, metric, places)
        chosen = choose_filter(table, metric, target, cost)
        table["chosen"] = ((table["smallest_area"] == chosen.smallest_area) & (table["peak"] == chosen.peak)) + 0
        point = OperatingPoint(threshold, chosen.smallest_area, chosen.peak, self._flips)
        crack_free = sum(image.crack == 0 for image in images)
        return SearchResult(point, chosen, table, len(images), crack_free, self._odds)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Free the disk."""
        self._kept.close()


class _LevelFile:
    """A file without a name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed by `close`
        self._images: list[tuple[int, tuple[int, ...]]] = []

    def append(self, image: Look) -> None:
        self._file.write(image.packed)
        self._images.append((len(image.packed), image.shape))

    def __iter__(self) -> Iterator[Levels]:
        """Give the images in the order in which they were added; call it once all are."""
        self._file.seek(0)
        for size, shape in self._images:
            yield np.frombuffer(zlib.decompress(self._file.read(size)), np.uint16).reshape(shape)

    def close(self) -> None:
        self._file.close()


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

"""Measure a model on labelled pairs: choose operating points on some of them, score others at a given one."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from crackflow.evaluation.figures import REDUCTIONS, figures, four_figures
from crackflow.evaluation.image_scores import ImageScores, score_image
from crackflow.evaluation.intervals import headline_intervals
from crackflow.evaluation.metrics import Counts, counts
from crackflow.evaluation.operating_point_search import Look, OperatingPointSearch, SearchResult, look
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.operating_point import OperatingPoint, as_json, classify
from crackflow.inference.pair_predictions import Prediction, Workers, each_prediction
from crackflow.params import EvaluateParams


@dataclass(frozen=True)
class Evaluation:
    """What a model reaches at an operating point.

    Attributes:
        figures: every figure, nested by name, with intervals and protocol.
        images: the scores of each image, from which tables are made.
        point: the operating point.
    """

    figures: dict[str, Any]
    images: list[ImageScores]
    point: OperatingPoint


def search_operating_points(
    workers: Workers, pairs: ResizedPairs, rows: pd.DataFrame, params: EvaluateParams, folder: Path
) -> dict[bool, SearchResult]:
    """Choose an operating point on pairs: without flips, with them, or both where `params.compare_flips` is true.

    Args:
        workers: who predicts.
        pairs: the resized pairs.
        rows: of split.csv, at least one. Those of foreign_valid count for `params.foreign_weight`.
        params: the block `evaluate`.
        folder: on whose disk predictions are kept meanwhile.

    Returns:
        The results, by whether predictions are averaged over flips.

    Raises:
        DataError: when no pair has a crack pixel.
        ImageError: when a pair can't be read.
        ModelError: when the model does not fit, or predicts NaN.
        OSError: when the disk is full.
    """
    flips = (False, True) if params.compare_flips else (params.flips,)
    with contextlib.ExitStack() as stack:
        searches = {one: stack.enter_context(OperatingPointSearch(folder, flips=one)) for one in flips}
        found = each_prediction(workers, pairs, rows, flips, params.batch_size, _looks)
        for looks, subset in zip(found, rows["subset"], strict=True):
            for one, search in searches.items():
                search.add(looks[one], foreign=subset == "foreign_valid")
        return {
            one: search.choose(
                params.threshold_metric, params.false_alarms, params.false_alarms_cost, params.foreign_weight
            )
            for one, search in searches.items()
        }


def score_pairs(
    workers: Workers,
    pairs: ResizedPairs,
    rows: pd.DataFrame,
    params: EvaluateParams,
    class_names: Sequence[str],
    point: OperatingPoint,
    point_from: str,
    *,
    other: OperatingPoint | None = None,
    masks: Path | None = None,
) -> Evaluation:
    """Score a model at a given operating point.

    Args:
        workers: who predicts.
        pairs: the resized pairs.
        rows: of split.csv, at least one: stem, source, group and subset are read.
        params: the block `evaluate`; batch_size and tolerance_px are read.
        class_names: the background first.
        point: how probabilities become masks.
        point_from: where the point was chosen, for the protocol.
        other: the point for the other of plain and averaged predictions, for figures with and without flips.
        masks: a folder to which each predicted mask is written as STEM.png; None writes none.

    Returns:
        The figures with their intervals and protocol, and the scores of each image.

    Raises:
        ImageError: when a pair can't be read.
        ModelError: when the model does not fit, or predicts NaN.
    """
    flips = [point.flips] if other is None else [point.flips, other.flips]
    make = _Score(point, other, params.tolerance_px, len(class_names), masks)
    scored = [*each_prediction(workers, pairs, rows, flips, params.batch_size, make)]
    images = [one.image for one in scored]
    # all images of a set have one size
    size = scored[-1].size
    values = figures(images, class_names)
    values["intervals"] = headline_intervals(images)
    if other:
        by_point = {
            point: Counts.stack(image.counts for image in images),
            other: Counts.stack(one.other for one in scored if one.other),
        }
        values["flips"] = {
            "averaged" if one.flips else "plain": {
                **four_figures(by_point[one]),
                "threshold": one.threshold,
                "smallest_area": one.smallest_area,
                "peak": one.peak,
            }
            for one in sorted(by_point, key=lambda one: not one.flips)
        }
    values["protocol"] = protocol(images, rows["subset"].iloc[0], size, point, point_from, params.tolerance_px)
    return Evaluation(values, images, point)


class _Scored(NamedTuple):
    image: ImageScores
    other: Counts | None
    size: str


@dataclass(frozen=True)
class _Score:
    """Score one prediction, and write its mask; called where it was made."""

    point: OperatingPoint
    other: OperatingPoint | None
    tolerance_px: int
    classes: int
    masks: Path | None

    def __call__(self, prediction: Prediction) -> _Scored:
        stem, source, group, found, truth = prediction
        predicted = classify(found[self.point.flips], self.point)
        if self.masks:
            write_png(self.masks / f"{stem}.png", encode_classes(predicted, self.classes))
        return _Scored(
            score_image(stem, source, group, found[self.point.flips], predicted, truth, self.tolerance_px),
            counts(classify(found[self.other.flips], self.other), truth) if self.other else None,
            f"{truth.shape[1]}x{truth.shape[0]}",
        )


def _looks(prediction: Prediction) -> dict[bool, Look]:
    return {flips: look(found, prediction.truth) for flips, found in prediction.probabilities.items()}


def protocol(
    images: Sequence[ImageScores], subset: str, size: str, point: OperatingPoint, point_from: str, tolerance_px: int
) -> dict[str, Any]:
    """Say what figures are of, and how they were taken.

    Args:
        images: that were scored.
        subset: their subset.
        size: their size as WIDTHxHEIGHT, px.
        point: at which they were scored.
        point_from: where it was chosen.
        tolerance_px: of the tolerant F1.
    """
    return {
        "subset": subset,
        "images": len(images),
        "images_with_cracks": sum(image.has_crack for image in images),
        "resolution": size,
        "operating_point": point.words(),
        **as_json(point),
        "threshold_from": point_from,
        "tolerance_px": tolerance_px,
        **REDUCTIONS,
    }

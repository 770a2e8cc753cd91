"""Measure a model on labelled pairs: choose operating points on some of them, score others at a given one."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crackflow.evaluation.figures import REDUCTIONS, figures, four_figures
from crackflow.evaluation.image_scores import ImageScores, score_image
from crackflow.evaluation.intervals import headline_intervals
from crackflow.evaluation.metrics import Counts, counts
from crackflow.evaluation.operating_point_search import OperatingPointSearch, SearchResult
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.components import ClassMask
from crackflow.inference.network import Network, predict, predict_views
from crackflow.inference.operating_point import OperatingPoint, Probabilities, as_json, classify
from crackflow.params import EvaluateParams
from crackflow.progress import track


class Prediction(NamedTuple):
    """What a model predicts for one pair, beside its truth."""

    stem: str
    source: str
    group: str
    probabilities: dict[bool, Probabilities]
    """float32 (H, W, C), by whether they are averaged over flips"""
    truth: ClassMask


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


def predictions(
    model: Network, pairs: ResizedPairs, rows: pd.DataFrame, flips: Sequence[bool], batch_size: int
) -> Iterator[Prediction]:
    """Predict pairs in batches; one batch is in memory at a time.

    Args:
        model: of any runtime.
        pairs: the resized pairs.
        rows: of split.csv, at least one: stem, source, group and subset are read.
        flips: for which probabilities are wanted: False as the image is, True averaged over flips.
        batch_size: images in a batch.

    Yields:
        A prediction for each row, in their order.

    Raises:
        ImageError: when a pair can't be read.
        ModelError: when the model does not fit.
    """
    starts = range(0, len(rows), batch_size)
    for start in track(starts, f"evaluate: {rows['subset'].iloc[0]}", unit="batch"):
        batch = rows.iloc[start : start + batch_size]
        read, truths = zip(*(pairs.pair(stem) for stem in batch["stem"]), strict=True)
        images = np.stack(read)
        if any(flips):
            found = dict(zip((False, True), predict_views(model, images), strict=True))
        else:
            found = {False: predict(model, images)}
        names = zip(batch["stem"], batch["source"], batch["group"], strict=True)
        for index, (stem, source, group) in enumerate(names):
            yield Prediction(stem, source, group, {one: found[one][index] for one in flips}, truths[index])


def search_operating_points(
    model: Network, pairs: ResizedPairs, rows: pd.DataFrame, params: EvaluateParams, folder: Path
) -> dict[bool, SearchResult]:
    """Choose an operating point on pairs: without flips, with them, or both where `params.compare_flips` is true.

    Args:
        model: of any runtime.
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
        found = predictions(model, pairs, rows, flips, params.batch_size)
        for prediction, subset in zip(found, rows["subset"], strict=True):
            for one, search in searches.items():
                search.add(prediction.probabilities[one], prediction.truth, foreign=subset == "foreign_valid")
        return {
            one: search.choose(
                params.threshold_metric, params.false_alarms, params.false_alarms_cost, params.foreign_weight
            )
            for one, search in searches.items()
        }


def score_pairs(
    model: Network,
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
        model: of any runtime.
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
    points = [point] if other is None else [point, other]
    images: list[ImageScores] = []
    others: list[Counts] = []
    size = ""
    flips = [one.flips for one in points]
    for stem, source, group, found, truth in predictions(model, pairs, rows, flips, params.batch_size):
        predicted = classify(found[point.flips], point)
        if masks:
            write_png(masks / f"{stem}.png", encode_classes(predicted, len(class_names)))
        images.append(score_image(stem, source, group, found[point.flips], predicted, truth, params.tolerance_px))
        if other:
            others.append(counts(classify(found[other.flips], other), truth))
        size = f"{truth.shape[1]}x{truth.shape[0]}"
    values = figures(images, class_names)
    values["intervals"] = headline_intervals(images)
    if other:
        by_point = {point: Counts.stack(image.counts for image in images), other: Counts.stack(others)}
        values["flips"] = {
            "averaged" if one.flips else "plain": {
                **four_figures(by_point[one]),
                "threshold": one.threshold,
                "smallest_area": one.smallest_area,
                "peak": one.peak,
            }
            for one in sorted(points, key=lambda one: not one.flips)
        }
    values["protocol"] = protocol(images, rows["subset"].iloc[0], size, point, point_from, params.tolerance_px)
    return Evaluation(values, images, point)


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

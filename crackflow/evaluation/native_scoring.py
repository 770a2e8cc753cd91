"""Score a model at the photographs' own pixels, as `crackflow predict` marks them: in squares where they are large."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crackflow.evaluation.figures import figures
from crackflow.evaluation.image_scores import ImageScores, score_image
from crackflow.evaluation.intervals import headline_intervals
from crackflow.evaluation.scoring import Evaluation, protocol
from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.components import SCALE
from crackflow.inference.looks import Look, at_own_size
from crackflow.inference.operating_point import OperatingPoint, Probabilities
from crackflow.inference.photographs import look_at, marked, model_function, side_of
from crackflow.params import EvaluateParams
from crackflow.progress import track


def score_native(
    model: Any,
    pairs: ResizedPairs,
    rows: pd.DataFrame,
    params: EvaluateParams,
    class_names: Sequence[str],
    point: OperatingPoint,
    point_from: str,
    mode: ResizeMode,
    *,
    masks: Path | None = None,
) -> Evaluation:
    """Score a model at a given operating point, each pair at its own size; one is in memory at a time.

    Args:
        model: of any runtime.
        pairs: of their own sizes.
        rows: at least one: stem, source, group and subset are read.
        params: the block `evaluate`; tolerance_px is read, in pixels of the photographs.
        class_names: the background first.
        point: how probabilities become masks; its areas are pixels at the scale of the look.
        point_from: where the point was chosen, for the protocol.
        mode: how the training pairs were resized, as for crackflow.inference.photographs.predict_photo.
        masks: a folder to which each predicted mask is written as STEM.png; None writes none.

    Returns:
        As crackflow.evaluation.scoring.score_pairs.

    Raises:
        ImageError: when a pair can't be read.
        ModelError: when the model does not fit, or predicts NaN.
    """
    side, function = side_of(model), model_function(model, flips=point.flips)
    images: list[ImageScores] = []
    sizes: list[tuple[int, int]] = []
    names: Iterator[tuple[str, str, str]] = zip(rows["stem"], rows["source"], rows["group"], strict=True)
    for stem, source, group in track(names, "score", len(rows), unit="photo"):
        photo, truth = pairs.pair(stem)
        size = photo.shape[0], photo.shape[1]
        look = look_at(function, photo, side, mode)
        predicted = marked(look, size, point).classes
        if masks:
            write_png(masks / f"{stem}.png", encode_classes(predicted, len(class_names)))
        found = probabilities(look, size)
        images.append(score_image(stem, source, group, found, predicted, truth, params.tolerance_px))
        sizes.append(size)
    values = figures(images, class_names)
    values["intervals"] = headline_intervals(images)
    values["protocol"] = {
        **protocol(images, str(rows["subset"].iloc[0]), spread(sizes), point, point_from, params.tolerance_px),
        "pixels": f"the photographs' own; those with a side above {side} px in squares of {side}x{side} that overlap, "
        "the others whole in one square, as by crackflow predict --scale auto",
    }
    return Evaluation(values, images, point)


def probabilities(look: Look, size: tuple[int, int]) -> Probabilities:
    """Give the class probabilities of a look at a photograph's own size, to 1 / SCALE.

    Args:
        look: at the photograph.
        size: its height and width, px.

    Returns:
        float32 (H, W, C), the background first.
    """
    planes = np.moveaxis(at_own_size(look, *size), 0, -1) / np.float32(SCALE)
    foreground = planes if planes.shape[-1] == 1 else planes[..., 1:]
    return np.concatenate([1 - planes[..., :1], foreground], axis=-1)


def spread(sizes: Sequence[tuple[int, int]]) -> str:
    """Say the sizes (height, width) of photographs as WxH: of all, or of the smallest and the largest."""
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    ends = [f"{width}x{height}" for height, width in (ordered[0], ordered[-1])]
    return ends[0] if len(ordered) == 1 else " to ".join(ends)

"""Predictions beside their truth: a sheet with a row of four pictures for each photograph."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackflow.imaging.images import encode_classes
from crackflow.visualization.contact_sheet import GAP, Picture, sheet
from crackflow.visualization.overlays import legend, overlay

HEADINGS = ("image", "truth", "prediction", "overlay")


class Compared(NamedTuple):
    """One photograph: its name and IoU for the caption, its pixels, and its masks as class numbers."""

    stem: str
    iou: float
    image: Picture
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


def comparison(pictures: Sequence[Compared], num_classes: int, width: int) -> Picture:
    """Lay out photographs with their truth, their prediction and both painted on them, below a legend.

    Args:
        pictures: a row each, from top to bottom; at least one.
        num_classes: of the masks.
        width: of one picture, px.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    rows = [
        (
            one.image,
            encode_classes(one.truth, num_classes),
            encode_classes(one.predicted, num_classes),
            overlay(one.image, one.truth, one.predicted),
        )
        for one in pictures
    ]
    captions = [[f"{one.stem}   IoU {one.iou:.3f}"] for one in pictures]
    key = legend(len(HEADINGS) * (width + GAP) - GAP)
    return sheet(rows, captions, HEADINGS, width, key)

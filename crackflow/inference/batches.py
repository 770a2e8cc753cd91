"""Several small photographs through a network at once: of several squares each core takes one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.images import Pixels
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.photographs import Prediction, Scale, look_at, marked, model_function
from crackflow.inference.tiling import Values
from crackflow.inference.views import averaged


class Small(NamedTuple):
    """A photograph that is looked at in one square."""

    photo: Pixels
    """uint8 RGB (H, W, 3)"""
    square: Pixels
    """uint8 RGB (side, side, 3), what the network gets of it"""


def small(photo: Pixels, side: int, mode: ResizeMode, scale: Scale) -> Small | None:
    """Prepare a photograph that has no more pixels than a square and is looked at in one; None for any other.

    Args:
        photo: uint8 RGB (H, W, 3).
        side: of the squares, px.
        mode: as crackflow.inference.photographs.predict_photo takes it.
        scale: likewise.
    """
    if photo.shape[0] * photo.shape[1] > side * side:
        return None
    squares: list[Pixels] = []

    def note(some: Pixels) -> Values:
        squares.extend(some)
        return np.zeros((*some.shape[:3], 1), np.float32)

    look_at(note, photo, side, mode, scale)
    return Small(photo, squares[0]) if len(squares) == 1 else None


def look_together(model: Network, photos: Sequence[Small], views: int) -> Values:
    """Give what a network finds in the squares of several photographs.

    Args:
        model: of any runtime.
        photos: as `small` gives them.
        views: how many views of each square are averaged.

    Returns:
        float32 (N, side, side, K), as crackflow.inference.photographs.model_function gives them.
    """
    return averaged(model_function(model, flips=False), views)(np.stack([one.square for one in photos]))


def mark_small(one: Small, values: Values, point: OperatingPoint, mode: ResizeMode, scale: Scale) -> Prediction:
    """Mark a photograph by what was found in its square.

    Args:
        one: the photograph.
        values: float32 (side, side, K), of `look_together`.
        point: as crackflow.inference.photographs.predict_photo takes it.
        mode: likewise.
        scale: likewise.

    Returns:
        What `predict_photo` gives for it.
    """
    look = look_at(lambda _: values[None], one.photo, len(values), mode, scale)
    return marked(look, (one.photo.shape[0], one.photo.shape[1]), point)

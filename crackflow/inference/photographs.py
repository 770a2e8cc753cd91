"""From photographs of any size to masks of the same size."""

from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from crackflow.errors import DataError, ModelError
from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.images import Pixels
from crackflow.imaging.on_disk import OnDisk
from crackflow.inference.components import ClassMask, Levels
from crackflow.inference.looks import Look, at_own_size, at_several_scales, in_squares, squeezed
from crackflow.inference.network import Network, predict
from crackflow.inference.operating_point import OperatingPoint, Probabilities, classify_levels, crack_probability
from crackflow.inference.scale_choice import choose_scale
from crackflow.inference.tiling import OfSquares
from crackflow.inference.views import averaged, of_point

Scale = float | Literal["auto", "fit", "several"]
SMALLEST_SCALE, LARGEST_SCALE = 0.01, 8.0
_TWO_CLASSES = 2


class Photograph(NamedTuple):
    """A photograph that is to be marked."""

    path: Path
    """where its file lies; of one from a zip, its unpacked copy"""
    name: str
    """what its results are called, without an extension, with forward slashes; no two of a run have the same"""
    shown: str
    """what tables and messages call it, with its extension"""


class Prediction(NamedTuple):
    """What a model finds on a photograph, at the photograph's own size."""

    probability: Levels
    """uint16 (H, W): level k stands for the crack probability k / 65536, rounded up"""
    classes: ClassMask
    """uint8 (H, W): class numbers; 0 is the background"""
    scale: float
    """at which the photograph was looked at: pixels of the model for one of the photograph, along a side"""


def predict_photo(
    model: Network,
    photo: Pixels,
    point: OperatingPoint,
    mode: ResizeMode = "stretch",
    scale: Scale = "auto",
    views: int | None = None,
    disk: OnDisk | None = None,
) -> Prediction:
    """Find the cracks in one photograph.

    The probabilities, and not the mask, are brought to the photograph's own size. So edges are smooth, and the
    operating point is applied to the photograph as a whole.

    Args:
        model: of any runtime.
        photo: uint8 RGB (H, W, 3).
        point: what is foreground, and which components of it are removed. Its areas are pixels at the scale at
            which the photograph is looked at.
        mode: how the training pairs were resized; it counts where the whole photograph is looked at in one square.
            With "crop" it is letterboxed then, so that no part of it is left out; with "tile" it is cut into parts.
        scale: a number above 0: of the copy of the photograph that is looked at in squares of the model's size; "fit":
            the whole photograph in one square, as the training pairs; "auto": as crackflow.inference.scale_choice
            says, but "fit" with mode "tile" where its shorter side is less than a square's: parts are enlarged then;
            "several": the mean over that and two others.
        views: how many views of each square are averaged, of crackflow.inference.views.VIEWS; None for as many as
            `point` was chosen with.
        disk: where the photograph's array lies, for one that is too large for memory; the probabilities are put there
            too. None leaves them in memory.

    Returns:
        Probability and classes of each pixel.

    Raises:
        ModelError: when the model's input is not a square of a fixed size, or it predicts NaN.
    """
    function = averaged(model_function(model, flips=False), of_point(point) if views is None else views)
    look = look_at(function, photo, side_of(model), mode, scale, disk)
    return marked(look, (photo.shape[0], photo.shape[1]), point)


def marked(look: Look, size: tuple[int, int], point: OperatingPoint) -> Prediction:
    """Mark a photograph by one look at it.

    Args:
        look: at the photograph.
        size: height and width of the photograph, px.
        point: as for `predict_photo`.

    Returns:
        Probability and classes of each pixel.
    """
    levels = at_own_size(look, *size)
    classes = classify_levels(levels[0], replace(point, smallest_area=point.smallest_area / look.scale**2))
    if len(levels) > 1:
        classes *= (levels[1:].argmax(axis=0) + 1).astype(np.uint8)
    return Prediction(levels[0], classes, look.scale)


def parse_scale(text: str) -> Scale:
    """Read a scale as a user writes it.

    Args:
        text: "auto", "fit", "several" or a number.

    Raises:
        DataError: when it is neither, or a number that no photograph should be enlarged or shrunk by.
    """
    words: dict[str, Scale] = {"auto": "auto", "fit": "fit", "several": "several"}
    if text in words:
        return words[text]
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not SMALLEST_SCALE <= scale <= LARGEST_SCALE:
        raise DataError(
            f"the scale is {text}, expected auto, fit, several, or a number from {SMALLEST_SCALE:g} to "
            f"{LARGEST_SCALE:g}: 1 for photographs in their own pixels, 0.5 for copies of half their size"
        )
    return scale


def side_of(model: Network) -> int:
    """The side of the squares that a model takes, px.

    Raises:
        ModelError: when its input is not a square of a fixed size.
    """
    _, height, width, _ = model.input_shape
    if height is None or height != width:
        raise ModelError(f"the model takes {width}x{height} px, expected a square of a fixed size; name another model")
    return int(height)


def model_function(model: Network, *, flips: bool) -> OfSquares:
    """Give the model as a function of squares: its crack probability, and with several foreground classes theirs."""

    def planes(squares: Pixels) -> Probabilities:
        found = predict(model, squares, flips=flips)
        crack = crack_probability(found)[..., None]
        return crack if found.shape[-1] == _TWO_CLASSES else np.concatenate([crack, found[..., 1:]], axis=-1)

    return planes


def look_at(
    function: OfSquares, photo: Pixels, side: int, mode: ResizeMode, scale: Scale = "auto", disk: OnDisk | None = None
) -> Look:
    """Look at a photograph at a scale.

    Args:
        function: as `model_function` gives it.
        photo: uint8 RGB (H, W, 3).
        side: of the squares, px.
        mode: as for `predict_photo`.
        scale: likewise.
        disk: likewise.
    """
    if scale == "several":
        return at_several_scales(function, photo, look_at(function, photo, side, mode), side)
    if scale == "auto":
        narrow = mode == "tile" and min(photo.shape[:2]) < side
        scale = "fit" if narrow else choose_scale(photo.shape[0], photo.shape[1], side)
    if isinstance(scale, str):
        return squeezed(function, photo, side, mode)
    return in_squares(function, photo, scale, side, disk)

"""From photographs of any size to masks of the same size."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from crackflow.errors import DataError, ModelError
from crackflow.imaging.fit import Mode, frame
from crackflow.imaging.images import Pixels
from crackflow.imaging.resize import resize_image
from crackflow.inference.operating_point import ClassMask, Levels, OperatingPoint, classify, fine_levels
from crackflow.sources.layouts import EXTENSIONS

if TYPE_CHECKING:
    # takes seconds, and finding photographs must not wait for it
    import keras


class Photograph(NamedTuple):
    """A photograph that is to be marked."""

    path: Path
    """where its file lies"""
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


def photos_in(path: Path) -> list[Photograph]:
    """Find photographs.

    Args:
        path: one photograph, or a folder. Files in folders inside it are not found.

    Returns:
        The photographs, sorted by name; no two have the same stem.

    Raises:
        DataError: when there is none, or two would write the same mask.
    """
    if path.is_file():
        return [_named(path)]
    if not path.is_dir():
        raise DataError(f"no photograph and no folder at {path}; expected one of the two")
    photos = [
        _named(file)
        for file in sorted(path.iterdir())
        if file.suffix.lower() in EXTENSIONS and file.is_file() and not file.name.startswith(".")
    ]
    if not photos:
        raise DataError(f"no photographs in {path}; expected files that end in {', '.join(EXTENSIONS)}")
    seen: dict[str, Photograph] = {}
    for photo in photos:
        if other := seen.get(photo.name):
            raise DataError(f"{other.shown} and {photo.shown} in {path} would write the same mask; rename one of them")
        seen[photo.name] = photo
    return photos


def predict_photo(model: "keras.Model", photo: Pixels, point: OperatingPoint, mode: Mode = "stretch") -> Prediction:
    """Find the cracks in one photograph.

    The photograph is resized to the model's square as stage resize does it. The probabilities, and not the mask, are
    resized back: so edges are smooth, and the operating point is applied at the photograph's own size.

    Args:
        model: as crackflow.inference.predictor.load_model gives it.
        photo: uint8 RGB (H, W, 3).
        point: what is foreground, which components of it are removed, and whether flips are averaged.
        mode: how the training pairs were resized. With "crop" the photograph is letterboxed, so that no part of it is
            left out. Its cracks are then thinner than those of the training pairs, by the ratio of the photograph's
            sides.

    Returns:
        Probability and classes of each pixel.

    Raises:
        ModelError: when the model's input is not a square of a fixed size, or it predicts NaN.
    """
    from crackflow.inference.predictor import predict

    height, width = photo.shape[:2]
    side = _side(model)
    whole: Mode = "letterbox" if mode == "crop" else mode
    probabilities = predict(model, resize_image(photo, side, whole)[None], flips=point.flips)[0]
    seen = probabilities[frame(height, width, side, whole).target]
    back = np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    # The point was chosen on whole squares. A letterboxed photograph fills only a part of one.
    smallest = min(1.0, point.smallest_share * side * side / (seen.shape[0] * seen.shape[1]))
    return Prediction(fine_levels(back), classify(back, replace(point, smallest_share=smallest)))


def _named(path: Path) -> Photograph:
    return Photograph(path, path.stem, path.name)


def _side(model: "keras.Model") -> int:
    _, height, width, _ = model.input_shape
    if height is None or height != width:
        raise ModelError(f"the model takes {width}x{height} px, expected a square of a fixed size; name another model")
    return int(height)

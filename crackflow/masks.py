"""Read masks as people drew and saved them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.errors import ImageError
from crackflow.images import Pixels, decode

# Formats that keep levels exactly, so that a level of 1 is meant and not an artefact.
_LOSSLESS = {".png", ".bmp", ".tif", ".tiff"}


class Mask(NamedTuple):
    """A mask, and how its file held it.

    Attributes:
        classes: uint8 (H, W), 0 <= class < number of classes.
        kind: "levels" for the classes' own grey levels, "numbers" for class numbers, "colours" for RGB, "palette" for
            a file with a colour table.
        faint_share: share of the picture, 0..1, that is not background in the file to the letter and read as
            background all the same, as the greys that JPEG makes around a crack are.
    """

    classes: Pixels
    kind: Literal["levels", "numbers", "colours", "palette"]
    faint_share: float


def read_mask(path: Path, colours: Sequence[tuple[int, int, int]]) -> Mask:
    """Read a mask as class numbers.

    Each pixel is the class whose colour is nearest in RGB space, so the in-between levels that JPEG makes are sorted
    out; with black and white alone a pixel above 127 is class 1.

    Args:
        path: a file as for `read_image`.
        colours: RGB 0..255 of each class, the background first.

    Returns:
        The mask's classes, below len(colours), and how the file held them.

    Raises:
        ImageError: when the file is absent, truncated, not an image, or holds class numbers in place of colours.
    """
    palette = np.asarray(colours, dtype=np.int32)
    if (palette == palette[:, :1]).all():
        levels = decode(path, cv2.IMREAD_GRAYSCALE)
        _refuse_class_numbers(path, levels, len(colours))
        classes = np.asarray(_nearest(np.arange(256)[:, None], palette[:, :1])[levels])
        return Mask(classes, "levels", float(np.mean((classes == 0) & (levels != palette[0, 0]))))
    pixels = decode(path, cv2.IMREAD_COLOR_RGB)
    _refuse_class_numbers(path, pixels, len(colours))
    classes = _nearest(pixels, palette)
    return Mask(classes, "colours", float(np.mean((classes == 0) & (pixels != palette[0]).any(axis=-1))))


def _nearest(pixels: NDArray[np.integer], palette: NDArray[np.int32]) -> Pixels:
    """Number of the nearest colour along the last axis; the lower number at a tie."""
    best = np.zeros(pixels.shape[:-1], dtype=np.uint8)
    least = np.full(pixels.shape[:-1], np.iinfo(np.int32).max, dtype=np.int32)
    wide = pixels.astype(np.int32)
    for number, colour in enumerate(palette):
        distance = ((wide - colour) ** 2).sum(axis=-1, dtype=np.int32)
        nearer = distance < least
        best[nearer] = number
        least[nearer] = distance[nearer]
    return best


def _refuse_class_numbers(path: Path, pixels: Pixels, num_classes: int) -> None:
    """Levels 0 and 1 in place of 0 and 255 would all be read as background, and no one would be told."""
    highest = int(pixels.max())
    if 0 < highest < num_classes and path.suffix.lower() in _LOSSLESS:
        raise ImageError(
            f"{path.name} holds levels 0 to {highest}, which look like class numbers; "
            "expected the colours under `classes`: write the mask with those"
        )

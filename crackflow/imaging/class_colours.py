"""Which class a pixel of a mask is of, by its grey level or colour."""

import functools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.imaging.images import Pixels

Colours = Sequence[tuple[int, int, int]]
Kind = Literal["levels", "numbers", "colours", "palette"]

# With two classes, a pixel is crack where any channel differs from the background by more than half of the largest
# difference in the file, and by more than a bound between these two. So dark red on black is crack, though it is nearer
# to black than to white. Between black and white the higher bound is the same as the nearest colour. Below the lower
# one lies what compression leaves.
_FAR = (63, 127)


class DecodedMask(NamedTuple):
    """The classes of a mask, and how its file stored them.

    Attributes:
        classes: uint8 (H, W), 0 <= class < number of classes.
        kind: "levels" for grey levels, "numbers" for class numbers, "colours" for RGB, "palette" for a file with a
            colour table.
        faint_share: share of the image, 0..1, that is read as background though it has not exactly the background's
            colour, such as the greys that JPEG makes around a crack.
    """

    classes: Pixels
    kind: Kind
    faint_share: float


class ClassColours(NamedTuple):
    """Which class a colour means.

    Attributes:
        colours: int32 (C, 3), RGB, the background first.
        by_level: uint8 (256,), the class of each grey level.
        threshold: the level above which everything is class 1; None where one threshold is not enough.
    """

    colours: NDArray[np.int32]
    by_level: Pixels
    threshold: int | None

    def decode(self, pixels: Pixels) -> DecodedMask:
        """Classes of grey levels (H, W) or BGR colours (H, W, 3)."""
        if pixels.ndim == 3:
            rgb = pixels[..., ::-1]
            classes = nearest_class(rgb, self.colours)
            differing = int(np.count_nonzero((rgb != self.colours[0]).any(axis=-1)))
            return DecodedMask(classes, "colours", _share(differing, classes))
        if self.threshold is not None:
            classes = np.asarray(cv2.threshold(pixels, self.threshold, 1, cv2.THRESH_BINARY)[1], dtype=np.uint8)
        else:
            classes = np.asarray(cv2.LUT(pixels, self.by_level), dtype=np.uint8)
        red, green, blue = self.colours[0].tolist()
        if red == green == blue:
            differing = cv2.countNonZero(pixels) if red == 0 else int(np.count_nonzero(pixels != red))
        else:
            differing = pixels.size
        return DecodedMask(classes, "levels", _share(differing, classes))


@functools.cache
def class_colours(colours: tuple[tuple[int, int, int], ...]) -> ClassColours:
    """Prepare the decoding of masks.

    Args:
        colours: RGB 0..255 of each class, the background first.
    """
    palette = np.asarray(colours, dtype=np.int32)
    by_level = nearest_class(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1), palette)
    first = int(by_level.argmax())
    plain = first > 0 and bool((by_level[first:] == 1).all())
    return ClassColours(palette, by_level, first - 1 if plain else None)


def _share(differing: int, classes: Pixels) -> float:
    """Share of the pixels that differ from the background's colour and are still background."""
    return (differing - cv2.countNonZero(classes)) / classes.size


def nearest_class(pixels: Pixels, palette: NDArray[np.int32]) -> Pixels:
    """Find the class of the nearest colour.

    Args:
        pixels: uint8 (..., 3), RGB.
        palette: int32 (C, 3), RGB, the background first. Of two colours, the second one is taken wherever a channel
            clearly differs from the first.

    Returns:
        uint8 (...), class numbers; the lower one at a tie.
    """
    wide = pixels.astype(np.int32)
    best = np.zeros(pixels.shape[:-1], dtype=np.uint8)
    least = ((wide - palette[0]) ** 2).sum(axis=-1, dtype=np.int32)
    for number, colour in enumerate(palette[1:], start=1):
        distance = ((wide - colour) ** 2).sum(axis=-1, dtype=np.int32)
        nearer = distance < least
        best[nearer] = number
        least[nearer] = distance[nearer]
    if len(palette) == 2:
        away = np.abs(wide - palette[0]).max(axis=-1)
        best[away > np.clip(away.max() // 2, *_FAR)] = 1
    return best

"""A photograph that is marked, as the kinds of output get it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from crackflow.imaging.images import Pixels
from crackflow.imaging.png_strips import strips_of
from crackflow.inference.components import Levels
from crackflow.inference.photographs import Photograph


@dataclass(frozen=True)
class MarkedPhoto:
    """A photograph and what the model found on it.

    All arrays have the photograph's own size.

    Attributes:
        source: its file, what its results are called (`name`), and what tables call it (`shown`).
        photo: uint8 RGB (H, W, 3).
        probability: uint16 (H, W): level k stands for the crack probability k / 65536.
        classes: uint8 (H, W), class numbers; 0 is the background.
        num_classes: number of classes, the background included.
        release: lets the system have the memory of arrays that lie on the disk.
    """

    source: Photograph
    photo: Pixels
    probability: Levels
    classes: Pixels
    num_classes: int
    release: Callable[[], None] = lambda: None

    def grey(self) -> Pixels:
        """Give the photograph in grey, uint8 (H, W)."""
        height, width = self.classes.shape
        found = np.empty((height, width), np.uint8)
        for rows in strips_of(height, width):
            cv2.cvtColor(self.photo[rows], cv2.COLOR_RGB2GRAY, dst=found[rows])
            self.release()
        return found

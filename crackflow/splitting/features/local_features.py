"""Local features of a photograph: small places that are found again after it was turned, zoomed, sheared or cut.

SIFT (Lowe 2004, "Distinctive image features from scale-invariant keypoints", IJCV 60), as OpenCV has it. Crack-free
pavement is weak and fine texture, so the limit of contrast is a quarter of OpenCV's.
"""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256
"""Photographs are made so many px wide and high before features are looked for."""

COUNT = 300
"""Features that are kept of a photograph, those of most contrast; ties may add a few."""

_CONTRAST = 0.01
_LENGTH = 128
# A descriptor has 4 x 4 cells of 8 directions, in the frame of the feature's own direction. A mirror exchanges the two
# sides of that direction: rows of cells are reversed, and directions are negated.
_MIRRORED = np.arange(_LENGTH).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].reshape(-1)


class Features(NamedTuple):
    """Features of a photograph.

    Attributes:
        points: float32 (N, 2), x and y in px of the photograph at SIDE x SIDE.
        angles: float32 (N,), the direction of each, in degrees clockwise, 0 to below 360.
        descriptors: uint8 (N, 128).
    """

    points: NDArray[np.float32]
    angles: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def mirrored(self) -> "Features":
        """The features that the photograph has when it is mirrored left to right, without looking at it."""
        return Features(
            np.column_stack([SIDE - 1 - self.points[:, 0], self.points[:, 1]]),
            (180 - self.angles) % 360,
            np.ascontiguousarray(self.descriptors[:, _MIRRORED]),
        )

    def packed(self) -> list[str]:
        """Text for JSON, which `unpack` reads."""
        return [base64.b64encode(array.tobytes()).decode() for array in self]


def unpack(packed: Sequence[str]) -> Features:
    """Read what `Features.packed` gave."""
    points, angles, descriptors = map(base64.b64decode, packed)
    return Features(
        np.frombuffer(points, np.float32).reshape(-1, 2),
        np.frombuffer(angles, np.float32),
        np.frombuffer(descriptors, np.uint8).reshape(-1, _LENGTH),
    )


def local_features(grey: NDArray[np.uint8]) -> Features:
    """Find the features of a photograph.

    Args:
        grey: uint8 (H, W); any size, any aspect.

    Returns:
        About `COUNT` features; fewer, or none, where there is no texture. Bytes are the same each time as long as
        OpenCV's own threads are off, which engines see to.
    """
    found, descriptors = cv2.SIFT.create(COUNT, contrastThreshold=_CONTRAST).detectAndCompute(at_side(grey), None)
    if descriptors is None:
        return Features(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros((0, _LENGTH), np.uint8))
    points = np.array([one.pt for one in found], np.float32)
    angles = np.array([one.angle for one in found], np.float32) % 360
    # OpenCV gives whole numbers, 0 to 255, as floats
    return Features(points, angles, descriptors.astype(np.uint8))


def at_side(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photograph (H, W) made SIDE x SIDE, whatever its aspect."""
    interpolation = cv2.INTER_AREA if min(grey.shape) >= SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=interpolation), np.uint8)

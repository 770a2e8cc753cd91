"""Whether a photograph shows a dark line along a way: how much darker it is there than on both sides."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter1d

Points = NDArray[np.int32]
# The surroundings of a line begin so far beyond its edge, px, and are so broad.
_BEYOND, _BROAD = 4, 6
# Along the way, px: what is averaged, and what its direction is taken from.
_ALONG, _SMOOTH = 21, 9


def depths(grey: NDArray[np.uint8], way: Points, aside: float, half: float) -> NDArray[np.float64]:
    """Say how dark the line along a way is, place by place.

    The levels across the way are averaged along some px of it, so that grain and noise cancel out.

    Args:
        grey: uint8 (H, W).
        way: (N, 2), x and y, steps of about 1 px, N >= 1.
        aside: by how much the line may lie beside the way, px.
        half: half of its width, at most, px.

    Returns:
        float64 (N,): the surroundings' level less the darkest level on the way, as a share of the surroundings': 0
        where there is no line, 1 for a black one, below 0 for a bright one.
    """
    edge = np.ceil(max(aside, half)) + _BEYOND
    across = np.arange(-edge - _BROAD, edge + _BROAD + 1)
    at = way[:, None, :] + across[None, :, None] * _normals(way)[:, None, :]
    levels = map_coordinates(grey, [at[..., 1], at[..., 0]], np.float64, order=1, mode="nearest")
    levels = uniform_filter1d(levels, _ALONG, axis=0, mode="nearest")
    around = levels[:, np.abs(across) >= edge].mean(axis=1)
    smooth = uniform_filter1d(levels, 3, axis=1, mode="nearest")
    darkest = smooth[:, np.abs(across) <= aside].min(axis=1)
    return np.asarray((around - darkest) / np.maximum(around, 1.0))


def grey_of(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey levels, uint8 (H, W), of an RGB photograph, uint8 (H, W, 3)."""
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)


def _normals(way: Points) -> NDArray[np.float64]:
    """Unit vectors square to the way, float64 (N, 2)."""
    if len(way) < 2:
        return np.tile([1.0, 0.0], (len(way), 1))
    last = np.arange(len(way))
    ahead, behind = np.minimum(last + _SMOOTH, len(way) - 1), np.maximum(last - _SMOOTH, 0)
    along = (way[ahead] - way[behind]).astype(np.float64)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    return np.asarray(normal / np.maximum(np.hypot(*normal.T), 1e-9)[:, None])

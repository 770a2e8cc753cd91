"""Two photographs of one place made alike in tone and sharpness, so that what still differs is the place itself.

Another tone curve or focus changes how dark and how broad a crack looks, and with it its optical width. The surface
beside the cracks is the same at both dates. So it tells by which curve one photograph's levels become the other's, and
how much blurrier one of the two is.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Texture = NDArray[np.float32]
# The texture of a surface: coarser than grain and blur, finer than shadows. Standard deviations, px.
_GRAIN, _FINE, _COARSE = 1.0, 2.5, 12.0
# Exponents beyond these are no camera's; where the textures agree by less, nothing is known of them.
_MOST_EXPONENT, _LEAST_AGREEMENT = 2.5, 0.5
# How blurry, px, and in which steps it is sought.
_MOST_BLUR, _STEPS = 3.0, (1.0, 0.25)
# Pixels of surface that are enough to tell, and the side of the part of a photograph that is looked at, px.
_ENOUGH, _SIDE = 2000, 1600


class Alike(NamedTuple):
    """Two photographs, uint8 (H, W) both, and what was done to them.

    Attributes:
        first: the first, blurred where it was the sharper one.
        second: the second with the tone of the first, and blurred where it was the sharper one.
        exponent: the power of the second's level / 255 that is as the first has it but for a factor.
        blur_px: standard deviation by which the first was blurred; below 0 where it was the second.
        known: whether the surfaces agree enough to tell. Where not, both are as they were.
    """

    first: Grey
    second: Grey
    exponent: float = 1.0
    blur_px: float = 0.0
    known: bool = True


def make_alike(first: Grey, second: Grey, surface: NDArray[np.bool_]) -> Alike:
    """Give the second photograph the tone of the first, and the sharper one the blur of the other.

    The tone is a power of the level, as the gamma of a camera is. Its exponent is the ratio of the spreads of both
    textures in logarithms of levels. Neither exposure nor a shadow that changes slowly matters to it.

    Args:
        first: uint8 (H, W), grey levels.
        second: likewise, in the frame of the first.
        surface: bool (H, W), what both show and where no crack is near.
    """
    part = _part(surface)
    seen = surface[part]
    if np.count_nonzero(seen) < _ENOUGH:
        return Alike(first, second, known=False)
    blur = _blur_between(_Surface(first[part], seen), _Surface(second[part], seen))
    one, other = _blurred(first, blur), _blurred(second, -blur)
    textures = [_Surface(grey[part], seen).texture(_FINE) for grey in (one, other)]
    if _agreement(*textures) < _LEAST_AGREEMENT:
        return Alike(first, second, known=False)
    ratio = _spread(textures[0]) / _spread(textures[1])
    exponent = float(np.clip(ratio, 1 / _MOST_EXPONENT, _MOST_EXPONENT))
    levels = (np.arange(256) / 255) ** exponent
    factor = np.median(one[part][seen]) / max(255 * np.median(levels[other[part][seen]]), 1.0)
    tone = np.clip(np.rint(255 * factor * levels), 0, 255).astype(np.uint8)
    return Alike(one, np.asarray(cv2.LUT(other, tone), np.uint8), exponent, blur)


class _Surface:
    """A photograph's surface, in logarithms of levels: a factor of exposure is an offset there."""

    def __init__(self, grey: Grey, seen: NDArray[np.bool_]) -> None:
        self._seen = seen
        self._logs = np.log(np.maximum(grey, 1).astype(np.float32))
        # without the cracks, which are dark
        weight = seen.astype(np.float32)
        slow = _gauss(self._logs * weight, _COARSE) / np.maximum(_gauss(weight, _COARSE), 1e-3)
        self._slow = slow[seen]

    def texture(self, fine: float) -> Texture:
        """What is left where changes slower than `_COARSE` and quicker than `fine`, px, are taken away, (N,)."""
        return np.asarray(_gauss(self._logs, fine)[self._seen] - self._slow, np.float32)


def _part(surface: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns around the middle of the surface that are looked at."""
    ends = []
    for axis, side in enumerate(surface.shape):
        along = np.flatnonzero(surface.any(axis=1 - axis))
        middle = int(along.mean()) if len(along) else side // 2
        start = max(0, min(middle - _SIDE // 2, side - _SIDE))
        ends.append(slice(start, start + _SIDE))
    return ends[0], ends[1]


def _blur_between(first: _Surface, second: _Surface) -> float:
    """By how much the first, or with a minus the second, is to be blurred until both surfaces agree most."""
    plain = first.texture(_GRAIN), second.texture(_GRAIN)
    found = {0.0: _agreement(*plain)}
    best, reach = 0.0, _MOST_BLUR
    for step in _STEPS:
        for blur in np.arange(best - reach, best + reach + step / 2, step).tolist():
            if abs(blur) > _MOST_BLUR or blur in found:
                continue
            blurred = (first if blur > 0 else second).texture(float(np.hypot(_GRAIN, blur)))
            found[blur] = _agreement(blurred, plain[1]) if blur > 0 else _agreement(plain[0], blurred)
        best, reach = max(found, key=lambda blur: found[blur]), step
    return best


def _agreement(one: Texture, other: Texture) -> float:
    """The correlation; 0 where one of the two has no texture."""
    return float(np.corrcoef(one, other)[0, 1]) if min(one.std(), other.std()) > 1e-6 else 0.0


def _spread(texture: Texture) -> float:
    """What the middle 80 % lie apart: a few stains and stones are not the texture."""
    low, high = np.percentile(texture, (10, 90))
    return float(high - low)


def _blurred(grey: Grey, sigma: float) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.uint8) if sigma > 0 else grey


def _gauss(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)

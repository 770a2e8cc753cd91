"""Hash what a photograph looks like in 256 bits, so that the same one is recognized under another name.

The hash holds the signs of the lowest 16 x 16 frequencies of the cosine transform. pHash (Zauner 2010, and
imagehash's `phash`) compares with the median; here signs are about zero. Then mirroring an image negates every odd
frequency of one axis, and a quarter turn exchanges the axes. So the hashes of all eight turns follow from the stored
one (`crackflow.splitting.near_duplicates`), and no image is read again. docs/explanation/duplicates.md has the
measurements.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

SIDE = 16
"""Frequencies along each axis; a hash has SIDE * SIDE bits."""

# Four pixels to the shortest wave that is kept; finer detail is lost when images are scaled or compressed.
_THUMB = 4 * SIDE


def perceptual_hash(image: NDArray[np.uint8]) -> str:
    """Hash what a photograph looks like.

    Args:
        image: uint8 RGB (H, W, 3) or grey (H, W); any size, any aspect.

    Returns:
        256 bits as 64 hexadecimal digits, row by row; a bit is 1 where the frequency's coefficient is above 0. The
        first bit, the mean's, is always 1.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    thumb = cv2.resize(grey, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA)
    signs = dctn(thumb.astype(np.float32))[:SIDE, :SIDE] > 0
    signs[0, 0] = True
    return np.packbits(signs).tobytes().hex()

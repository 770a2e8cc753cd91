"""Random changes of a training pair: crop, flips and rotations, light, noise, compression, colours.

`geometry` changes image and mask together; `light` and `restyle` change the image only. All randomness comes from the
generator that the caller passes, so the caller decides what is reproducible.
"""

import cv2
import numpy as np
import numpy.typing as npt

from crackflow.imaging.resize import resize_mask
from crackflow.params import AugmentParams

Pixels = npt.NDArray[np.uint8]

COMPRESSED = 0.5  # share of the images that are saved as JPEG in between, where that is switched on
SHADOWED = 0.3  # share of the images that get a shadow, where shadows are switched on


def crop_box(
    mask: Pixels, crop: int, crack_crops: float, scale: float, rng: np.random.Generator
) -> tuple[int, int, int]:
    """Choose the square that a crop is cut from.

    Args:
        mask: (H, W) uint8 class indices, 0 the background.
        crop: side of the crop that the square is resized to, px; 0 takes the whole image.
        crack_crops: probability that the square is placed on a crack pixel, where the mask has one.
        scale: the square's side is `crop` divided or multiplied by up to 1 + scale.
        rng: the source of randomness.

    Returns:
        Top, left, side, in px of the mask, within it.
    """
    height, width = mask.shape
    shortest = min(height, width)
    zoom = (1 + scale) ** rng.uniform(-1, 1)
    side = int(np.clip(round((crop or shortest) * zoom), 1, shortest))
    top = int(rng.integers(0, height - side + 1))
    left = int(rng.integers(0, width - side + 1))
    if rng.random() < crack_crops:
        cracks = cv2.findNonZero(mask)  # a quarter of the time of np.flatnonzero
        if cracks is not None:
            column, row = map(int, cracks.reshape(-1, 2)[rng.integers(cracks.size // 2)])
            top = int(np.clip(row - rng.integers(0, side), 0, height - side))
            left = int(np.clip(column - rng.integers(0, side), 0, width - side))
    return top, left, side


def geometry(
    image: Pixels, mask: Pixels, box: tuple[int, int, int], size: int, params: AugmentParams, rng: np.random.Generator
) -> tuple[Pixels, Pixels]:
    """Cut `box` out of a pair, resize it to `size`, flip and rotate it.

    Args:
        image: (H, W, 3) or (H, W, 1) uint8.
        mask: (H, W) uint8 class indices.
        box: top, left, side, px.
        size: side of the result, px.
        params: `flips` and `rot90` are read.
        rng: the source of randomness.

    Returns:
        Image (size, size, channels) and mask (size, size), uint8, contiguous.
    """
    top, left, side = box
    channels = image.shape[2]
    image = image[top : top + side, left : left + side]
    mask = mask[top : top + side, left : left + side]
    if side != size:
        smooth = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, (size, size), interpolation=smooth), np.uint8)
        # as stage resize does: the nearest pixel alone would break nearly every slanted line of 1 px
        mask = resize_mask(mask, size, int(mask.max()) + 1)
    if params.flips:
        for axis in (0, 1):
            if rng.random() < 0.5:
                image, mask = np.flip(image, axis), np.flip(mask, axis)
    if params.rot90:
        turns = int(rng.integers(4))
        image, mask = np.rot90(image, turns), np.rot90(mask, turns)
    return np.ascontiguousarray(image).reshape(size, size, channels), np.ascontiguousarray(mask)


def light(image: Pixels, params: AugmentParams, rng: np.random.Generator) -> Pixels:
    """Change exposure, contrast, gamma, sharpness, noise and compression.

    Args:
        image: (H, W, 3) or (H, W, 1) uint8.
        params: the amounts; 0 leaves a property as it is.
        rng: the source of randomness.

    Returns:
        uint8 of the same shape.
    """
    # Brightness, contrast and gamma in one table of 256 entries, which is cheaper than on every pixel.
    shape = image.shape
    levels = np.linspace(0, 1, 256)
    levels = levels ** (1 + rng.uniform(-params.gamma, params.gamma))
    levels = (levels - 0.5) * (1 + rng.uniform(-params.contrast, params.contrast)) + 0.5
    levels = levels + rng.uniform(-params.brightness, params.brightness)
    table = np.clip(np.rint(levels * 255), 0, 255).astype(np.uint8)
    lit = np.asarray(cv2.LUT(image, table), np.uint8)
    if params.shadow and rng.random() < SHADOWED:
        lit = _shade(lit.reshape(shape), params.shadow, rng)
    sigma = rng.uniform(0, params.blur)
    if sigma > 0.2:  # below that a Gaussian of whole pixels changes nothing
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), sigma), np.uint8)
    deviation = rng.uniform(0, params.noise) * 255
    if deviation > 0:
        noise = rng.standard_normal(shape[:2], dtype=np.float32) * np.float32(deviation)
        lit = np.asarray(cv2.add(lit, cv2.merge([noise] * shape[2]), dtype=cv2.CV_8U), np.uint8)  # rounds and saturates
    lit = lit.reshape(shape)  # OpenCV drops the axis of a single channel
    if params.jpeg and rng.random() < COMPRESSED:
        lit = _compress(lit, 1 - rng.uniform(0, params.jpeg))
    return lit


def restyle(image: Pixels, other: Pixels, rng: np.random.Generator) -> Pixels:
    """Give an image the colours of another: the mean and the spread of each channel of CIELAB, wholly or in part.

    Reinhard et al. 2001, Color transfer between images (doi 10.1109/38.946629), in CIELAB. What a place's camera and
    light have in common is in these numbers; where the cracks are is not.

    Args:
        image: (H, W, 3) or (H, W, 1) uint8.
        other: the image whose colours are taken, with as many channels; of any size.
        rng: the source of randomness.

    Returns:
        uint8 of the shape of `image`.
    """
    one, two = (_lab(picture) for picture in (image, other))
    share = rng.uniform()
    mean, spread = one.mean(axis=(0, 1)), one.std(axis=(0, 1))
    target_mean, target_spread = two.mean(axis=(0, 1)), two.std(axis=(0, 1))
    gain = 1 + share * (target_spread / np.maximum(spread, 1) - 1)
    return _from_lab((one - mean) * gain + mean + share * (target_mean - mean))


def _lab(image: Pixels) -> npt.NDArray[np.float32]:
    """Levels of CIELAB in 0..255 of a colour image; a grey one as it is."""
    levels = cv2.cvtColor(image, cv2.COLOR_RGB2LAB) if image.shape[2] == 3 else image
    return np.asarray(levels, np.float32)


def _from_lab(levels: npt.NDArray[np.float32]) -> Pixels:
    image = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_LAB2RGB) if image.shape[2] == 3 else image, np.uint8)


def _compress(image: Pixels, quality: float) -> Pixels:
    """Save as JPEG and read again, as cameras and web pages do; `quality` in 0..1."""
    colour = image.shape[2] == 3
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if colour else image
    _, saved = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, round(100 * quality)])
    read = np.asarray(cv2.imdecode(saved, cv2.IMREAD_COLOR_RGB if colour else cv2.IMREAD_GRAYSCALE), np.uint8)
    return read.reshape(image.shape)


def _shade(image: Pixels, amount: float, rng: np.random.Generator) -> Pixels:
    """Darken one side of a straight, more or less soft edge, as the shadow of a kerb or a car does."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    across, down = np.cos(angle), np.sin(angle)
    columns = (np.arange(width) / width - rng.uniform()) * across
    rows = (np.arange(height) / height - rng.uniform()) * down
    softness = rng.uniform(0.005, 0.1)
    inside = 1 / (1 + np.exp(-np.clip((rows[:, None] + columns) / softness, -30, 30)))
    light_left = (1 - rng.uniform(0, amount) * inside).astype(np.float32)
    return np.asarray(image * light_left[..., None], np.uint8)

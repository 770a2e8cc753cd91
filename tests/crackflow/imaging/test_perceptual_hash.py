import cv2
import numpy as np
import pytest

from crackflow.imaging.perceptual_hash import SIDE, perceptual_hash
from crackflow.params import SplitParams

LIMIT = SplitParams().duplicate_distance


def texture(seed, side=96):
    """Blurred noise of several grains, as pavement is."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(128, 60, (side // n, side // n)), (side, side)) for n in (2, 6, 16)]
    grey = np.clip(np.mean(layers, axis=0), 0, 255).astype(np.uint8)
    return np.dstack([grey] * 3)


def apart(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_a_hash_is_256_bits_in_hexadecimal():
    value = perceptual_hash(texture(0))
    assert len(value) == 64
    assert 0 <= int(value, 16) < 2**256
    assert value == perceptual_hash(texture(0))


def test_each_bit_is_the_sign_of_one_frequency():
    """A picture that is one cosine, k waves down and l across, has the bits of the mean and of (k, l) alone.

    The type 2 transform of cos(pi (2y + 1) k / 2n) is 0 but at k. Rounding to whole grey values disturbs the others by
    far less than they'd need to be sure of their sign, so their coefficients, not their bits, are what must be small:
    the bit of (k, l) follows the wave's sign, whatever the others do.
    """
    place = np.arange(64)
    for down, across in ((1, 0), (0, 1), (3, 5), (SIDE - 1, SIDE - 1)):
        wave = np.cos(np.pi * (2 * place[:, None] + 1) * down / 128) * np.cos(np.pi * (2 * place + 1) * across / 128)
        bit = SIDE * SIDE - 1 - (SIDE * down + across)
        for sign in (1, -1):
            value = perceptual_hash((128 + sign * 100 * wave).round().astype(np.uint8))
            assert int(value, 16) >> bit & 1 == (sign == 1), (down, across, sign)
            assert int(value, 16) >> (SIDE * SIDE - 1) == 1


def test_a_blank_picture_has_the_mean_s_bit_alone():
    assert perceptual_hash(np.zeros((30, 50), np.uint8)) == "8" + "0" * 63
    assert perceptual_hash(np.full((30, 50, 3), 255, np.uint8)) == "8" + "0" * 63


@pytest.mark.parametrize(
    "change",
    [
        lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR),
        lambda image: cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA),
        lambda image: cv2.resize(image, (160, 120)),
        lambda image: (image * 0.8 + 20).astype(np.uint8),
        lambda image: image[..., 0],
        lambda image: image[1:-1, 1:-1],
    ],
    ids=["jpeg", "smaller", "stretched", "brighter", "grey", "trimmed"],
)
def test_the_same_photograph_stays_near(change):
    for seed in range(5):
        image = texture(seed)
        assert apart(perceptual_hash(image), perceptual_hash(change(image))) <= LIMIT


def test_different_photographs_are_far():
    """Two random hashes differ in 128 of 255 bits, give or take 8."""
    values = [perceptual_hash(texture(seed)) for seed in range(20)]
    assert min(apart(a, b) for place, a in enumerate(values) for b in values[:place]) > LIMIT + 32

import cv2
import numpy as np
import pytest

from crackflow.hashing import near_duplicates, perceptual_hash
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
    hashes = {str(seed): perceptual_hash(texture(seed)) for seed in range(40)}
    # two random hashes with half of the bits set differ in 128 of 256
    assert near_duplicates(hashes, LIMIT) == []
    assert len(near_duplicates(hashes, 256)) == 40 * 39 / 2


def test_pairs_are_those_that_counting_bits_one_by_one_finds():
    rng = np.random.default_rng(3)
    hashes = {}
    for number in range(150):
        value = int.from_bytes(rng.bytes(32))
        # a third of them are copies of the one before with up to 60 bits flipped
        if number % 3 == 1:
            value = int(hashes[f"n{number - 1}"], 16)
            for bit in rng.choice(256, rng.integers(0, 60), replace=False).tolist():
                value ^= 1 << bit
        hashes[f"n{number}"] = f"{value:064x}"
    names = list(hashes)
    expected = [
        (one, other)
        for place, one in enumerate(names)
        for other in names[place + 1 :]
        if apart(hashes[one], hashes[other]) <= 30
    ]
    assert 5 < len(expected) < 50
    assert near_duplicates(hashes, 30) == expected


def test_the_distance_itself_counts_as_near():
    hashes = {"a": "0" * 64, "b": "0" * 63 + "7"}
    assert near_duplicates(hashes, 2) == []
    assert near_duplicates(hashes, 3) == [("a", "b")]


@pytest.mark.parametrize("hashes", [{}, {"a": "0" * 64}])
def test_fewer_than_two_have_no_duplicates(hashes):
    assert near_duplicates(hashes, 256) == []

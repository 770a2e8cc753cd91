import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.imaging.perceptual_hash import perceptual_hash
from crackflow.splitting.near_duplicates import TURNS, NearDuplicate, near_duplicates

HASHES = st.integers(0, 2**255 - 1).map(lambda value: f"{value + 2**255:064x}")


def bit(row, column):
    """The hash whose one bit is that of this frequency."""
    return 1 << 255 - (16 * row + column)


def by_hand(value):
    """A hash in all eight turns, bit by bit."""
    square = [[bool(int(value, 16) & bit(row, column)) for column in range(16)] for row in range(16)]
    found = []
    for mirrored in (False, True):
        turned = [[square[r][c] ^ (mirrored and c % 2 == 1) for c in range(16)] for r in range(16)]
        for _ in range(4):
            found.append(sum(bit(r, c) for r in range(16) for c in range(16) if turned[r][c]))
            turned = [[turned[c][r] ^ (r % 2 == 1) for c in range(16)] for r in range(16)]
    return found


def picture(seed, shape=(64, 64)):
    noise = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    return cv2.equalizeHist(cv2.GaussianBlur(noise, (0, 0), 3))


@pytest.mark.parametrize("shape", [(64, 64), (96, 128)])
def test_every_flip_and_quarter_turn_is_found_and_named(shape):
    image = picture(1, shape)
    turned = [np.rot90(side, quarter) for side in (image, image[:, ::-1]) for quarter in range(4)]
    found = [
        near_duplicates({"a": perceptual_hash(image), "b": perceptual_hash(np.ascontiguousarray(other))}, 8)
        for other in turned
    ]
    assert [[(pair.one, pair.other, pair.turn) for pair in pairs] for pairs in found] == [
        [("a", "b", turn)] for turn in TURNS
    ]


def test_pairs_are_those_that_turning_and_counting_bit_by_bit_finds():
    rng = np.random.default_rng(3)
    hashes = {}
    for number in range(90):
        value = int.from_bytes(rng.bytes(32)) | 2**255
        # a third of them are the one before in some turn, with up to 60 bits flipped
        if number % 3 == 1:
            value = by_hand(hashes[f"n{number - 1}"])[number // 3 % 8]
            for place in rng.choice(255, rng.integers(0, 60), replace=False).tolist():
                value ^= 1 << place
        hashes[f"n{number}"] = f"{value:064x}"
    names = list(hashes)
    expected = []
    for place, one in enumerate(names):
        turned = by_hand(hashes[one])
        for other in names[place + 1 :]:
            bits = [(value ^ int(hashes[other], 16)).bit_count() for value in turned]
            if min(bits) <= 30:
                expected.append(NearDuplicate(one, other, min(bits), TURNS[bits.index(min(bits))]))
    assert 5 < len(expected) < 50
    assert len({pair.turn for pair in expected}) > 3
    assert near_duplicates(hashes, 30) == expected


def test_the_distance_itself_counts_as_near():
    hashes = {"a": "8" + "0" * 63, "b": "8" + "0" * 61 + "15"}
    assert near_duplicates(hashes, 2) == []
    assert near_duplicates(hashes, 3) == [NearDuplicate("a", "b", 3, "same")]


@given(one=HASHES, other=HASHES)
@settings(max_examples=60, deadline=None)
def test_the_order_of_two_changes_neither_whether_nor_how_near(one, other):
    forth, back = near_duplicates({"a": one, "b": other}, 256), near_duplicates({"b": other, "a": one}, 256)
    assert [pair.bits for pair in forth] == [pair.bits for pair in back]
    # a quarter turn is undone by three, whatever is not a rotation undoes itself
    undone = {"rotated 90": "rotated 270", "rotated 270": "rotated 90"}
    ties = [(value ^ int(other, 16)).bit_count() for value in by_hand(one)].count(forth[0].bits) > 1
    assert ties or back[0].turn == undone.get(forth[0].turn, forth[0].turn)


def test_more_than_one_chunk_of_different_pictures_has_no_duplicates():
    hashes = {str(seed): perceptual_hash(picture(seed)) for seed in range(70)}
    assert near_duplicates(hashes, 48) == []
    assert len(near_duplicates(hashes, 256)) == 70 * 69 / 2


@pytest.mark.parametrize("hashes", [{}, {"a": "8" + "0" * 63}])
def test_fewer_than_two_have_no_duplicates(hashes):
    assert near_duplicates(hashes, 256) == []

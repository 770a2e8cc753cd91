import numpy as np
import pytest

from crackflow.splitting.features.local_features import SIDE, at_side, local_features
from crackflow.splitting.features.overlaps import AGREEMENT, MATCHES, Overlap, agreement, overlap
from tests.crackflow.splitting.features.textures import moved, pavement

# A square of half the area, as a crop of a 128 px photograph.
CROP = slice(10, 101)


def looked_at(one, other):
    """The map from one to the other, and how well levels agree by it."""
    found = overlap(local_features(one), local_features(other))
    return found, found and agreement(at_side(one), at_side(other), found.affine)


@pytest.mark.parametrize(
    ("changes", "linear"),
    [
        # counter-clockwise by 15 degrees in a picture whose y points down, cos = .966, sin = .259
        ({"degrees": 15}, [[0.966, 0.259], [-0.259, 0.966]]),
        ({"zoom": 0.8}, [[0.8, 0], [0, 0.8]]),
        ({"zoom": 1.25}, [[1.25, 0], [0, 1.25]]),
        # tan 10 = .176
        ({"shear": 10}, [[1, 0.176], [0, 1]]),
    ],
)
def test_a_small_turn_zoom_or_shear_is_found_and_measured(changes, linear):
    found, agreed = looked_at(pavement(3), moved(pavement(3), **changes))
    assert np.abs(found.affine[:, :2] - linear).max() < 0.03
    assert found.matches >= MATCHES
    assert agreed > 0.8


@pytest.mark.parametrize("turn", range(4))
def test_a_crop_of_half_the_area_is_found_whichever_way_it_is_turned(turn):
    crop = np.ascontiguousarray(np.rot90(pavement(4)[CROP, CROP], turn))
    found, agreed = looked_at(pavement(4), crop)
    # 128 px are now 91
    assert found.words == f"{f'rotated {90 * turn}, ' if turn else ''}zoom 1.41"
    assert agreed > 0.8


def test_a_mirrored_copy_is_found_by_mirrored_features():
    whole, copy = pavement(5), moved(np.ascontiguousarray(pavement(5)[:, ::-1]), degrees=8)
    assert overlap(local_features(whole), local_features(copy)) is None
    found = overlap(local_features(whole).mirrored(), local_features(copy))
    assert found.words == "rotated 8, zoom 1.00"
    assert agreement(at_side(whole)[:, ::-1], at_side(copy), found.affine) > 0.8


def test_other_pavement_is_not():
    assert [overlap(local_features(pavement(6)), local_features(pavement(seed))) for seed in range(7, 12)] == [None] * 5


def test_a_label_that_two_photographs_share_is_no_place_that_they_share():
    """A date in the corner, as cameras print it, has many features; these are in one small part of the photograph."""
    one, other = pavement(12), pavement(13)
    for each in (one, other):
        each[:36, :36] = pavement(14)[:36, :36]
    assert overlap(local_features(one), local_features(other)) is None
    # the same label over most of it is found
    one[:110, :110] = other[:110, :110] = pavement(14)[:110, :110]
    assert overlap(local_features(one), local_features(other)) is not None


@pytest.mark.parametrize("zoom", [0.3, 3.0])
def test_a_zoom_that_no_copy_has_is_not_believed(zoom):
    one = local_features(pavement(15))
    assert overlap(one, one._replace(points=(one.points * np.float32(zoom)))) is None


def test_levels_of_other_pavement_do_not_agree():
    same = np.float64([[1, 0, 0], [0, 1, 0]])
    assert agreement(at_side(pavement(16)), at_side(pavement(16)), same) == pytest.approx(1)
    assert abs(agreement(at_side(pavement(16)), at_side(pavement(17)), same)) < AGREEMENT / 2
    # a light that falls from one side is not what they share
    light = np.linspace(0, 60, SIDE)[None]
    lit = [np.clip(at_side(pavement(seed)) * 0.6 + light, 0, 255).astype(np.uint8) for seed in (16, 17)]
    assert abs(agreement(*lit, same)) < AGREEMENT / 2


def test_nothing_shared_agrees_in_nothing():
    away = np.float64([[1, 0, 2 * SIDE], [0, 1, 0]])
    assert agreement(at_side(pavement(1)), at_side(pavement(1)), away) == 0
    flat = np.full((SIDE, SIDE), 9, np.uint8)
    assert agreement(flat, flat, np.float64([[1, 0, 0], [0, 1, 0]])) == 0


def test_words_of_a_map():
    assert Overlap(np.float64([[1, 0, 5], [0, 1, 7]]), 10).words == "zoom 1.00"
    # rot90 of a square: x' = y, y' = SIDE - 1 - x
    assert Overlap(np.float64([[0, 2, 0], [-2, 0, SIDE - 1]]), 10).words == "rotated 90, zoom 2.00"


def test_too_few_features_to_say():
    few = local_features(pavement(18))
    few = few._replace(**{name: array[: MATCHES - 1] for name, array in few._asdict().items()})
    assert overlap(few, few) is None

import numpy as np
import pytest
from scipy import ndimage

from crackflow.errors import ModelError
from crackflow.inference.components import SCALE
from crackflow.inference.operating_point import (
    OperatingPoint,
    classify,
    classify_levels,
    crack_probability,
    fine_levels,
    sha256,
)


def two_classes(crack):
    crack = np.asarray(crack, np.float32)
    return np.stack([1 - crack, crack], axis=-1)


def test_a_pixel_is_crack_above_the_threshold_and_not_at_it():
    assert classify(two_classes([[0.25, 0.5, 0.75]]), OperatingPoint(0.5)).tolist() == [[0, 0, 1]]


def test_the_likeliest_foreground_class_is_taken_even_where_the_background_is_likelier():
    probabilities = np.array([[[0.45, 0.25, 0.3], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2]]], np.float32)
    out = classify(probabilities, OperatingPoint(0.5))
    assert out.tolist() == [[2, 1, 0]]
    assert out.dtype == np.uint8


def test_a_diverged_model_is_named():
    with pytest.raises(ModelError, match="NaN"):
        classify(two_classes([[np.nan]]), OperatingPoint(0.5))


def test_small_and_unsure_components_are_removed_and_corners_join():
    crack = [
        [0.6, 0.0, 0.0, 0.0, 0.9],
        [0.0, 0.6, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.7, 0.7, 0.0, 0.6, 0.8],
    ]
    # Pieces of 2 px up to 0.6, 1 px at 0.9, 2 px at 0.7, 2 px up to 0.8; the picture has 20 px.
    everything = [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0], [0] * 5, [1, 1, 0, 1, 1]]
    assert classify(two_classes(crack), OperatingPoint(0.5)).tolist() == everything
    # 2 px are not below 2 px, and stay
    large = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0] * 5, [1, 1, 0, 1, 1]]
    assert classify(two_classes(crack), OperatingPoint(0.5, smallest_area=2)).tolist() == large
    # A piece stays whole, its unsure pixels too; 0.7 is not above 0.7.
    sure = [[0, 0, 0, 0, 1], [0] * 5, [0] * 5, [0, 0, 0, 1, 1]]
    assert classify(two_classes(crack), OperatingPoint(0.5, peak=float(np.float32(0.7)))).tolist() == sure
    both = [[0] * 5, [0] * 5, [0] * 5, [0, 0, 0, 1, 1]]
    assert classify(two_classes(crack), OperatingPoint(0.5, 2, 0.75)).tolist() == both


def test_pieces_are_those_of_scipy_and_their_classes_stay():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet([2, 0.5, 0.5], (40, 60)).astype(np.float32)
    point = OperatingPoint(0.6, smallest_area=4, peak=0.9)
    score = 1 - probabilities[..., 0]
    labels, number = ndimage.label(score > np.float32(0.6), np.ones((3, 3)))
    index = np.arange(1, number + 1)
    areas, peaks = ndimage.sum_labels(labels > 0, labels, index), ndimage.maximum(score, labels, index)
    expected = np.isin(labels, index[(areas >= 4) & (peaks > np.float32(0.9))])
    found = classify(probabilities, point)
    assert 0 < expected.sum() < (labels > 0).sum()
    assert ((found > 0) == expected).all()
    assert (found[expected] == 1 + probabilities[..., 1:].argmax(-1)[expected]).all()


@pytest.mark.parametrize("point", [OperatingPoint(0.5), OperatingPoint(0.5, 3), OperatingPoint(0.5, 3, 0.75)])
def test_levels_give_the_mask_of_the_probabilities(point):
    rng = np.random.default_rng(4)
    # in steps of 1/64, so that many lie on the threshold and on the peak
    probabilities = two_classes(rng.integers(0, 65, (30, 40)) / 64)
    found = classify_levels(fine_levels(probabilities), point)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == {0, 1}
    assert (found == classify(probabilities, point)).all()


def test_the_levels_are_rounded_up_and_end_at_what_16_bits_hold():
    crack = np.array([0, 0.25 / SCALE, 1 / SCALE, 1.5 / SCALE, 0.5, 1 - 1 / SCALE, 1], np.float32)
    # 1 - (1 - crack) is exact for all but the second and fourth, which float32 rounds to a multiple of 2^-24
    assert fine_levels(two_classes(crack)).tolist() == [0, 1, 1, 2, SCALE // 2, SCALE - 1, SCALE - 1]


def test_the_crack_probability_is_that_of_all_classes_but_the_background():
    found = crack_probability(np.array([[0.5, 0.25, 0.25], [1, 0, 0]], np.float32))
    assert found.tolist() == [0.5, 0]


def test_the_checksum_is_that_of_the_standards_example(tmp_path):
    """FIPS 180-2, appendix B.1: the three letters abc."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("name", ["threshold", "peak"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_probability_that_is_none_is_rejected(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, expected 0 to 1"):
        OperatingPoint(**{"threshold": 0.5, name: value})


def test_both_ends_are_probabilities():
    assert [OperatingPoint(end, 0, end).threshold for end in (0, 1)] == [0, 1]


def test_an_empty_mask_stays_empty():
    assert not classify(two_classes(np.zeros((3, 4))), OperatingPoint(0.5, 2, 0.9)).any()


@pytest.mark.parametrize("area", [-1, float("nan"), float("inf")])
def test_an_area_that_is_none_is_rejected(area):
    with pytest.raises(ValueError, match=r"smallest_area is .* expected pixels"):
        OperatingPoint(0.5, smallest_area=area)


def test_the_words_name_what_is_done_and_no_comma():
    plain, full = OperatingPoint(0.5).words(), OperatingPoint(0.5, 180.0, 0.98, flips=True).words()
    assert plain == "crack above 0.5; no component removed; no flips"
    assert full == (
        "crack above 0.5; components below 180 px removed; components nowhere above 0.98 removed; mean over four flips"
    )
    assert "," not in plain + full
    assert OperatingPoint(0.5, 180).words() == "crack above 0.5; components below 180 px removed; no flips"
    assert OperatingPoint(0.5, peak=0.75).words() == "crack above 0.5; components nowhere above 0.75 removed; no flips"

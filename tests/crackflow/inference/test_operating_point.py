import numpy as np
import pytest
from scipy import ndimage

from crackflow.errors import ModelError
from crackflow.inference.operating_point import OperatingPoint, classify


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

import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.operating_point import OperatingPoint, classify


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

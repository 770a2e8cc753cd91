import math

import numpy as np
import pytest
from sklearn import metrics as sk

from crackflow.evaluation import original_metrics


def test_the_originals_dice_is_the_mean_probability_of_the_right_class():
    probabilities = np.array([[[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]], np.float32)
    truth = np.array([[0, 0, 1]], np.uint8)
    # 2 (0.9 + 0.6 + 0.5) / (3 + 3)
    assert original_metrics.dice_coef_multiclass(probabilities, truth) == pytest.approx(2 / 3)


def test_the_originals_dice_praises_an_empty_mask():
    truth = np.zeros((10, 10), np.uint8)
    truth[0, :3] = 1
    nothing = np.zeros((10, 10, 2), np.float32)
    nothing[..., 0] = 1
    assert original_metrics.dice_coef_multiclass_all_background(truth) == pytest.approx(0.97)
    assert original_metrics.dice_coef_multiclass(nothing, truth) == pytest.approx(0.97)


def test_crossentropy_agrees_with_scikit_learn_and_is_finite_when_wholly_wrong():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet((1, 1, 1), (8, 8)).astype(np.float32)
    truth = rng.integers(0, 3, (8, 8)).astype(np.uint8)
    flat = probabilities.reshape(-1, 3).astype(np.float64)
    expected = sk.log_loss(truth.ravel(), flat / flat.sum(axis=1, keepdims=True), labels=[0, 1, 2])
    assert original_metrics.categorical_crossentropy(probabilities, truth) == pytest.approx(expected, rel=1e-5)
    wrong = np.array([[[1.0, 0.0]]], np.float32)
    # -log(1e-7) = 7 log(10)
    assert original_metrics.categorical_crossentropy(wrong, np.array([[1]], np.uint8)) == pytest.approx(
        7 * math.log(10), rel=1e-6
    )

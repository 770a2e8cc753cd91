"""One row of four pixels: truth background, crack, crack, background; P(crack) 0.2, 0.8, 0.5, 0.1."""

import math
from typing import get_args

import numpy as np
import pytest

from crackflow.params import LossName
from crackflow.training import losses

pytestmark = pytest.mark.backend
TRUTH = np.array([0, 1, 1, 0])
CRACK = np.array([0.2, 0.8, 0.5, 0.1], dtype="float32")


def batch(truth=TRUTH, crack=CRACK):
    one_hot = np.eye(2, dtype="float32")[truth].reshape(1, 1, -1, 2)
    return one_hot, np.stack([1 - crack, crack], -1).reshape(1, 1, -1, 2)


def value(name, pixels, crack_weight=1.0):
    """One loss alone, as training takes it."""
    return float(losses.total({name: 1.0}, crack_weight)(*pixels))


def test_categorical_crossentropy_by_hand():
    expected = -(math.log(0.8) + math.log(0.8) + math.log(0.5) + math.log(0.9)) / 4
    assert value("categorical_crossentropy", batch()) == pytest.approx(expected, abs=1e-6)


def test_binary_crossentropy_is_the_same_for_two_classes():
    assert value("binary_crossentropy", batch()) == pytest.approx(value("categorical_crossentropy", batch()), abs=1e-6)


def test_dice_by_hand():
    """Both = 0.8 + 0.5 = 1.3, extra = 0.2 + 0.1 = 0.3, missed = 0.2 + 0.5 = 0.7; (1.3 + 1) / (1.3 + 0.5 + 1)."""
    assert value("dice", batch()) == pytest.approx(1 - 2.3 / 2.8, abs=1e-6)


def test_tversky_weighs_misses_more_by_hand():
    """0.3 * 0.3 + 0.7 * 0.7 = 0.58 in the denominator."""
    assert value("tversky", batch()) == pytest.approx(1 - 2.3 / (1.3 + 0.58 + 1), abs=1e-6)


def test_focal_by_hand():
    """(1 - p)^2 * -log p of the right class."""
    expected = sum(-((1 - p) ** 2) * math.log(p) for p in (0.8, 0.8, 0.5, 0.9)) / 4
    assert value("focal", batch()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["dice", "tversky"])
def test_nothing_there_and_nothing_called_costs_nothing(name):
    empty = batch(np.zeros(4, int), np.zeros(4, "float32"))
    assert value(name, empty) == pytest.approx(0, abs=1e-6)


def test_dice_does_not_see_the_background():
    """A thousand more background pixels, rightly called, change nothing."""
    truth = np.concatenate([TRUTH, np.zeros(1000, int)])
    crack = np.concatenate([CRACK, np.zeros(1000, "float32")])
    assert value("dice", batch(truth, crack)) == pytest.approx(value("dice", batch()), abs=1e-6)


@pytest.mark.parametrize("name", ["categorical_crossentropy", "binary_crossentropy"])
def test_a_crack_pixel_counts_as_often_as_its_weight_by_hand(name):
    """Background at 0.8 and 0.9, crack at 0.8 and 0.5, the latter three times: 2 + 2 * 3 = 8 in all."""
    expected = -(math.log(0.8) + math.log(0.9) + 3 * (math.log(0.8) + math.log(0.5))) / 8
    assert value(name, batch(), 3.0) == pytest.approx(expected, abs=1e-6)


def test_focal_with_crack_weight_by_hand():
    terms = {p: -((1 - p) ** 2) * math.log(p) for p in (0.8, 0.9, 0.5)}
    expected = (terms[0.8] + terms[0.9] + 2 * (terms[0.8] + terms[0.5])) / 6
    assert value("focal", batch(), 2.0) == pytest.approx(expected, abs=1e-6)


def test_total_hands_the_crack_weight_to_the_cross_entropies_alone():
    total = losses.total({"categorical_crossentropy": 0.5, "dice": 2.0}, 3.0)
    expected = 0.5 * value("categorical_crossentropy", batch(), 3.0) + 2 * value("dice", batch())
    assert float(total(*batch())) == pytest.approx(expected, abs=1e-6)


def test_every_named_loss_is_there():
    assert set(losses.LOSSES) == set(get_args(LossName))


def test_total_adds_by_weight():
    total = losses.total({"categorical_crossentropy": 0.5, "dice": 2.0})
    expected = 0.5 * value("categorical_crossentropy", batch()) + 2 * value("dice", batch())
    assert float(total(*batch())) == pytest.approx(expected, abs=1e-6)


def test_every_loss_takes_three_classes():
    truth = np.eye(3, dtype="float32")[np.array([[[0, 1, 2, 1]]])]
    wrong = np.eye(3, dtype="float32")[np.array([[[1, 2, 0, 0]]])]
    for name in losses.LOSSES:
        assert value(name, (truth, truth)) < 0.01 < value(name, (truth, wrong)), name

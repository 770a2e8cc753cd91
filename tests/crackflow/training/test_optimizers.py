from typing import get_args

import keras
import numpy as np
import pytest

from crackflow.params import OptimizerName, TrainParams
from crackflow.training import optimizers


def moved(start, gradient, **settings):
    """A weight after one step."""
    weight = keras.Variable(np.array(start, "float32"), name="kernel")
    optimizers.make(TrainParams(**settings), 0.1).apply([np.array(gradient, "float32")], [weight])
    return np.asarray(weight)


def test_every_named_optimizer_is_there():
    assert set(optimizers.OPTIMIZERS) == set(get_args(OptimizerName))


def test_sgd_with_nesterov_momentum_by_hand():
    """The first step: the momentum is -0.1 g; the weight moves by 0.9 times that and by -0.1 g again, 0.19 g in all."""
    found = moved([1.0, 1.0], [0.2, -0.4], optimizer="sgd")
    np.testing.assert_allclose(found, [1 - 0.19 * 0.2, 1 + 0.19 * 0.4], atol=1e-6)


def test_gradients_are_clipped_or_not():
    np.testing.assert_allclose(moved([0.0], [2.0], optimizer="sgd", clipvalue=0.5), [-0.19 * 0.5], atol=1e-6)
    np.testing.assert_allclose(moved([0.0], [2.0], optimizer="sgd", clipvalue=0.0), [-0.19 * 2.0], atol=1e-6)


@pytest.mark.parametrize(("optimizer", "expected"), [("adam", 0.9), ("adamw", 0.9 - 0.1 * 0.5), ("muon", 0.96 - 0.05)])
def test_a_first_step_of_the_adams_is_the_rate_and_decay_takes_its_share_by_hand(optimizer, expected):
    """A step of 0.1 against the gradient's sign; decay of 0.5 at weight 1 takes 0.05. Muon's vectors step at 0.4."""
    found = moved([1.0], [0.3], optimizer=optimizer, weight_decay=0.5)
    np.testing.assert_allclose(found, [expected], atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("name", ["bias", "beta", "gamma"])
def test_offsets_and_scales_are_not_decayed(optimizer, name):
    weight = keras.Variable(np.ones(1, "float32"), name=name)
    made = optimizers.make(TrainParams(optimizer=optimizer, weight_decay=0.5), 0.1)
    made.apply([np.zeros(1, "float32")], [weight])
    np.testing.assert_array_equal(np.asarray(weight), [1.0])


def test_the_running_average_is_kept_where_one_is_asked_for():
    assert not optimizers.make(TrainParams(), 0.1).use_ema
    made = optimizers.make(TrainParams(averaging=0.9), 0.1)
    assert (made.use_ema, made.ema_momentum, made.ema_overwrite_frequency) == (True, 0.9, None)

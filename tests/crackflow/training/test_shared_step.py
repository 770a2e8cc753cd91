"""That two workers train as one does is shown in test_workers.py, with two processes."""

import keras
import numpy as np
import pytest

from crackflow.training.shared_step import share_steps
from crackflow.training.workers import ALONE, Workers


class WithOther(Workers):
    """A worker whose other one adds, in each operation, what is given here by its key."""

    def __init__(self, other):
        super().__init__(["a:1", "b:1"])
        self.other = other

    def add_up(self, value, key):
        return value + self.other[key]


@pytest.fixture
def model():
    pixels = keras.Input((2, 2, 1))
    model = keras.Model(pixels, keras.layers.BatchNormalization(momentum=0.0, epsilon=0.0)(pixels))
    model.compile("sgd", loss="mse", jit_compile=False)
    return model


def test_one_worker_alone_keeps_the_step_of_keras(model):
    before = model.train_step
    share_steps(model, ALONE, 4)
    assert model.train_step == before
    assert "_moments" not in vars(model.layers[1])


def test_normalization_is_over_all_parts(model):
    """Here 1 2 3 4, there 5 6 7 8: the mean is 4.5, the variance 5.25; what is there is 26 of 4 pixels, 21 from 4.5."""
    there = np.float32([[5, 6, 7, 8]])
    far = ((there - 4.5) ** 2).sum()
    share_steps(model, WithOther({100: np.float32([26, 4]), 102: np.float32([far])}), 4)
    found = model(np.float32([1, 2, 3, 4]).reshape(1, 2, 2, 1), training=True)
    np.testing.assert_allclose(np.ravel(found), (np.arange(1, 5) - 4.5) / 5.25**0.5, rtol=1e-6)
    mean, variance = model.layers[1].moving_mean, model.layers[1].moving_variance
    np.testing.assert_allclose([float(mean[0]), float(variance[0])], [4.5, 5.25])

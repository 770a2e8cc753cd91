import keras
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.models import registry
from crackflow.models.serialization import save_model
from crackflow.params import EGAUNetParams, TrainParams
from crackflow.training.learner import build_learner

SMALL = EGAUNetParams(widths=(4, 4, 8), filtered_from=2)
LOCAL = EGAUNetParams(widths=(4, 4, 8), filtered_from=3)


def changes_far_away(params):
    """Whether another pixel in one corner changes the probabilities in the other, 64 px away."""
    network = registry.build(params, 64, 2, 0)
    for layer in network.layers:  # all of the picture reaches each place through channel attention too: switch it off
        if layer.name.endswith("_excite"):
            layer.set_weights([0 * weight for weight in layer.get_weights()])
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    changed = pixels.copy()
    changed[0, 0, 0] = 255 - changed[0, 0, 0]
    return not np.array_equal(np.asarray(network(pixels))[0, -1, -1], np.asarray(network(changed))[0, -1, -1])


def test_a_filter_of_frequencies_sees_the_whole_picture_and_convolutions_do_not():
    assert changes_far_away(SMALL)
    assert not changes_far_away(LOCAL)


def test_its_weights_fit_another_size():
    small, large = (registry.build(SMALL, size, 2, 0) for size in (16, 32))
    large.set_weights(small.get_weights())
    assert large(np.zeros((1, 32, 32, 3), np.float32)).shape == (1, 32, 32, 2)


def test_the_learner_has_the_size_of_a_crop():
    assert build_learner(2, SMALL, TrainParams(crop=32)).input.shape == (None, 32, 32, 3)
    with pytest.raises(ModelError, match=r"ega_unet needs one size of picture, and train\.crop is 0; set train\.crop"):
        build_learner(2, SMALL, TrainParams(crop=0))


def test_plain_keras_opens_what_was_saved(tmp_path):
    network = registry.build(SMALL, 16, 2, 0)
    save_model(network, tmp_path / "a.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype(np.float32)
    opened = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(np.asarray(opened(pixels)), np.asarray(network(pixels)))

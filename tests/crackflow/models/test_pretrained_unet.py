import keras
import numpy as np
import pytest

from crackflow.models import registry
from crackflow.models.efficientnet import read_weights
from crackflow.models.fold_batchnorm import fold
from crackflow.models.serialization import save_model
from crackflow.params import PretrainedUNetParams

PARAMS = PretrainedUNetParams()


@pytest.fixture(scope="module")
def network():
    return registry.build(PARAMS, 64, 2, 0)


def test_it_is_small_and_as_large_as_its_parts(network):
    """The encoder by arXiv 1905.11946 without its classifier, its normalizations folded; the rest worked by hand."""
    encoder = sum(layer.kernel.size + layer.bias.size for layer in read_weights().values())
    # each level: 1x1 and its normalization, 3x3 beside the encoder's channels and its normalization
    levels = [(320, 96, 112), (96, 64, 40), (64, 48, 24), (48, 32, 16)]
    way_up = sum(below * width + (width + skip) * 9 * width + 2 * 4 * width for below, width, skip in levels)
    head = (4 * 4 * 3 * 16 + 16) + (48 * 9 * 48 + 4 * 48) + (2 * 2 * 48 * 2 + 2)
    assert network.count_params() == encoder + way_up + head == 3_289_154


def test_the_encoder_holds_what_it_learned_and_another_seed_changes_the_rest_alone(network):
    other = registry.build(PARAMS, 64, 2, 1)
    weights = read_weights()
    for layer in network.layers:
        kernels = layer.get_weights()[:1]
        if layer.name in weights:
            np.testing.assert_array_equal(kernels[0], weights[layer.name].kernel)
        elif kernels and not isinstance(layer, keras.layers.BatchNormalization):
            assert not np.array_equal(kernels[0], other.get_layer(layer.name).get_weights()[0])


def test_plain_keras_opens_what_was_saved_and_folding_changes_nothing(network, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    save_model(network, tmp_path / "a.keras")
    opened = keras.saving.load_model(tmp_path / "a.keras")
    expected = np.asarray(network(pixels))
    np.testing.assert_array_equal(np.asarray(opened(pixels)), expected)
    np.testing.assert_allclose(expected.sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(fold(opened)(pixels)), expected, atol=1e-4)


def test_any_size_of_whole_strides_and_a_third_class_do():
    model = registry.build(PARAMS, None, 3, 0, "mixed_bfloat16")
    assert model(np.zeros((1, 96, 32, 3), np.float32)).shape == (1, 96, 32, 3)
    assert model.output.dtype == "float32"

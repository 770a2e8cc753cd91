import keras
import numpy as np
import pytest
from scipy import ndimage

from crackflow.models import registry
from crackflow.models.efficient_cracknet import gaussian, laplacian
from crackflow.models.serialization import save_model
from crackflow.params import EfficientCrackNetParams

PARAMS = EfficientCrackNetParams()


@pytest.fixture(scope="module")
def network():
    return registry.build(PARAMS, 32, 2, 0)


def test_it_has_the_number_of_parameters_of_its_paper(network):
    """arXiv 2409.18099 states 0.26 M; its last layer has one channel, of 16 weights and an offset."""
    assert round((network.count_params() - 17) / 1e6, 2) == 0.26


def test_the_edge_filters_are_those_of_scipy_and_are_not_trained(network):
    point = np.zeros((3, 3))
    point[1, 1] = 1
    expected = ndimage.gaussian_filter(point, 1, truncate=1)
    np.testing.assert_allclose(gaussian(), expected / expected.sum(), atol=1e-6)
    np.testing.assert_allclose(laplacian(), ndimage.laplace(point, mode="constant"), atol=1e-6)
    layer = network.get_layer("down2_edges_gaussian")
    assert not layer.trainable_weights
    for channel in range(32 // 2):
        np.testing.assert_array_equal(layer.get_weights()[0][..., channel, 0], gaussian())


def test_a_place_sees_the_whole_picture(network):
    """Through MobileViT: no convolution of it reaches from one corner of 32 px to the other before stride 16."""
    inner = keras.Model(network.input, network.get_layer("down4_vit_joined_silu").output)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    changed = pixels.copy()
    changed[0, 0, 0] = 255 - changed[0, 0, 0]
    assert not np.array_equal(np.asarray(inner(pixels))[0, -1, -1], np.asarray(inner(changed))[0, -1, -1])


def test_plain_keras_opens_what_was_saved(network, tmp_path):
    save_model(network, tmp_path / "a.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    opened = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(np.asarray(opened(pixels)), np.asarray(network(pixels)))


def test_widths_that_can_not_be_split_into_four_are_rejected():
    with pytest.raises(ValueError, match="multiple of 4"):
        EfficientCrackNetParams(widths=(16, 30, 64))

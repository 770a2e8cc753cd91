import keras
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.inference.network import predict, predict_views
from crackflow.models.flexunet import flexunet
from crackflow.params import FlexUNetParams

TINY = FlexUNetParams(base_filters=2, max_filters=4, num_layers=2)


def images(size=16):
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.uint8)


def test_a_grey_model_takes_colour_images():
    model = flexunet(16, 2, TINY.model_copy(update={"image_channels": 1}))
    grey = np.full((1, 16, 16, 3), 90, np.uint8)
    np.testing.assert_allclose(predict(model, grey), np.asarray(model(grey[..., :1].astype("float32"))), atol=1e-6)


def test_another_size_says_which(tmp_path):
    with pytest.raises(ModelError, match="takes 16x16 px, received 24x24"):
        predict(flexunet(16, 2, TINY), images(24))


def test_flips_are_averaged_where_they_belong():
    """A model whose crack logit is 0.1 * the pixel to the upper left: each flip brings another neighbour."""
    pixels = keras.Input((4, 4, 3))
    layer = keras.layers.Conv2D(2, 3, padding="same", activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[0, 0, 0, 1] = 0.1
    layer.set_weights([kernel, np.zeros(2, np.float32)])
    image = np.random.default_rng(1).integers(0, 60, (1, 4, 4, 3)).astype(np.uint8)
    # Upper left, upper right, lower left, lower right neighbours; beyond the edge lies 0.
    ringed = np.pad(image[0, ..., 0].astype(float), 1)
    corners = [ringed[row : row + 4, column : column + 4] for row in (0, 2) for column in (0, 2)]
    expected = np.mean([1 / (1 + np.exp(-0.1 * corner)) for corner in corners], axis=0)
    seen = predict_views(model, image)
    np.testing.assert_allclose(seen.averaged[0, ..., 1], expected, atol=1e-6)
    np.testing.assert_allclose(seen.averaged.sum(-1), 1, atol=1e-6)
    np.testing.assert_array_equal(seen.plain, predict(model, image))
    np.testing.assert_array_equal(seen.averaged, predict(model, image, flips=True))
    np.testing.assert_allclose(seen.plain[0, ..., 1], 1 / (1 + np.exp(-0.1 * corners[0])), atol=1e-6)

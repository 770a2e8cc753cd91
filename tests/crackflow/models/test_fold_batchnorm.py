import keras
import numpy as np
import pytest

from crackflow.models.flexunet import flexunet
from crackflow.models.fold_batchnorm import fold
from crackflow.params import FlexUNetParams

RNG = np.random.default_rng(4)


def unsettled(model):
    """Statistics, scales and offsets as a training might leave them, not the ones and zeros of a new layer."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([RNG.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    return model


def norms(model):
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("head", ["refine", "packed", "subpixel"])
def test_the_folded_network_predicts_the_same(head):
    model = unsettled(flexunet(32, 2, FlexUNetParams(base_filters=4, num_layers=3, decoder_convs=1, head=head)))
    folded = fold(model)
    assert norms(model)
    assert norms(folded) == []
    pixels = RNG.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(folded(pixels)), keras.ops.convert_to_numpy(model(pixels)), atol=1e-5
    )


def test_a_kernel_and_offset_worked_by_hand():
    """Kernel 2, gamma 3, beta 1, mean 5, variance 4 - 0.001: 2 x becomes 3 (2 x - 5) / 2 + 1 = 3 x - 6.5."""
    pixels = keras.Input((1, 1, 1))
    convolved = keras.layers.Conv2D(1, 1, use_bias=False, name="conv")(pixels)
    model = keras.Model(pixels, keras.layers.BatchNormalization(epsilon=0.001, name="norm")(convolved))
    model.get_layer("conv").set_weights([np.full((1, 1, 1, 1), 2.0)])
    model.get_layer("norm").set_weights([np.array([value]) for value in (3.0, 1.0, 5.0, 3.999)])
    kernel, bias = fold(model).get_layer("conv").get_weights()
    assert (float(kernel[0, 0, 0, 0]), float(bias[0])) == (pytest.approx(3), pytest.approx(-6.5))


def test_what_somebody_else_reads_stays_as_it_is():
    """The convolution goes to a normalization and past it: folding would change what goes past."""
    pixels = keras.Input((4, 4, 3))
    convolved = keras.layers.Conv2D(3, 1)(pixels)
    model = keras.Model(pixels, keras.layers.Add()([convolved, keras.layers.BatchNormalization()(convolved)]))
    assert fold(model) is model


def test_an_activation_within_the_convolution_stays_before_the_normalization():
    pixels = keras.Input((4, 4, 3))
    model = keras.Model(pixels, keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 1, activation="relu")(pixels)))
    assert fold(model) is model


def test_a_network_without_normalization_is_given_back():
    model = flexunet(16, 2, FlexUNetParams(base_filters=2, num_layers=2, normalization="none"))
    assert fold(model) is model

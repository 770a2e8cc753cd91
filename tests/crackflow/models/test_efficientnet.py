"""crackflow/models/efficientnet.py: folding against Keras's own normalization, and whether it knows a cat."""

import cv2
import keras
import numpy as np
import pytest
from skimage import data

from crackflow.errors import ModelError
from crackflow.models import efficientnet
from crackflow.models.efficientnet import EPSILON, encode, fold, read_weights
from crackflow.models.torch_file import read_tensors

RNG = np.random.default_rng(0)


def norm(channels):
    parts = ("weight", "bias", "running_mean", "running_var")
    return dict(zip(parts, np.abs(RNG.normal(1, 0.3, (4, channels))).astype(np.float32), strict=True))


def test_folding_is_what_keras_does_in_two_layers():
    kernels = {
        "_conv_stem": (32, 3, 3, 3),
        "_blocks.0._depthwise_conv": (32, 1, 3, 3),
        "_blocks.0._project_conv": (16, 32, 1, 1),
    }
    norms = {"_bn0": 32, "_blocks.0._bn1": 32, "_blocks.0._bn2": 16}
    tensors = {f"{name}.weight": RNG.normal(size=shape).astype(np.float32) for name, shape in kernels.items()}
    tensors |= {f"{name}.{part}": array for name, channels in norms.items() for part, array in norm(channels).items()}
    x = RNG.normal(size=(1, 8, 8, 3)).astype(np.float32)
    expected = found = x
    for conv, of in zip(kernels, norms, strict=True):
        folded = efficientnet._folded(tensors, conv, of)
        kernel = tensors[f"{conv}.weight"].transpose(2, 3, 1, 0)
        if "depthwise" in conv:
            kernel = kernel.transpose(0, 1, 3, 2)
            make = lambda **more: keras.layers.DepthwiseConv2D(3, padding="same", **more)  # noqa: E731
        else:
            size, filters = kernel.shape[0], kernel.shape[-1]
            make = lambda size=size, filters=filters, **more: keras.layers.Conv2D(  # noqa: E731
                filters, size, padding="same", **more
            )
        plain, whole, batch = make(use_bias=False), make(), keras.layers.BatchNormalization(epsilon=EPSILON)
        for layer, shape in ((plain, expected.shape), (whole, found.shape)):
            layer.build(shape)
        plain.set_weights([kernel])
        whole.set_weights([folded.kernel, folded.bias])
        expected = plain(expected)
        batch.build(expected.shape)
        parts = ("weight", "bias", "running_mean", "running_var")
        batch.set_weights([tensors[f"{of}.{part}"] for part in parts])
        expected, found = np.asarray(batch(expected)), np.asarray(whole(found))
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


def test_missing_weights_are_named():
    with pytest.raises(ModelError, match=r"the pretrained weights lack _bn0\.weight"):
        fold({})


def test_features_halve_from_level_to_level_and_only_what_is_asked_is_trained():
    pixels = keras.Input((64, 64, 3))
    model = keras.Model(pixels, encode(pixels, "float32", 2))
    assert [tuple(output.shape[1:]) for output in model.outputs] == [
        (32, 32, 16),
        (16, 16, 24),
        (8, 8, 40),
        (4, 4, 112),
        (2, 2, 320),
    ]
    frozen = {layer.name for layer in model.layers if layer.weights and not layer.trainable}
    wide = {name for name in frozen if model.get_layer(name).kernel.shape[0] == 5}
    first = {name for name in frozen if name.startswith(("encoder_stem", *(f"encoder_block{i}_" for i in range(3))))}
    # stages 3, 5 and 6 have kernels of 5x5, in 2, 3 and 4 blocks
    assert len(wide) == 9
    # the stem, a block of two convolutions and two of three
    assert len(first) == 9
    assert frozen == wide | first
    whole = keras.Model(pixels, encode(pixels, "float32", 0))
    assert all(layer.trainable for layer in whole.layers)


def test_strided_depthwise_layers_calculate_in_float32():
    model = keras.Model(pixels := keras.Input((64, 64, 3)), encode(pixels, "mixed_bfloat16", 2))
    strided = [
        layer for layer in model.layers if isinstance(layer, keras.layers.DepthwiseConv2D) and layer.strides > (1, 1)
    ]
    assert len(strided) == 4
    assert {layer.compute_dtype for layer in strided} == {"float32"}
    assert model.get_layer("encoder_block4_expand").compute_dtype == "bfloat16"


@pytest.fixture(scope="module")
def classify():
    """The whole classifier: the encoder, and the head and classes that crackflow leaves out, by plain NumPy."""
    path = efficientnet.weight_file()
    tensors, weights = read_tensors(path), read_weights()
    pixels = keras.Input((224, 224, 3))
    model = keras.Model(pixels, encode(pixels, "float32", 0)[-1])
    for name, layer in weights.items():
        model.get_layer(name).set_weights([layer.kernel, layer.bias])
    assert {layer.name for layer in model.layers if layer.weights} == set(weights)
    factor = tensors["_bn1.weight"] / np.sqrt(tensors["_bn1.running_var"] + EPSILON)
    offset = tensors["_bn1.bias"] - tensors["_bn1.running_mean"] * factor

    def best(photograph):
        image = cv2.resize(photograph, (224, 224), interpolation=cv2.INTER_AREA)[None].astype(np.float32)
        features = np.asarray(model(image))[0] @ tensors["_conv_head.weight"][:, :, 0, 0].T
        pooled = np.clip(features * factor + offset, 0, 6).mean((0, 1))
        return int((pooled @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax())

    return best


def test_the_encoder_knows_a_cat_and_an_espresso(classify):
    """Class numbers of ImageNet: 281 to 285 are cats, 967 is espresso."""
    assert classify(data.chelsea()) in range(281, 286)
    assert classify(data.coffee()) == 967


def test_another_file_or_no_package_is_rejected_with_what_to_do(monkeypatch):
    monkeypatch.setattr(efficientnet, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"is 579344248a93e230, expected 0{16}; install version 0\.1\.0"):
        read_weights()
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"not installed; install `crackflow\[pretrained\]`"):
        read_weights()

"""Models that are none: each is rejected in one line, on every runtime."""

import warnings

import keras
import numpy as np
import onnx
import openvino as ov
import openvino.opset15 as ops
import pytest
from onnx import TensorProto, helper

from crackflow.errors import ModelError
from crackflow.inference.network import predict
from crackflow.inference.predictor import load_model
from crackflow.runtimes.choice import load

SIDE = 8
layers = keras.layers


def saved(folder, *of, shape=(SIDE, SIDE, 3)):
    path = folder / "model.keras"
    keras.Sequential([keras.Input(shape), *of]).save(path)
    return path


def head(classes, activation=None):
    """The weights are large, so that an image is beyond 0..1 whichever they are."""
    return layers.Conv2D(classes, 1, activation=activation, kernel_initializer=keras.initializers.RandomNormal(0, 1, 0))


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ([head(2)], r"gives -\d.* to \d.* for a class, of all classes together .*, expected probabilities that sum to"),
        ([head(2, "sigmoid")], r"gives 0\.0 to 1\.0 for a class, of all classes together .*, expected"),
        ([head(1)], r"gives -\d.* to \d.* for a class, expected probabilities"),
        ([head(2, "softmax"), layers.AveragePooling2D(2)], r"gives 4x4 px for 8x8, expected as many as it takes"),
        ([head(257, "softmax")], r"gives 257 classes, expected 2 to 256, or the crack alone"),
        ([head(3, "softmax")], r"gives 3 classes, expected the 2 under `classes` of its parameters"),
        ([layers.Rescaling(np.nan), head(2, "softmax")], r"gives values that are not finite"),
        ([layers.Flatten(), layers.Dense(2, "softmax")], r"gives \(None, 2\), expected images"),
    ],
)
def test_a_model_that_gives_something_else_is_rejected(tmp_path, of, message):
    with pytest.raises(ModelError, match=rf"^the model in \S*model.keras {message}") as found:
        load_model(saved(tmp_path, *of), 2)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((SIDE, SIDE, 4), "takes 4 channels, expected 3 (RGB) or 1 (grey)"),
        ((8192, 8, 3), "takes 8x8192 px, expected at most 4,096 a side"),
    ],
)
def test_a_model_of_other_pictures_is_rejected(tmp_path, shape, message):
    with pytest.raises(ModelError) as found:
        load_model(saved(tmp_path, head(2, "softmax"), shape=shape))
    assert message in str(found.value)


def test_a_model_that_fails_is_rejected(tmp_path):
    """It takes pictures whose sides are multiples of 3, which Keras can't know."""
    path = tmp_path / "model.keras"
    pixels = keras.Input((None, None, 3))
    smaller = layers.UpSampling2D(3)(layers.AveragePooling2D(3)(pixels))
    keras.Model(pixels, head(2, "softmax")(layers.Concatenate()([pixels, smaller]))).save(path)
    with pytest.raises(ModelError, match=r"model.keras can't be run: .*, expected one that takes a picture") as found:
        load_model(path)
    assert "\n" not in str(found.value)


def test_a_model_of_two_pictures_is_rejected(tmp_path):
    path = tmp_path / "model.keras"
    pixels = [keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))]
    keras.Model(pixels, head(2, "softmax")(layers.Concatenate()(pixels))).save(path)
    with pytest.raises(ModelError, match=r"takes \[\(None, 8, 8, 3\), \(None, 8, 8, 3\)\], expected images"):
        load_model(path)


def test_a_model_that_was_never_built_is_rejected(tmp_path):
    path = tmp_path / "model.keras"
    model = keras.Sequential([head(2, "softmax")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that it is not built
        model.save(path)
    with pytest.raises(ModelError) as found:
        load_model(path)
    assert "\n" not in str(found.value)


def test_a_layer_that_is_called_twice_is_no_obstacle(tmp_path):
    """There no batch normalization is folded: what such a layer reads is not told."""
    path = tmp_path / "model.keras"
    pixels, twice = keras.Input((SIDE, SIDE, 3)), layers.Conv2D(3, 1)
    found = layers.BatchNormalization()(layers.Conv2D(3, 1)(twice(twice(pixels))))
    model = keras.Model(pixels, head(2, "softmax")(found))
    model.save(path)
    images = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
    np.testing.assert_allclose(
        predict(load_model(path), images), np.asarray(model(images.astype(np.float32))), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(SIDE, SIDE, 3), (SIDE, SIDE, 1), (None, None, 3)])
def test_softmax_is_taken_as_it_is(tmp_path, shape):
    model = load_model(saved(tmp_path, head(2, "softmax"), shape=shape), 2)
    assert predict(model, np.zeros((1, SIDE, SIDE, 3), np.uint8)).shape == (1, SIDE, SIDE, 2)


def sigmoid_ir(folder, last=ops.sigmoid):
    """An IR of one channel: the sigmoid of the mean of the colours, less 100."""
    pixels = ops.parameter([-1, SIDE, SIDE, 3], np.float32)
    mean = ops.reduce_mean(pixels, np.array([3]), keep_dims=True)
    path = folder / "model.xml"
    ov.save_model(ov.Model([last(ops.subtract(mean, np.float32(100)))], [pixels]), path)
    return path


def sigmoid_onnx(folder, last="Sigmoid", channels=1):
    """The same as ONNX, whose channels come first and whose pixels are 0..1."""
    kernel = np.full((channels, 3, 1, 1), 255 / 3, np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "kernel", "bias"], ["logit"]), helper.make_node(last, ["logit"], ["out"])],
        "graph",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", channels, SIDE, SIDE])],
        [
            onnx.numpy_helper.from_array(kernel, "kernel"),
            onnx.numpy_helper.from_array(np.full(channels, -100, np.float32), "bias"),
        ],
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def sigmoid_keras(folder):
    layer = head(1, "sigmoid")
    path = saved(folder, layer)
    model = keras.saving.load_model(path)
    model.layers[-1].set_weights([np.full((1, 1, 3, 1), 1 / 3, np.float32), np.array([-100], np.float32)])
    model.save(path)
    return path


@pytest.mark.parametrize(
    ("made", "runtime"),
    [(sigmoid_keras, "keras"), (sigmoid_ir, "openvino"), (sigmoid_onnx, "openvino"), (sigmoid_onnx, "onnx")],
)
def test_a_sigmoid_of_one_channel_is_the_crack_on_every_runtime(tmp_path, made, runtime):
    network = load(made(tmp_path), runtime, 2)
    images = np.full((2, SIDE, SIDE, 3), 101, np.uint8)
    images[1] = 98
    found = predict(network, images)
    crack = 1 / (1 + np.exp([-1.0, 2.0]))
    np.testing.assert_allclose(found[:, 0, 0], np.stack([1 - crack, crack], axis=-1), atol=1e-5)


@pytest.mark.parametrize(
    ("made", "runtime"),
    [
        (lambda folder: sigmoid_ir(folder, ops.negative), "openvino"),
        (lambda folder: sigmoid_onnx(folder, "Neg"), "openvino"),
        (lambda folder: sigmoid_onnx(folder, "Neg"), "onnx"),
        (lambda folder: sigmoid_onnx(folder, "Sigmoid", 2), "onnx"),
        (lambda folder: sigmoid_onnx(folder, "Sigmoid", 2), "openvino"),
    ],
)
def test_what_is_no_probability_is_rejected_on_every_runtime(tmp_path, made, runtime):
    with pytest.raises(ModelError, match=r"^the model in .* gives .*, expected probabilities"):
        load(made(tmp_path), runtime, 2)


def test_an_ir_that_takes_two_pictures_at_a_time_is_rejected(tmp_path):
    pixels = ops.parameter([2, SIDE, SIDE, 3], np.float32)
    both = ops.concat([pixels, ops.reshape(pixels, np.array([2, SIDE, SIDE, 3]), special_zero=False)], 3)
    ov.save_model(ov.Model([ops.softmax(both, 3)], [pixels]), tmp_path / "model.xml")
    with pytest.raises(ModelError, match="does not take one image at a time, as it must"):
        load(tmp_path / "model.xml", "openvino")


def test_an_ir_that_grows_beyond_memory_is_rejected(tmp_path):
    pixels = ops.parameter([-1, SIDE, SIDE, 3], np.float32)
    large = ops.broadcast(ops.reduce_mean(pixels, np.array([1, 2]), keep_dims=True), np.array([1, 10**5, 10**5, 3]))
    ov.save_model(ov.Model([ops.slice(large, [0, 0], [SIDE, SIDE], [1, 1], [1, 2])], [pixels]), tmp_path / "model.xml")
    with pytest.raises(ModelError, match=r"gives 30,000,000,000 numbers for an image, expected at most 268,435,456"):
        load(tmp_path / "model.xml", "openvino")


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_as_many_classes_as_there_must_be_on_every_runtime(tmp_path, runtime):
    with pytest.raises(ModelError, match=r"gives 2 classes, expected the 3 under `classes`"):
        load(sigmoid_onnx(tmp_path), runtime, 3)

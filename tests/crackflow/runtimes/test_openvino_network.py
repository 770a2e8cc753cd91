import numpy as np
import openvino as ov
import openvino.opset15 as ops
import pytest

from crackflow.errors import ModelError
from crackflow.inference.network import predict
from crackflow.runtimes import openvino_network
from crackflow.runtimes.openvino_network import OpenVINONetwork


def doubled(shape):
    """A model that gives the first two channels, doubled."""
    pixels = ops.parameter(shape, np.float32)
    two = ops.slice(pixels, np.array([0]), np.array([2]), np.array([1]), np.array([3]))
    return ov.Model([ops.multiply(two, np.float32(2))], [pixels])


@pytest.mark.parametrize("cores", [0, 1])
@pytest.mark.parametrize("number", [1, 2, 7])
def test_each_image_gets_what_belongs_to_it(number, cores):
    images = np.random.default_rng(0).integers(0, 256, (number, 8, 8, 3)).astype(np.uint8)
    found = predict(OpenVINONetwork(doubled([-1, 8, 8, 3]), cores), images)
    np.testing.assert_array_equal(found, 2.0 * images[..., :2])


def test_results_stay_when_the_next_image_is_predicted():
    network = OpenVINONetwork(doubled([-1, 8, 8, 3]))
    first = network.predict_on_batch(np.ones((1, 8, 8, 3)))
    network.predict_on_batch(np.zeros((1, 8, 8, 3)))
    assert (first == 2).all()


def test_a_model_of_any_size_is_rejected():
    with pytest.raises(ModelError, match="expected images of a fixed size"):
        OpenVINONetwork(doubled([-1, -1, -1, 3]))


def test_a_file_that_is_no_model_says_so(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"model.onnx is not a model that OpenVINO .* can read"):
        openvino_network.read(tmp_path / "model.onnx")

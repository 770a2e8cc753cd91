"""What Keras predicts, from the topology and the kernels of the .keras file."""

import shutil
import zipfile

import keras
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.inference.network import predict
from crackflow.inference.predictor import load_model
from crackflow.models.flexunet import flexunet
from crackflow.models.registry import build
from crackflow.params import FlexUNetParams, PretrainedUNetParams
from crackflow.runtimes import conversion, topology
from crackflow.runtimes.openvino_network import OpenVINONetwork


def test_it_predicts_as_keras_with_the_kernels_of_the_model_file(model, images):
    network = OpenVINONetwork(topology.read(model.with_name(topology.FILE), model))
    assert (network.input_shape, network.output_shape) == ((None, 32, 32, 3), (None, 32, 32, 2))
    expected = predict(load_model(model), images)
    assert np.ptp(expected[..., 1]) > 0.1
    np.testing.assert_allclose(predict(network, images), expected, atol=1e-5)
    np.testing.assert_allclose(predict(network, images[:1]), expected[:1], atol=1e-5)


def test_the_kernels_are_not_in_it(model, tmp_path):
    again = tmp_path / topology.FILE
    left = conversion.write_topology(model, again)
    large = [one for one in load_model(model).get_weights() if one.size >= 1024]
    assert large
    with zipfile.ZipFile(again) as archive:
        constants = np.frombuffer(archive.read("model.bin"), np.uint8)
    assert np.count_nonzero(constants) == left
    assert np.count_nonzero(constants == 0) >= 4 * sum(one.size for one in large)


def test_a_topology_of_another_model_is_rejected(model, tmp_path):
    shutil.copyfile(model.with_name(topology.FILE), tmp_path / topology.FILE)
    flexunet(16, 2, FlexUNetParams(base_filters=2, num_layers=2)).save(tmp_path / "flexunet.keras")
    with pytest.raises(ModelError, match=r"was made of another model than flexunet.keras beside it; put back"):
        topology.read(tmp_path / topology.FILE, tmp_path / "flexunet.keras")


def test_a_broken_file_is_one_line(model, tmp_path):
    (tmp_path / topology.FILE).write_bytes(b"no zip")
    with pytest.raises(ModelError, match=r"can't be read \(.*\); put both back, or use --runtime keras$"):
        topology.read(tmp_path / topology.FILE, model)


@pytest.mark.soak
def test_the_pretrained_encoder_is_converted_too(tmp_path):
    path = tmp_path / "flexunet.keras"
    network = build(PretrainedUNetParams(architecture="pretrained_unet"), 64, 2, 0)
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, one.shape) for one in layer.get_weights()])
    network.save(path)
    conversion.write_topology(path, path.with_name(topology.FILE))
    assert path.with_name(topology.FILE).stat().st_size < 200_000
    found = OpenVINONetwork(topology.read(path.with_name(topology.FILE), path))
    images = rng.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    np.testing.assert_allclose(predict(found, images), predict(load_model(path), images), atol=1e-4)

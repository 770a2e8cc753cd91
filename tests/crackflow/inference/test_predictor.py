import zipfile

import keras
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.inference.network import predict
from crackflow.inference.predictor import load_model
from crackflow.models.flexunet import flexunet
from crackflow.params import FlexUNetParams

TINY = FlexUNetParams(base_filters=2, max_filters=4, num_layers=2)


def images(size=16):
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.uint8)


def test_predicts_what_the_saved_model_gave(tmp_path):
    model = flexunet(16, 2, TINY)
    model.save(tmp_path / "model.keras")
    probabilities = predict(load_model(tmp_path / "model.keras"), images())
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, np.asarray(model(images().astype("float32"))), atol=1e-6)


def test_an_absent_model_says_how_to_get_one(tmp_path):
    with pytest.raises(ModelError, match=r"no model at .*; name a .keras file, or train one first"):
        load_model(tmp_path / "none.keras")


def test_a_broken_model_says_so(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="not a model that Keras"):
        load_model(path)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_model_with_a_wrong_byte_says_so(tmp_path, member):
    path = tmp_path / "model.keras"
    flexunet(16, 2, TINY).save(path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
        stored = archive.read(member)
    content = bytearray(path.read_bytes())
    # in the member's data, which follows its local header; Keras stores without compressing
    place = content.index(stored[:64], info.header_offset) + 32
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a model that Keras .*Bad CRC-32"):
        load_model(path)


def test_a_model_of_something_else_than_pictures_says_so(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(ModelError, match=r"takes \(None, 5\), expected images"):
        load_model(path)
    pixels = keras.Input((8, 8, 3))
    keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels)).save(path)
    with pytest.raises(ModelError, match=r"gives \(None, 3\), expected images"):
        load_model(path)

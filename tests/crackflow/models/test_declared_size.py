"""Networks that are larger than the file that describes them."""

import json
import zipfile

import keras
import pytest

from crackflow.errors import ModelError
from crackflow.models import declared_size, keras_file

layers = keras.layers


def saved(folder, *of, shape=(8, 8, 3)):
    path = folder / "model.keras"
    keras.Sequential([keras.Input(shape), *of]).save(path)
    return path


def with_config(path, old, new):
    """The file with other numbers in its description, and the same weights."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert old in content["config.json"].decode()
    content["config.json"] = content["config.json"].decode().replace(old, new).encode()
    json.loads(content["config.json"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def test_a_network_that_its_weights_are_enough_for_passes(tmp_path):
    path = saved(tmp_path, layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Dropout(0.5))
    held = keras_file.check(path)
    # a kernel and a bias, and four vectors
    assert held == (3 * 3 * 3 * 4 + 4) + 4 * 4
    declared_size.check(path, held)


def test_a_network_with_more_weights_than_its_file_is_rejected_unmade(tmp_path):
    """A layer of 3 TiB in a file of 20 kB."""
    path = with_config(saved(tmp_path, layers.Dense(7)), '"units": 7', '"units": 274877906944')
    message = r"describes a network of 1,099,511,627,776 weights and holds 28; expected as many as it describes"
    with pytest.raises(ModelError, match=message):
        declared_size.check(path, keras_file.check(path))
    # nor is it made at the next occasion
    with keras.StatelessScope():
        pass


def test_a_layer_that_gives_too_much_is_rejected(tmp_path):
    path = with_config(saved(tmp_path, layers.UpSampling2D(5)), '"size": [5, 5]', '"size": [50000, 50000]')
    with pytest.raises(ModelError, match=r"layer up_sampling2d\w* gives 480,000,000,000 numbers for a picture, exp"):
        declared_size.check(path, keras_file.check(path))


def test_layers_in_a_model_in_a_model_count(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.UpSampling2D(5), layers.MaxPooling2D(5)])
    path = with_config(saved(tmp_path, inner), '"size": [5, 5]', '"size": [50000, 50000]')
    with pytest.raises(ModelError, match=r"layer \w+ gives [\d,]+ numbers for a picture, expected at most 268,435,456"):
        declared_size.check(path, keras_file.check(path))


def test_layers_that_keras_makes_in_other_ways_pass(tmp_path):
    """None is rejected because nothing may be made meanwhile."""
    path = saved(
        tmp_path,
        layers.Normalization(mean=[1.0, 2, 3], variance=[1.0, 2, 3]),
        layers.SeparableConv2D(4, 3, padding="same"),
        layers.GroupNormalization(2),
        layers.SpectralNormalization(layers.Conv2D(4, 3, padding="same")),
        keras.Sequential([keras.Input((8, 8, 4)), layers.LayerNormalization(), layers.PReLU()]),
        layers.GaussianNoise(0.1),
        layers.RandomFlip(),
        layers.Conv2DTranspose(2, 2, strides=2),
        layers.Resizing(8, 8),
    )
    declared_size.check(path, keras_file.check(path))
    keras.saving.load_model(path)

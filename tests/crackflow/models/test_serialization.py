import json
import time
import zipfile

import keras
import numpy as np
import pytest

from crackflow.models import serialization
from crackflow.models.flexunet import flexunet
from crackflow.params import FlexUNetParams

PARAMS = FlexUNetParams(base_filters=4, max_filters=8, num_layers=2)


def test_the_same_weights_are_the_same_bytes_at_another_time_and_from_another_object(tmp_path, monkeypatch):
    serialization.save_model(flexunet(32, 2, PARAMS), tmp_path / "one.keras")
    keras.backend.clear_session()
    noon = time.localtime(946_728_000)
    monkeypatch.setattr(time, "localtime", lambda *_: noon)
    pause = time.time() + 1.1  # Keras writes whole seconds
    while time.time() < pause:
        time.sleep(0.05)
    serialization.save_model(flexunet(32, 2, PARAMS), tmp_path / "two.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    serialization.save_model(flexunet(32, 2, PARAMS, seed=1), tmp_path / "three.keras")
    assert (tmp_path / "one.keras").read_bytes() != (tmp_path / "three.keras").read_bytes()


def test_keras_opens_it_and_finds_the_same_model(tmp_path):
    model = flexunet(32, 2, PARAMS)
    serialization.save_model(model, tmp_path / "new folder/model.keras")
    again = keras.saving.load_model(tmp_path / "new folder/model.keras", custom_objects={})
    pixels = np.random.default_rng(0).integers(0, 255, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(model(pixels), again(pixels))
    assert not again.compiled
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["model.keras"]


def test_a_failure_leaves_no_part(tmp_path):
    """A folder stands where the file should go."""
    (tmp_path / "model.keras").mkdir()
    with pytest.raises(OSError, match=r"model\.keras"):
        serialization.save_model(flexunet(32, 2, PARAMS), tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_an_object_that_layers_share_is_one_again(tmp_path):
    """Keras marks it by its address in memory; the marks must still pair up."""
    shared = keras.initializers.HeNormal(seed=3)
    other = keras.initializers.HeNormal(seed=4)
    layers = [keras.layers.Dense(3, kernel_initializer=one) for one in (shared, other, shared, other)]
    serialization.save_model(keras.Sequential([keras.Input((3,)), *layers]), tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}

    def marks(value):
        if isinstance(value, dict):
            found = [value["shared_object_id"]] if value.get("shared_object_id") else []
            return found + [mark for one in value.values() for mark in marks(one)]
        return [mark for one in value for mark in marks(one)] if isinstance(value, list) else []

    assert set(marks(config)) == set(range(1, len(set(marks(config))) + 1))
    dense = keras.saving.load_model(tmp_path / "model.keras").layers
    assert [layer.kernel_initializer.seed for layer in dense] == [3, 4, 3, 4]

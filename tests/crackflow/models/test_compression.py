"""crackflow/models/compression.py."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackflow.errors import ModelError
from crackflow.models.compression import METADATA, WEIGHTS, pack, round_mantissa


def rounded(value, bits=10):
    return float(round_mantissa(np.array([value], np.float32), bits)[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 1.0),
        # halfway between 1 and 1 + 2^-10: to the even one
        (1 + 2**-11, 1.0),
        # halfway between 1 + 2^-10 and 1 + 2^-9: to the even one
        (1 + 3 * 2**-11, 1 + 2**-9),
        (1 + 2**-11 + 2**-20, 1 + 2**-10),
        (-(1 + 2**-11 + 2**-20), -(1 + 2**-10)),
        # carries into the exponent
        (2 - 2**-12, 2.0),
        (0.0, 0.0),
    ],
)
def test_rounding_by_hand(value, expected):
    assert rounded(value) == expected


@given(st.floats(2.0**-14, 65_000.0, width=32), st.sampled_from([-1, 1]))
def test_rounding_is_that_of_float16_where_float16_can_hold_it(value, sign):
    assert rounded(sign * value) == float(np.float16(sign * value))


def test_what_float16_would_lose_stays():
    """1e-9 is 0 in float16, and 1e6 is infinite."""
    assert rounded(1e-9) == pytest.approx(1e-9, rel=2**-11)
    assert rounded(1e6) == pytest.approx(1e6, rel=2**-11)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_told(value):
    with pytest.raises(ModelError, match="a weight is not finite"):
        rounded(value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of 5,000 weights and more that has been trained for a step, so that its file holds an optimizer."""
    pixels = keras.Input((32, 32, 3), name="pixels")
    x = keras.layers.Conv2D(24, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(1))(pixels)
    x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(24, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(2))(x)
    model = keras.Model(pixels, keras.layers.Conv2D(2, 1, activation="softmax")(x))
    model.compile("adam", "categorical_crossentropy")
    rng = np.random.default_rng(0)
    truth = np.eye(2, dtype=np.float32)[rng.integers(0, 2, (4, 32, 32))]
    model.train_on_batch(rng.uniform(0, 1, (4, 32, 32, 3)).astype(np.float32), truth)
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    model.save(path)
    return path


def test_plain_keras_opens_it_and_its_masks_are_the_same(trained, tmp_path):
    pack(trained, tmp_path / "packed.keras")
    assert (tmp_path / "packed.keras").stat().st_size < trained.stat().st_size / 2
    before = keras.saving.load_model(trained)
    after = keras.saving.load_model(tmp_path / "packed.keras")
    for old, new in zip(before.weights, after.weights, strict=True):
        assert old.path == new.path
        np.testing.assert_array_equal(round_mantissa(keras.ops.convert_to_numpy(old)), keras.ops.convert_to_numpy(new))
    pictures = np.random.default_rng(1).uniform(0, 1, (8, 32, 32, 3)).astype(np.float32)
    old, new = before.predict_on_batch(pictures)[..., 1], after.predict_on_batch(pictures)[..., 1]
    np.testing.assert_allclose(old, new, atol=2e-3)
    # 8,192 pixels; only those within the rounding of the threshold may change sides
    assert np.count_nonzero((old > 0.5) != (new > 0.5)) <= 8


def test_the_optimizer_is_left_out_and_no_date_is_in(trained, tmp_path):
    pack(trained, tmp_path / "packed.keras")
    with zipfile.ZipFile(tmp_path / "packed.keras") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"1980-01-01" in archive.read(METADATA)
        with archive.open(WEIGHTS) as file, h5py.File(file) as weights:
            assert set(weights) == {"layers", "vars"}


def test_the_same_model_gives_the_same_bytes_and_packing_again_changes_nothing(trained, tmp_path):
    for source, target in ((trained, "one"), (trained, "other"), (tmp_path / "one.keras", "again")):
        pack(source, tmp_path / f"{target}.keras")
    one = (tmp_path / "one.keras").read_bytes()
    assert one == (tmp_path / "other.keras").read_bytes() == (tmp_path / "again.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.keras", "one.keras", "other.keras"]


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_what_is_no_keras_file_is_told(tmp_path, content):
    if content:
        (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ModelError, match=r"can't be packed .*; expected a \.keras file"):
        pack(tmp_path / "model.keras", tmp_path / "packed.keras")
    assert not (tmp_path / "packed.keras").exists()

"""crackflow/inference/photographs.py, with a model that calls a pixel crack by its darkness."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.errors import ModelError
from crackflow.imaging.fit import frame
from crackflow.inference import photographs
from crackflow.inference.operating_point import OperatingPoint


def darkness_model(size, classes=2):
    """P(background) = 1 / (1 + exp(10 - 0.1 * level)) for a grey pixel: above 1/2 where the level is above 100."""
    pixels = keras.Input((size, size, 3))
    layer = keras.layers.Conv2D(classes, 1, activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    kernel = np.zeros((1, 1, 3, classes), np.float32)
    kernel[..., 0] = 0.1 / 3
    bias = np.zeros(classes, np.float32)
    bias[0] = -10
    bias[2:] = -30
    layer.set_weights([kernel, bias])
    return model


def predict_photo(*arguments, scale="fit"):
    """Most tests look at the whole photograph in one square."""
    return photographs.predict_photo(*arguments, scale=scale)


MODEL = darkness_model(16)
HALF = OperatingPoint(0.5)


@pytest.fixture(scope="module")
def model():
    return MODEL


def grey(height, width, level=200):
    return np.full((height, width, 3), level, np.uint8)


def test_the_mask_has_the_size_of_the_photograph(model):
    predicted = predict_photo(model, grey(30, 50), HALF).classes
    assert (predicted.shape, predicted.dtype) == ((30, 50), np.uint8)
    assert not predicted.any()


def test_a_dark_band_is_found_where_it_is(model):
    # 64 rows and 48 columns become 16 and 16: a band of 16 rows from row 24 becomes rows 6 to 9
    photo = grey(64, 48)
    photo[24:40] = 0
    rows = predict_photo(model, photo, HALF).classes.all(axis=1)
    # what is interpolated between two rows of the model's, four photograph rows apart, may fall to either side
    assert rows[26:38].all()
    assert not rows[:22].any()
    assert not rows[42:].any()


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(8, 96),
    width=st.integers(8, 96),
    mode=st.sampled_from(["stretch", "letterbox", "crop"]),
    ends=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_a_dark_rectangle_is_found_where_it_is_in_every_mode(height, width, mode, ends):
    """What is a model's pixel away from its edge, in pixels of the photograph, is on the right side of it."""
    top, bottom = sorted(round(end * height) for end in ends[:2])
    left, right = sorted(round(end * width) for end in ends[2:])
    photo = grey(height, width)
    photo[top:bottom, left:right] = 0
    found = predict_photo(MODEL, photo, HALF, mode).classes
    assert found.shape == (height, width)
    # half a pixel of the model's mixes both levels, interpolating back reaches half a pixel further, and OpenCV rounds
    tall, wide = frame(height, width, 16, "stretch" if mode == "stretch" else "letterbox").shape
    rows, columns = int(np.ceil(1.5 * height / tall)), int(np.ceil(1.5 * width / wide))
    inside = np.zeros((height, width), bool)
    inside[top + rows : max(0, bottom - rows), left + columns : max(0, right - columns)] = True
    outside = np.ones((height, width), bool)
    outside[max(0, top - rows) : bottom + rows, max(0, left - columns) : right + columns] = False
    assert found[inside].all()
    assert not found[outside].any()


def test_a_cut_model_is_shown_the_whole_photograph(model):
    # three squares in a row: the middle is all that stage resize would keep
    photo = grey(32, 96)
    photo[:, 80:] = 0
    assert predict_photo(model, photo, HALF, "crop").classes[:, 88:].all()


def test_the_threshold_holds_at_the_photographs_own_size(model):
    # level 90: 1 - P(background) = 1 / (1 + exp(-10 + 9)) = 1 / (1 + exp(-1)) = 0.731
    assert predict_photo(model, grey(20, 20, 90), OperatingPoint(0.73)).classes.all()
    assert not predict_photo(model, grey(20, 20, 90), OperatingPoint(0.74)).classes.any()


def test_the_probability_is_given_at_the_photographs_own_size(model):
    """Level 90 is 1 / (1 + exp(-1)) = 0.7310586: 47910.66 of 65536, rounded up."""
    found = predict_photo(model, grey(20, 24, 90), HALF).probability
    assert (found.shape, found.dtype) == ((20, 24), np.uint16)
    assert (found == 47911).all()


def test_a_component_is_judged_by_its_pixels_at_the_models_scale(model):
    # 8 x 8 of 32 x 64 px; the model sees 4 x 2 of 16 x 16
    photo = grey(32, 64)
    photo[8:16, 16:24] = 0
    assert predict_photo(model, photo, OperatingPoint(0.5, smallest_area=6)).classes.any()
    assert not predict_photo(model, photo, OperatingPoint(0.5, smallest_area=12)).classes.any()
    # letterboxed it is 2 x 2 px of the model's
    assert predict_photo(model, photo, OperatingPoint(0.5, smallest_area=3), "letterbox").classes.any()
    assert not predict_photo(model, photo, OperatingPoint(0.5, smallest_area=6), "letterbox").classes.any()
    # in squares of its own pixels it is 64 px, in those of a copy of half the size 16
    for scale, area in ((1.0, 64), (0.5, 16)):
        assert predict_photo(model, photo, OperatingPoint(0.5, smallest_area=area - 3), scale=scale).classes.any()
        assert not predict_photo(model, photo, OperatingPoint(0.5, smallest_area=area + 3), scale=scale).classes.any()


def test_a_photograph_of_one_piece_is_kept_or_dropped_by_its_peak(model):
    # level 50: 1 / (1 + exp(-5)) = 0.9933
    photo = grey(20, 20, 50)
    assert predict_photo(model, photo, OperatingPoint(0.5, peak=0.99)).classes.all()
    assert not predict_photo(model, photo, OperatingPoint(0.5, peak=0.995)).classes.any()


def test_flips_that_the_point_asks_for_are_averaged():
    """The model calls a pixel by its left neighbour, so that plain and averaged masks differ beside a dark column."""
    pixels = keras.Input((8, 8, 3))
    layer = keras.layers.Conv2D(2, 3, padding="same", activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[1, 0, 0, 0] = 0.1
    layer.set_weights([kernel, np.array([-10, 0], np.float32)])
    photo = grey(8, 8)
    photo[:, 4] = 0
    # the padding left of the first column is dark too
    assert predict_photo(model, photo, HALF).classes[0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0]
    # averaged, either neighbour gives half of the votes: 0.5 of a sure yes and a sure no
    point = OperatingPoint(0.45, flips=True)
    assert predict_photo(model, photo, point).classes[0].tolist() == [1, 0, 0, 1, 0, 1, 0, 1]


def test_a_photograph_of_the_models_size_is_not_interpolated(model):
    rng = np.random.default_rng(0)
    photo = np.repeat(rng.integers(0, 256, (16, 16, 1)), 3, axis=2).astype(np.uint8)
    np.testing.assert_array_equal(predict_photo(model, photo, HALF).classes, (photo[..., 0] < 100).astype(np.uint8))


@pytest.mark.parametrize("scale", ["fit", 1.0, 0.5])
def test_more_classes_than_two(model, scale):
    predicted = predict_photo(darkness_model(16, classes=6), grey(20, 24, 0), HALF, scale=scale).classes
    # the others have a logit of -30 beside the second class's 0
    assert predicted.shape == (20, 24)
    assert (predicted == 1).all()


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), seed=st.integers(0, 99))
def test_in_squares_of_its_own_pixels_every_pixel_is_called_as_it_is(height, width, seed):
    """The made model looks at one pixel at a time, so neither seam nor interpolation may change a thing."""
    photo = np.repeat(np.random.default_rng(seed).integers(0, 256, (height, width, 1)), 3, axis=2).astype(np.uint8)
    found = predict_photo(MODEL, photo, HALF, scale=1.0)
    assert found.scale == 1
    level = photo[..., 0].astype(float)
    # level 100 is at the threshold
    np.testing.assert_array_equal(found.classes[level != 100], (level < 100)[level != 100])
    expected = np.clip(np.ceil(65536 / (1 + np.exp(0.1 * level - 10))), 0, 65535)
    assert np.abs(found.probability - expected).max() <= 1


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(16, 16, 1), (8, 12, 16 / np.sqrt(96)), (16, 17, 1), (5, 40, 1), (40, 40, 1)]
)
def test_of_itself_a_large_photograph_is_looked_at_in_its_own_pixels(model, height, width, expected):
    """And one that fits into the square as the training pairs, so 8 x 12 px are enlarged to 16 x 16."""
    found = predict_photo(model, grey(height, width), HALF, scale="auto")
    assert found.scale == pytest.approx(expected)


def test_a_line_of_2_px_in_a_large_photograph_is_found_in_its_own_pixels_alone(model):
    """Squeezed to a tenth, 2 dark px and 8 light ones mix to level 160, where the model sees no crack."""
    photo = grey(160, 160)
    photo[:, 80:82] = 0
    assert not predict_photo(model, photo, HALF, scale="fit").classes.any()
    found = predict_photo(model, photo, HALF, scale="auto").classes
    assert np.flatnonzero(found.all(axis=0)).tolist() == [80, 81]
    assert found.sum() == 2 * 160


@pytest.mark.parametrize("shape", [(None, None, 3), (16, 32, 3)])
def test_a_model_that_takes_no_square_of_a_fixed_size_is_rejected(shape):
    pixels = keras.Input(shape)
    odd = keras.Model(pixels, keras.layers.Conv2D(2, 1, activation="softmax")(pixels))
    with pytest.raises(ModelError, match="expected a square of a fixed size"):
        predict_photo(odd, grey(16, 16), HALF)

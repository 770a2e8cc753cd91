import numpy as np
import pytest
from PIL import Image

from crackflow.errors import ImageError
from crackflow.masks import read_mask

BLACK, RED, WHITE = (0, 0, 0), (255, 0, 0), (255, 255, 255)
BINARY = (BLACK, WHITE)


def saved(path, array, **options):
    """Save with Pillow, so that what crackflow reads was not written by the library it reads with."""
    Image.fromarray(array).save(path, **options)
    return path


def test_black_and_white_split_above_127(tmp_path):
    levels = np.array([[0, 126, 127, 128, 129, 255]], np.uint8)
    expected = [[0, 0, 0, 1, 1, 1]]
    assert read_mask(saved(tmp_path / "grey.png", levels), BINARY).classes.tolist() == expected
    assert read_mask(saved(tmp_path / "rgb.png", np.dstack([levels] * 3)), BINARY).classes.tolist() == expected


def test_jpeg_greys_are_sorted_out(tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[:, 16:] = 255
    path = saved(tmp_path / "a.jpg", mask, quality=75)
    path = saved(tmp_path / "b.jpg", np.clip(np.asarray(Image.open(path)).astype(int) + 9, 0, 255).astype(np.uint8))
    np.testing.assert_array_equal(read_mask(path, BINARY).classes, mask // 255)


def test_the_nearest_of_three_colours_wins(tmp_path):
    # squared distances of (200, 40, 30): black 42500, red 55^2 + 40^2 + 30^2 = 5525, white 99875
    # of (120, 30, 30): black 16200, red 135^2 + 900 + 900 = 20025; of (180, 150, 150): red 50625, white 27675
    pixels = np.array([[(200, 40, 30), (120, 30, 30), (180, 150, 150)]], np.uint8)
    assert read_mask(saved(tmp_path / "a.png", pixels), (BLACK, RED, WHITE)).classes.tolist() == [[1, 0, 2]]


def test_the_nearest_of_three_greys_wins(tmp_path):
    # 64 is as near to 0 as to 128: the lower class; 191 is 63 from 128 and 64 from 255
    levels = np.array([[0, 64, 65, 128, 191, 192, 255]], np.uint8)
    colours = (BLACK, (128, 128, 128), WHITE)
    assert read_mask(saved(tmp_path / "a.png", levels), colours).classes.tolist() == [[0, 0, 1, 1, 1, 2, 2]]


def test_class_numbers_in_place_of_colours_are_refused(tmp_path):
    numbers = np.eye(4, dtype=np.uint8)
    with pytest.raises(ImageError, match="levels 0 to 1, which look like class numbers"):
        read_mask(saved(tmp_path / "a.png", numbers), BINARY)
    with pytest.raises(ImageError, match="levels 0 to 2, which look like class numbers"):
        read_mask(saved(tmp_path / "b.png", np.dstack([numbers * 2] * 3)), (BLACK, RED, WHITE))
    # JPEG makes such levels out of a black mask
    assert not read_mask(saved(tmp_path / "a.jpg", np.ones((8, 8), np.uint8)), BINARY).classes.any()

import numpy as np
import pytest

from crackflow.errors import ImageError
from crackflow.imaging.images import write_png
from crackflow.imaging.pairs import ResizedPairs


@pytest.fixture
def folder(tmp_path):
    """One pair `a` of 4 x 3 px, red, its first column crack."""
    image = np.zeros((3, 4, 3), np.uint8)
    image[..., 0] = 200
    mask = np.zeros((3, 4), np.uint8)
    mask[:, 0] = 255
    write_png(tmp_path / "resized/images/a.png", image)
    write_png(tmp_path / "resized/masks/a.png", mask)
    return tmp_path / "resized"


def test_a_pair_is_rgb_and_class_numbers(folder):
    image, mask = ResizedPairs(folder, 2).pair("a")
    assert image.shape == (3, 4, 3)
    assert image[0, 0].tolist() == [200, 0, 0]
    assert mask.tolist() == [[1, 0, 0, 0]] * 3


def test_grey_is_one_channel_of_what_the_eye_sees(folder):
    """Red counts 0.299: 200 becomes 60."""
    assert ResizedPairs(folder, 2, channels=1).image("a").tolist() == [[[60]] * 4] * 3
    assert ResizedPairs(folder, 2).grey("a").shape == (3, 4)


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_which_of_the_two_files_is_damaged_is_said(folder, kind):
    (folder / kind / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ImageError, match=rf"^resized/{kind}/a\.png is truncated or not an image"):
        ResizedPairs(folder, 2).pair("a")


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_which_of_the_two_files_is_absent_is_said(folder, kind):
    (folder / kind / "a.png").unlink()
    with pytest.raises(ImageError, match=rf"^resized/{kind}/a\.png can't be opened: No such file"):
        ResizedPairs(folder, 2).pair("a")


def test_a_damaged_image_is_named_when_read_grey(folder):
    (folder / "images/a.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"^resized/images/a\.png is empty"):
        ResizedPairs(folder, 2).grey("a")


def test_a_level_that_is_no_class_is_said_with_the_file(folder):
    write_png(folder / "masks/a.png", np.full((3, 4), 7, np.uint8))
    with pytest.raises(ImageError, match=r"^resized/masks/a\.png holds level 7, expected one of 0, 127, 255"):
        ResizedPairs(folder, 3).mask("a")


def test_two_sizes_in_one_pair_are_rejected(folder):
    write_png(folder / "masks/a.png", np.zeros((3, 5), np.uint8))
    with pytest.raises(ImageError, match=r"images/a\.png 4x3 and masks/a\.png 5x3 px; expected one size"):
        ResizedPairs(folder, 2).pair("a")

"""HEIC photographs, written by pillow-heif."""

import sys

import numpy as np
import pytest
from PIL import Image

from crackflow.errors import ImageError
from crackflow.imaging.photo_file import read_photograph

MOST = 10**6


@pytest.fixture
def heic(tmp_path):
    """Red left half, blue right half, 64x48 px."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, :32, 0] = pixels[:, 32:, 2] = 200
    exif = Image.Exif()
    exif[274] = 6  # shown after a quarter turn clockwise
    file = pillow_heif.from_pillow(Image.fromarray(pixels))
    file.save(tmp_path / "upright.heic", quality=100)
    file.info["exif"] = exif.tobytes()
    file.save(tmp_path / "turned.heic", quality=100, exif=exif.tobytes())
    return tmp_path


def test_a_heic_photograph_is_read_upright(heic):
    photo = read_photograph(heic / "upright.heic", MOST)
    assert photo.shape == (48, 64, 3)
    np.testing.assert_allclose(photo[24, [8, 56]].astype(int), [[200, 0, 0], [0, 0, 200]], atol=6)


def test_its_orientation_counts(heic):
    photo = read_photograph(heic / "turned.heic", MOST)
    assert photo.shape == (64, 48, 3)
    # what was left is up
    np.testing.assert_allclose(photo[[8, 56], 24].astype(int), [[200, 0, 0], [0, 0, 200]], atol=6)


def test_the_name_may_be_that_of_a_jpeg(heic):
    (heic / "upright.heic").rename(heic / "a.jpg")
    assert read_photograph(heic / "a.jpg", MOST).shape == (48, 64, 3)


def test_too_many_pixels_are_not_decoded(heic):
    with pytest.raises(ImageError, match=r"upright.heic has 64x48 px"):
        read_photograph(heic / "upright.heic", 1000)


def test_without_the_extra_the_line_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(ImageError, match=r"a.heic is a HEIC photograph; install .* pip install 'crackflow\[heic\]'"):
        read_photograph(tmp_path / "a.heic", MOST)

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from crackflow.errors import ImageError
from crackflow.images import (
    decode_classes,
    encode_classes,
    read_image,
    write_png,
)


def saved(path, array, **options):
    """Save with Pillow, so that what crackflow reads was not written by the library it reads with."""
    Image.fromarray(array).save(path, **options)
    return path


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_a_colour_image_is_read_as_rgb(tmp_path):
    array = noise(5, 7, 3)
    np.testing.assert_array_equal(read_image(saved(tmp_path / "a.png", array)), array)


def test_a_grey_image_gets_three_equal_channels(tmp_path):
    array = noise(5, 7)
    np.testing.assert_array_equal(read_image(saved(tmp_path / "a.png", array)), np.dstack([array] * 3))


def test_alpha_is_dropped(tmp_path):
    array = noise(5, 7, 4)
    np.testing.assert_array_equal(read_image(saved(tmp_path / "a.png", array)), array[..., :3])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    levels = np.array([[0, 257, 32767, 65535]], dtype=np.uint16)
    (tmp_path / f"a{suffix}").write_bytes(cv2.imencode(suffix, np.dstack([levels] * 3))[1].tobytes())
    # level / 257, cut or rounded as the format's reader does: 0, 1, 127.5, 255
    found = read_image(tmp_path / f"a{suffix}")[0, :, 0].tolist()
    assert found in ([0, 1, 127, 255], [0, 1, 128, 255])


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_exif_orientation_is_honoured(tmp_path, suffix):
    turned_left = np.zeros((16, 32, 3), np.uint8)
    turned_left[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # show it turned by 90 degrees clockwise: the left edge becomes the top
    found = read_image(saved(tmp_path / f"a.{suffix}", turned_left, exif=exif))
    assert found.shape == (32, 16, 3)
    assert found[:7].min() > 200
    assert found[9:].max() < 50


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("damage", ["half", "no end", "zeros"])
def test_a_jpeg_that_ends_early_is_refused(tmp_path, progressive, damage):
    buffer = io.BytesIO()
    Image.fromarray(noise(48, 64, 3)).save(buffer, "JPEG", progressive=progressive)
    data = buffer.getvalue()
    half = len(data) // 2
    broken = {"half": data[:half], "no end": data[:-2], "zeros": data[:half] + bytes(len(data) - half)}[damage]
    (tmp_path / "whole.jpg").write_bytes(data)
    (tmp_path / "broken.jpg").write_bytes(broken)
    assert read_image(tmp_path / "whole.jpg").shape == (48, 64, 3)
    with pytest.raises(ImageError, match=r"broken\.jpg is truncated or not an image"):
        read_image(tmp_path / "broken.jpg")


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif"])
def test_other_formats_that_end_early_are_refused(tmp_path, suffix):
    path = saved(tmp_path / f"a.{suffix}", noise(48, 64, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


def test_a_png_with_a_tail_of_zeros_is_refused(tmp_path):
    path = saved(tmp_path / "a.png", noise(48, 64, 3))
    half = path.stat().st_size // 2
    path.write_bytes(path.read_bytes()[:half] + bytes(half))
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


def test_what_cameras_append_to_a_jpeg_is_skipped(tmp_path):
    path = saved(tmp_path / "a.jpg", noise(48, 64, 3))
    path.write_bytes(path.read_bytes() + b"a film of two seconds\xff\xda" + bytes(9))
    assert read_image(path).shape == (48, 64, 3)


@pytest.mark.parametrize("content", [b"", b"not an image at all"])
def test_what_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.jpg is truncated or not an image"):
        read_image(tmp_path / "a.jpg")


def test_an_absent_file_says_so(tmp_path):
    with pytest.raises(ImageError, match=r"a\.jpg can't be opened: No such file"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(("num_classes", "levels"), [(2, [0, 255]), (3, [0, 127, 255]), (4, [0, 85, 170, 255])])
def test_stored_levels(num_classes, levels):
    numbers = np.arange(num_classes, dtype=np.uint8)
    assert encode_classes(numbers, num_classes).tolist() == levels
    np.testing.assert_array_equal(decode_classes(np.array(levels, np.uint8), num_classes), numbers)


def test_a_level_that_no_class_has_is_refused():
    with pytest.raises(ImageError, match="level 127, expected one of 0, 255"):
        decode_classes(np.array([[0, 127, 255]], np.uint8), 2)


@pytest.mark.parametrize("shape", [(9, 7, 3), (9, 7)])
def test_png_is_lossless_and_leaves_no_part(tmp_path, shape):
    array = noise(*shape)
    write_png(tmp_path / "new" / "a.png", array)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), array)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]

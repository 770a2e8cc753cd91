import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crackflow.errors import ImageError
from crackflow.images import (
    decode_classes,
    encode_classes,
    read_image,
    read_mask,
    resize_image,
    resize_mask,
    write_png,
)

BLACK, RED, WHITE = (0, 0, 0), (255, 0, 0), (255, 255, 255)
BINARY = (BLACK, WHITE)


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


def test_black_and_white_split_above_127(tmp_path):
    levels = np.array([[0, 126, 127, 128, 129, 255]], np.uint8)
    expected = [[0, 0, 0, 1, 1, 1]]
    assert read_mask(saved(tmp_path / "grey.png", levels), BINARY).tolist() == expected
    assert read_mask(saved(tmp_path / "rgb.png", np.dstack([levels] * 3)), BINARY).tolist() == expected


def test_jpeg_greys_are_sorted_out(tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[:, 16:] = 255
    path = saved(tmp_path / "a.jpg", mask, quality=75)
    path = saved(tmp_path / "b.jpg", np.clip(np.asarray(Image.open(path)).astype(int) + 9, 0, 255).astype(np.uint8))
    np.testing.assert_array_equal(read_mask(path, BINARY), mask // 255)


def test_the_nearest_of_three_colours_wins(tmp_path):
    # squared distances of (200, 40, 30): black 42500, red 55^2 + 40^2 + 30^2 = 5525, white 99875
    # of (120, 30, 30): black 16200, red 135^2 + 900 + 900 = 20025; of (180, 150, 150): red 50625, white 27675
    pixels = np.array([[(200, 40, 30), (120, 30, 30), (180, 150, 150)]], np.uint8)
    assert read_mask(saved(tmp_path / "a.png", pixels), (BLACK, RED, WHITE)).tolist() == [[1, 0, 2]]


def test_the_nearest_of_three_greys_wins(tmp_path):
    # 64 is as near to 0 as to 128: the lower class; 191 is 63 from 128 and 64 from 255
    levels = np.array([[0, 64, 65, 128, 191, 192, 255]], np.uint8)
    colours = (BLACK, (128, 128, 128), WHITE)
    assert read_mask(saved(tmp_path / "a.png", levels), colours).tolist() == [[0, 0, 1, 1, 1, 2, 2]]


def test_class_numbers_in_place_of_colours_are_refused(tmp_path):
    numbers = np.eye(4, dtype=np.uint8)
    with pytest.raises(ImageError, match="levels 0 to 1, which look like class numbers"):
        read_mask(saved(tmp_path / "a.png", numbers), BINARY)
    with pytest.raises(ImageError, match="levels 0 to 2, which look like class numbers"):
        read_mask(saved(tmp_path / "b.png", np.dstack([numbers * 2] * 3)), (BLACK, RED, WHITE))
    # JPEG makes such levels out of a black mask
    assert not read_mask(saved(tmp_path / "a.jpg", np.ones((8, 8), np.uint8)), BINARY).any()


def test_shrinking_averages():
    blocks = np.array([[0, 100, 8, 8], [200, 100, 8, 8], [0, 0, 1, 3], [0, 0, 5, 7]], np.uint8)
    assert resize_image(blocks, 2).tolist() == [[100, 8], [0, 4]]


def test_a_dark_line_stays_visible_when_shrunk_eightfold():
    image = np.full((64, 64, 3), 200, np.uint8)
    image[:, 33] = 0
    # one of eight columns is black: 200 * 7 / 8
    assert resize_image(image, 8)[:, 4].tolist() == [[175] * 3] * 8


def test_a_side_that_shrinks_is_averaged_while_the_other_grows():
    image = np.zeros((4, 64), np.uint8)
    image[:, ::8] = 160
    assert np.unique(resize_image(image, 8)).tolist() == [20]


def test_growing_keeps_a_line_darker_than_linear_interpolation():
    image = np.full((16, 16), 200, np.uint8)
    image[:, 8] = 0
    linear = cv2.resize(image, (18, 18), interpolation=cv2.INTER_LINEAR)
    assert resize_image(image, 18).min() < linear.min()


def test_a_mask_grows_without_moving():
    classes = np.zeros((16, 16), np.uint8)
    classes[4:12, 4:12] = 1
    expected = np.zeros((32, 32), np.uint8)
    expected[8:24, 8:24] = 1
    np.testing.assert_array_equal(resize_mask(classes, 32, 2), expected)


@given(
    height=st.integers(8, 80),
    width=st.integers(8, 80),
    size=st.integers(8, 64),
    row=st.integers(0),
    diagonal=st.booleans(),
)
def test_a_line_of_one_pixel_never_breaks(height, width, size, row, diagonal):
    side = max(height, width)
    if diagonal:
        classes = np.eye(side, dtype=np.uint8)
    else:
        classes = np.zeros((height, width), np.uint8)
        classes[row % height] = 1
    found = resize_mask(classes, size, 2)
    assert found.any(axis=0).all()
    pieces, _ = cv2.connectedComponents(found, connectivity=8)
    assert pieces - 1 == 1


def test_several_classes_keep_the_one_that_covers_most():
    # blocks of 2 x 2: all 2; two of 1, one of 2; nothing; one of 2, the rest background
    classes = np.array([[2, 2, 1, 1], [2, 2, 2, 0], [0, 0, 0, 2], [0, 0, 0, 0]], np.uint8)
    # a single pixel of four is what a line covers half of: 1/4 = (1/2) / 2
    assert resize_mask(classes, 2, 3).tolist() == [[2, 1], [0, 2]]


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

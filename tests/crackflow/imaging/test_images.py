import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from crackflow.errors import ImageError
from crackflow.imaging import images
from crackflow.imaging.images import (
    decode_classes,
    eight_bits,
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


def test_alpha_in_a_tiff_is_dropped_where_it_is_opaque(tmp_path):
    array = noise(5, 7, 4)
    array[..., 3] = 255
    np.testing.assert_array_equal(read_image(saved(tmp_path / "a.tif", array)), array[..., :3])


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_a_colour_table_is_looked_up(tmp_path, suffix):
    image = Image.frombytes("P", (3, 1), bytes([2, 0, 1]))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}").tolist() == [[[70, 80, 90], [10, 20, 30], [40, 50, 60]]]


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_one_bit_is_black_and_white(tmp_path, suffix):
    Image.fromarray(np.array([[False, True, False]])).save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}")[..., 1].tolist() == [[0, 255, 0]]


def sixteen(path, levels):
    """Write 16-bit levels, grey or RGB, with tifffile, or by hand as a PNG: Pillow writes no 16-bit colour."""
    if path.suffix == ".tif":
        tifffile.imwrite(path, levels, photometric="rgb" if levels.ndim == 3 else "minisblack")
        return path
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2 if levels.ndim == 3 else 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
    )
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([0, 257, 32767, 65535], [0, 1, 127, 255]),  # 16 bits: level / 257 is 0, 1, 127.498, 255
        ([0, 2048, 4095], [0, 128, 255]),  # 12 bits: level * 255 / 4095 is 0, 127.53, 255
        ([0, 500, 1023], [0, 125, 255]),  # 10 bits: 500 * 255 / 1023 is 124.6
        ([0, 8192, 16383], [0, 128, 255]),  # 14 bits: 8192 * 255 / 16383 is 127.508
        ([0, 2000, 4096], [0, 31, 64]),  # one level more than 12 bits hold is 14: 2000 and 4096 * 255 / 16383
        ([0, 7, 255], [0, 7, 255]),  # 8 bits
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_sixteen_bits_are_scaled_by_what_the_brightest_level_tells(tmp_path, suffix, levels, expected):
    grey = np.array([levels], np.uint16)
    found = read_image(sixteen(tmp_path / f"grey{suffix}", grey))
    assert found.tolist() == [[[level] * 3 for level in expected]]
    # in colour, each channel by the brightest of all: green holds the levels turned round, blue none
    colour = np.dstack([grey, grey[:, ::-1], grey * 0])
    found = read_image(sixteen(tmp_path / f"colour{suffix}", colour))
    assert found.tolist() == [[[*pair, 0] for pair in zip(expected, expected[::-1], strict=True)]]


@pytest.mark.parametrize("kind", ["float32", "int32", "uint32"])
def test_more_than_sixteen_bits_are_rejected(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), kind))
    with pytest.raises(ImageError, match=rf"a\.tif holds {kind} samples, expected 8 or 16 bits"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("marker", ["Adobe, as written", "no Adobe", "Adobe, transform 2"])
def test_cmyk_is_read_as_pillow_converts_it(tmp_path, marker):
    """Inks in patches of 16 px, in the inverted form that Photoshop writes and Pillow too."""
    inks = np.kron(noise(3, 3, 4), np.ones((16, 16, 1), np.uint8))
    buffer = io.BytesIO()
    Image.frombytes("CMYK", (48, 48), inks.tobytes()).save(buffer, "JPEG", quality=100)
    data = buffer.getvalue()
    place = data.index(b"\xff\xee")
    assert data[place + 4 : place + 9] == b"Adobe"
    end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    if marker == "no Adobe":
        data = data[:place] + data[end:]
    elif marker == "Adobe, transform 2":
        data = data[: end - 1] + b"\x02" + data[end:]
    (tmp_path / "a.jpg").write_bytes(data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(read_image(tmp_path / "a.jpg") - expected).max() <= 2


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


def test_all_eight_orientations_are_those_of_the_standard(tmp_path):
    stored = noise(4, 6, 3)
    turns = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored),
    }
    for orientation, shown in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = saved(tmp_path / f"{orientation}.png", stored, exif=exif)
        np.testing.assert_array_equal(read_image(path), shown)
        np.testing.assert_array_equal(read_image(path, turned=False), stored)
        deep = Image.fromarray(stored[..., 0].astype(np.uint16) * 257)
        deep.save(tmp_path / "deep.png", exif=exif)
        np.testing.assert_array_equal(read_image(tmp_path / "deep.png")[..., 0], shown[..., 0])
        np.testing.assert_array_equal(read_image(saved(tmp_path / "a.tif", stored, exif=exif)), shown)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("damage", ["half", "no end", "zeros"])
def test_a_jpeg_that_ends_early_is_rejected(tmp_path, progressive, damage):
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
def test_other_formats_that_end_early_are_rejected(tmp_path, suffix):
    path = saved(tmp_path / f"a.{suffix}", noise(48, 64, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


def test_a_png_with_a_tail_of_zeros_is_rejected(tmp_path):
    path = saved(tmp_path / "a.png", noise(48, 64, 3))
    half = path.stat().st_size // 2
    path.write_bytes(path.read_bytes()[:half] + bytes(half))
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


def test_what_cameras_append_to_a_jpeg_is_skipped(tmp_path):
    path = saved(tmp_path / "a.jpg", noise(48, 64, 3))
    path.write_bytes(path.read_bytes() + b"a film of two seconds\xff\xda" + bytes(9))
    assert read_image(path).shape == (48, 64, 3)


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"not an image at all", "truncated or not an image")])
def test_what_is_no_image_is_rejected(tmp_path, content, said):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=rf"a\.jpg is {said}"):
        read_image(tmp_path / "a.jpg")


def test_an_absent_file_says_so(tmp_path):
    with pytest.raises(ImageError, match=r"a\.jpg can't be opened: No such file"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(("num_classes", "levels"), [(2, [0, 255]), (3, [0, 127, 255]), (4, [0, 85, 170, 255])])
def test_stored_levels(num_classes, levels):
    numbers = np.arange(num_classes, dtype=np.uint8)
    assert encode_classes(numbers, num_classes).tolist() == levels
    np.testing.assert_array_equal(decode_classes(np.array(levels, np.uint8), num_classes), numbers)


def test_a_level_that_no_class_has_is_rejected():
    with pytest.raises(ImageError, match="level 127, expected one of 0, 255"):
        decode_classes(np.array([[0, 127, 255]], np.uint8), 2)


@pytest.mark.parametrize("shape", [(9, 7, 3), (9, 7)])
def test_png_is_lossless_and_leaves_no_part(tmp_path, shape):
    array = noise(*shape)
    write_png(tmp_path / "new" / "a.png", array)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), array)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_a_png_whose_chunk_is_longer_than_the_file_takes_no_memory_for_it(tmp_path, monkeypatch):
    """OpenCV takes as much as the chunk says, up to 4 GiB, and finds out later that it is not there."""
    whole = saved(tmp_path / "a.png", noise(5, 7, 3)).read_bytes()
    at = whole.index(b"IDAT") - 4
    (tmp_path / "b.png").write_bytes(whole[:at] + b"\xc8\0\0\0" + whole[at + 4 :])
    (tmp_path / "c.png").write_bytes(whole + b"behind its end")
    assert read_image(tmp_path / "c.png").shape == (5, 7, 3)
    monkeypatch.setattr(images.cv2, "imdecode", lambda *_: pytest.fail("OpenCV was asked"))
    with pytest.raises(ImageError, match=r"b\.png is truncated or not an image"):
        read_image(tmp_path / "b.png")


def test_levels_are_divided_by_white_where_it_is_known():
    """An inverted picture of 12 bits without white: 795 of 4095 is 49.5; of the 10 bits that hold it, 198."""
    levels = np.array([[0, 795]], np.uint16)
    assert eight_bits(levels, 4095).tolist() == [[0, 50]]
    assert eight_bits(levels).tolist() == [[0, 198]]
    assert eight_bits(levels.astype(np.uint8), 4095).tolist() == [[0, 27]]

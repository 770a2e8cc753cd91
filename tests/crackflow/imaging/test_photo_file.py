"""crackflow/imaging/photo_file.py; files are written, and expected pixels read, by Pillow."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from crackflow.errors import ImageError
from crackflow.imaging.photo_file import looks_like_mask, read_photograph

MOST = 100_000
KINDS = [("png", "L"), ("png", "1"), ("png", "RGB"), ("tif", "RGB"), ("gif", "P"), ("webp", "RGB"), ("avif", "RGB")]
RNG = np.random.default_rng(5)
COLOUR = Image.fromarray(RNG.integers(0, 256, (6, 9, 3)).astype(np.uint8))


def saved(folder, name, image=COLOUR, **options):
    image.save(folder / name, **options)
    return folder / name


def by_pillow(path):
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


@pytest.mark.parametrize(("name", "mode"), [(f"a.{ending}", mode) for ending, mode in KINDS])
def test_kinds_of_file_give_the_pixels_that_pillow_gives(tmp_path, name, mode):
    path = saved(tmp_path, name, COLOUR.convert(mode), **({"lossless": True} if name == "a.webp" else {}))
    # decoders of AVIF differ in rounding
    np.testing.assert_allclose(read_photograph(path, MOST), by_pillow(path), atol=3 if name == "a.avif" else 0)


def test_masks_are_told_from_photographs(tmp_path):
    lines = np.zeros((300, 400), np.uint8)
    lines[40:46], lines[:, 200:203] = 255, 255
    coded = [lines, lines // 255, np.digitize(np.arange(400), [100, 200, 300])[None].repeat(300, 0).astype(np.uint8)]
    for number, mask in enumerate(coded):
        assert looks_like_mask(read_photograph(saved(tmp_path, f"{number}.png", Image.fromarray(mask)), MOST * 2))
    jpeg = read_photograph(saved(tmp_path, "a.jpg", Image.fromarray(lines), quality=75), MOST * 2)
    assert len(np.unique(jpeg)) > 4
    assert looks_like_mask(jpeg)
    # dark, and nearly white, with noise
    for level in (12, 245):
        noisy = np.clip(RNG.normal(level, 9, (300, 400, 3)), 0, 255).astype(np.uint8)
        assert not looks_like_mask(noisy)
    crack = (lines // 2)[..., None].repeat(3, 2)
    assert not looks_like_mask(crack + RNG.integers(40, 60, crack.shape).astype(np.uint8))


def test_a_file_that_is_cut_off_is_told_in_words_of_photographs(tmp_path):
    path = saved(tmp_path, "a.jpg", COLOUR)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError, match=r"a\.jpg is truncated or not an image; replace it or leave it out$"):
        read_photograph(path, MOST)


def test_alpha_is_dropped(tmp_path):
    layers = np.dstack([np.asarray(COLOUR), RNG.integers(0, 256, (6, 9)).astype(np.uint8)])
    path = saved(tmp_path, "a.png", Image.fromarray(layers))
    np.testing.assert_array_equal(read_photograph(path, MOST), np.asarray(COLOUR))


def test_sixteen_bits_become_eight(tmp_path):
    levels = np.array([[0, 65535], [32768, 257 * 90]], np.uint16)
    path = saved(tmp_path, "a.png", Image.fromarray(levels))
    assert read_photograph(path, MOST)[..., 0].tolist() == [[0, 255], [128, 90]]


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_is_read_as_colours(tmp_path, name):
    path = saved(tmp_path, name, Image.new("CMYK", (8, 8), (0, 255, 255, 0)))
    red = read_photograph(path, MOST)[4, 4].astype(int)
    assert red[0] > 200
    assert red[1:].max() < 60


def test_a_photograph_is_turned_as_its_orientation_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is the right side
    tall = read_photograph(saved(tmp_path, "a.jpg", COLOUR, exif=exif, quality=100, subsampling=0), MOST)
    assert tall.shape == (9, 6, 3)
    np.testing.assert_allclose(tall, by_pillow(tmp_path / "a.jpg"), atol=3)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif"])
def test_several_pictures_in_one_file_are_told(tmp_path, name):
    others = [ImageOps.invert(COLOUR), ImageOps.flip(COLOUR)]
    path = saved(tmp_path, name, COLOUR, save_all=True, append_images=others)
    with pytest.raises(ImageError, match=rf"{name} holds 3 pictures, expected one; save each as a file of its own"):
        read_photograph(path, MOST)


def test_a_telephones_second_picture_does_not_count(tmp_path):
    saved(tmp_path, "a.mpo", COLOUR, save_all=True, append_images=[ImageOps.flip(COLOUR)], quality=100, subsampling=0)
    path = (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    np.testing.assert_allclose(read_photograph(path, MOST), np.asarray(COLOUR), atol=4)


def test_a_smaller_copy_in_a_tiff_does_not_count(tmp_path):
    copy = COLOUR.resize((3, 2))
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    path = saved(tmp_path, "a.tif", COLOUR, save_all=True, append_images=[copy])
    assert Image.open(path).n_frames == 2
    np.testing.assert_array_equal(read_photograph(path, MOST), np.asarray(COLOUR))


def test_floating_point_samples_are_told(tmp_path):
    path = saved(tmp_path, "a.tif", Image.fromarray(np.ones((4, 4), np.float32)))
    with pytest.raises(ImageError, match=r"a\.tif holds float32 samples, expected 8 or 16 bits"):
        read_photograph(path, MOST)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (65_500, 1), (1, 3000)])
def test_odd_sizes_are_read(tmp_path, width, height):
    path = saved(tmp_path, "a.png", Image.new("L", (width, height), 7))
    assert read_photograph(path, MOST).shape == (height, width, 3)


def test_too_many_pixels_are_told_before_they_are_decoded(tmp_path):
    """The file says 30,000 x 20,000 px and holds none."""
    head = struct.pack(">IIBBBBB", 30_000, 20_000, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in parts:
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"30,000x20,000 px, 600\.0 megapixels, expected at most 0\.1; allow more"):
        read_photograph(tmp_path / "a.png", MOST)
    assert Image.MAX_IMAGE_PIXELS is not None


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_told(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png is (empty|truncated or not an image)"):
        read_photograph(tmp_path / "a.png", MOST)


def test_a_file_that_ends_early_is_told(tmp_path):
    path = saved(tmp_path, "a.jpg", COLOUR.resize((64, 64)))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ImageError, match=r"a\.jpg is truncated"):
        read_photograph(path, MOST)

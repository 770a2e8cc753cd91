"""crackflow/imaging/tiff.py, over a matrix of layouts; the second reader is Pillow, or the array that was written."""

import io
import itertools
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from crackflow.errors import ImageError
from crackflow.imaging.images import read_image
from crackflow.imaging.tiff import read_tiff

RNG = np.random.default_rng(5)
LOSSLESS = [None, "lzw", "deflate", "packbits", "zstd", "lzma"]


def written(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_what_was_written_is_read_whatever_the_layout(compression, planar):
    grey_and_colour = itertools.product((np.uint8, np.uint16), ((21, 37), (21, 37, 3)), (None, (16, 16)), "<>")
    for kind, shape, tile, order in grey_and_colour:
        array = RNG.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
        if len(shape) == 3 and planar == "separate":
            stored, photometric, more = np.moveaxis(array, -1, 0), "rgb", {"planarconfig": planar}
        else:
            stored, photometric, more = array, "rgb" if len(shape) == 3 else "minisblack", {}
        predictors = (False, True) if compression in ("lzw", "deflate") else (False,)
        for predictor in predictors:
            data = written(
                np.ascontiguousarray(stored),
                photometric=photometric,
                compression=compression,
                tile=tile,
                byteorder=order,
                predictor=predictor,
                rowsperstrip=None if tile else 5,
                **more,
            )
            found = read_tiff(data, "a.tif")
            np.testing.assert_array_equal(found.pixels, array, str((kind, shape, tile, order, predictor)))
            assert (found.bits, found.lossless, found.alpha) == (8 * array.itemsize, True, None)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_white_is_zero_is_no_negative(kind):
    array = RNG.integers(0, np.iinfo(kind).max, (9, 7), kind, endpoint=True)
    inverted = np.iinfo(kind).max - array
    np.testing.assert_array_equal(read_tiff(written(inverted, photometric="miniswhite"), "a.tif").pixels, array)


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "group3", "group4"]
)
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_what_pillow_writes_is_read_as_pillow_reads_it(mode, compression):
    if compression.startswith("group") and mode != "1":
        pytest.skip("for two levels only")
    array = RNG.integers(0, 256, (20, 30, 3), np.uint8)
    image = Image.fromarray(array[..., 0].astype(np.uint16) * 257 if mode == "I;16" else array)
    image = image if mode == "I;16" else image.convert(mode)
    file = io.BytesIO()
    image.save(file, "TIFF", compression=compression)
    found = read_tiff(file.getvalue(), "a.tif")
    again = Image.open(file)
    if mode == "I;16":
        expected = np.asarray(again)
    else:
        grey = mode in {"1", "L", "LA"}
        expected = np.asarray(again.convert("L" if grey else "RGB"))
    # Pillow rounds ink otherwise
    np.testing.assert_allclose(found.pixels.astype(int), expected.astype(int), atol=1 if mode == "CMYK" else 0)
    if mode in {"RGBA", "LA"}:
        np.testing.assert_array_equal(found.alpha, np.asarray(again)[..., -1])
    if mode == "P":
        np.testing.assert_array_equal(found.indices, np.asarray(again))


def test_jpeg_within_is_read_as_pillow_reads_it():
    array = np.kron(RNG.integers(0, 256, (4, 5, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    for mode in ("L", "RGB", "YCbCr"):
        file = io.BytesIO()
        Image.fromarray(array).convert(mode).save(file, "TIFF", compression="jpeg")
        found = read_tiff(file.getvalue(), "a.tif")
        expected = np.asarray(Image.open(file).convert("L" if mode == "L" else "RGB"))
        np.testing.assert_allclose(found.pixels.astype(int), expected.astype(int), atol=3)
        assert not found.lossless


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_turns_as_pillow_turns(orientation):
    array = RNG.integers(0, 256, (3, 5, 3), np.uint8)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(array).save(file, "TIFF", exif=exif)
    from PIL import ImageOps

    shown = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    np.testing.assert_array_equal(read_tiff(file.getvalue(), "a.tif").pixels, shown)
    np.testing.assert_array_equal(read_tiff(file.getvalue(), "a.tif", turned=False).pixels, array)


def test_few_bits_are_stretched_and_twelve_are_known():
    for bits in (2, 4):
        array = RNG.integers(0, 2**bits, (6, 10), np.uint8)
        data = (
            written(array, bitspersample=bits, photometric="minisblack", compression="packints") if bits == 12 else None
        )
        if data is None:
            packed = np.packbits(np.unpackbits(array[..., None], axis=-1)[..., 8 - bits :].reshape(6, -1), axis=-1)
            data = _raw(packed.tobytes(), 10, 6, bits)
        np.testing.assert_array_equal(read_tiff(data, "a.tif").pixels, array * (255 // (2**bits - 1)))
    levels = np.array([[0, 1000, 4095, 2048]], np.uint16)
    bits = "".join(f"{one:012b}" for one in levels[0])
    data = _raw(int(bits, 2).to_bytes(6, "big"), 4, 1, 12)
    found = read_tiff(data, "a.tif")
    assert (found.pixels.tolist(), found.bits) == (levels.tolist(), 12)


def _raw(strip, width, height, bits):
    """A TIFF by hand: one strip of grey levels without compression (TIFF 6.0, section 3)."""
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, 1), (273, 8), (277, 1), (278, height)]
    tags += [(279, len(strip))]
    strip += b"\0" * (len(strip) % 2)
    entries = b"".join(
        tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
        for tag, value in tags
    )
    place = (8 + len(strip)).to_bytes(4, "little")
    return b"II*\0" + place + strip + len(tags).to_bytes(2, "little") + entries + b"\0" * 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (written(np.zeros((4, 4), np.float32)), "holds float32 samples"),
        (written(np.zeros((4, 4), np.int16)), "holds int16 samples"),
        (
            written(np.zeros((4, 4, 5), np.uint8), photometric="minisblack", planarconfig="contig"),
            "has 5 bands, expected 1",
        ),
        (
            written(np.zeros((4, 4, 5), np.uint8), photometric="rgb", planarconfig="contig"),
            "has 5 bands, expected 3, or 3 and alpha",
        ),
        (written(np.zeros((64, 64), np.uint8))[:2000], "truncated or not an image"),
        (b"II*\0" + bytes(40), "truncated or not an image"),
        (written(np.zeros((4, 4, 3), np.uint8), photometric="cielab"), "holds CIELAB colours"),
    ],
)
def test_what_can_not_be_read_says_what_it_is(data, said):
    with pytest.raises(ImageError, match=said) as error:
        read_tiff(data, "a.tif")
    assert "\n" not in str(error.value)


def test_sixteen_bit_planes_are_the_same_at_each_reading(tmp_path):
    array = RNG.integers(0, 65536, (3, 64, 48)).astype(np.uint16)
    array[0, 0, 0] = 65535
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", planarconfig="separate")
    expected = np.round(np.moveaxis(array, 0, -1) / 257)
    for _ in range(3):
        np.testing.assert_allclose(read_image(tmp_path / "a.tif"), expected, atol=1)


def test_what_a_damaged_file_has_wrong_is_said_by_the_error_alone(tmp_path):
    """In a process of its own, since pytest listens to what tifffile logs, which nobody does in a command."""
    whole = written(RNG.integers(0, 256, (5, 7), np.uint8))
    software = struct.pack("<HH", 305, 2)
    assert whole.count(software) == 1
    (tmp_path / "a.tif").write_bytes(whole.replace(software, struct.pack("<HH", 305, 0)))
    (tmp_path / "b.tif").write_bytes(whole[:8] + b"\xff" * 200)
    program = (
        "import sys, pathlib\nfrom crackflow.errors import ImageError\nfrom crackflow.imaging.tiff import read_tiff\n"
        "for name in sys.argv[1:]:\n    try:\n        read_tiff(pathlib.Path(name).read_bytes(), name)\n"
        "    except ImageError:\n        print('rejected')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "a.tif", tmp_path / "b.tif"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rejected" in done.stdout
    assert done.stderr == ""


def test_an_image_with_fewer_strips_than_its_height_takes_is_rejected():
    """A height that is damaged: 355 bytes were read as a black mask of 669 megapixels."""
    whole = written(RNG.integers(0, 256, (24, 32), np.uint8), rowsperstrip=24, compression="zlib")
    height = struct.pack("<HHII", 257, 4, 1, 24)
    assert whole.count(height) == 1
    for wrong in (25, 20_906_008):
        with pytest.raises(ImageError, match="a is truncated or not an image"):
            read_tiff(whole.replace(height, struct.pack("<HHII", 257, 4, 1, wrong)), "a")

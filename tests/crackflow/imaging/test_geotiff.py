"""crackflow/imaging/geotiff.py against files that rasterio writes and reads."""

import sys

import numpy as np
import pytest

from crackflow.errors import ImageError
from crackflow.imaging import geotiff
from crackflow.imaging.geotiff import has_place, place_of, read_in_windows
from crackflow.imaging.images import read_image
from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.imaging.photo_file import read_photograph

rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")
HALF_MM = rasterio.Affine(0.0005, 0, 500_000, 0, -0.0005, 5_400_000)


def written(path, pixels, crs=None, transform=None, **more):
    """Write (bands, H, W)."""
    bands, height, width = pixels.shape
    shape = {"count": bands, "height": height, "width": width, "dtype": pixels.dtype}
    kept = {name: value for name, value in (("crs", crs), ("transform", transform)) if value is not None}
    with rasterio.open(path, "w", driver="GTiff", **shape, **kept, **more) as file:
        file.write(pixels)
    return path


def noise(bands, dtype=np.uint8, most=256, size=(70, 90)):
    return np.random.default_rng(0).integers(0, most, (bands, *size)).astype(dtype)


def read(path):
    return read_in_windows(path, lambda shape: np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"tiled": True, "blockxsize": 32, "blockysize": 16, "compress": "deflate"},
        {"blockysize": 7, "compress": "lzw", "predictor": 2},
        {"interleave": "band", "tiled": True, "blockxsize": 16, "blockysize": 16},
        {"BIGTIFF": "YES"},
    ],
)
def test_windows_give_what_rasterio_reads_at_once(tmp_path, monkeypatch, layout):
    monkeypatch.setattr(geotiff, "_AT_A_TIME", 1000)
    path = written(tmp_path / "a.tif", noise(3), photometric="RGB", **layout)
    with rasterio.open(path) as file:
        expected = np.moveaxis(file.read(), 0, -1)
    np.testing.assert_array_equal(read(path), expected)


@pytest.mark.parametrize(
    ("pixels", "layout"),
    [
        (noise(1), {}),
        (noise(1), {"photometric": "MINISWHITE"}),
        (noise(4), {"photometric": "RGB", "alpha": "unspecified"}),
        (noise(2), {"alpha": "unspecified"}),
        (noise(1, np.uint16, 4000), {}),
        (noise(3, np.uint16, 65536), {"photometric": "RGB"}),
        (noise(3, np.uint16, 1024), {"photometric": "RGB", "nbits": 10}),
        (noise(1, most=2), {"nbits": 1}),
        (noise(1, most=16), {"nbits": 4}),
    ],
)
def test_every_kind_is_read_as_a_file_that_fits_into_memory(tmp_path, pixels, layout):
    path = written(tmp_path / "a.tif", pixels, **layout)
    np.testing.assert_array_equal(read(path), read_image(path))


def test_a_colour_table_is_looked_up(tmp_path):
    path = tmp_path / "a.tif"
    pixels = noise(1, most=3)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=70, width=90, dtype="uint8", photometric="palette"
    ) as file:
        file.write(pixels)
        file.write_colormap(1, {0: (10, 20, 30), 1: (200, 0, 0), 2: (0, 0, 200)})
    table = np.array([[10, 20, 30], [200, 0, 0], [0, 0, 200]], np.uint8)
    np.testing.assert_array_equal(read(path), table[pixels[0]])


@pytest.mark.parametrize(
    ("pixels", "layout", "words"),
    [
        (noise(1, np.float32), {}, "holds float32 samples, expected 8 or 16 bits"),
        (noise(5), {}, "has 5 bands, expected grey or RGB"),
        (noise(4), {"photometric": "CMYK"}, "holds colours that are not read part by part"),
    ],
)
def test_what_is_no_photograph_is_rejected(tmp_path, pixels, layout, words):
    with pytest.raises(ImageError, match=f"a.tif {words}"):
        read(written(tmp_path / "a.tif", pixels, **layout))


def test_blocks_that_are_as_large_as_the_file_are_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(geotiff, "_LARGEST_ROW", 10_000)
    path = written(tmp_path / "a.tif", noise(3), blockysize=70, compress="deflate", photometric="RGB")
    with pytest.raises(ImageError, match="blocks of 90x70 px, which can't be read part by part; save it in tiles"):
        read(path)


def test_a_truncated_file_is_one_line(tmp_path):
    path = written(tmp_path / "a.tif", noise(3), blockysize=7, compress="deflate", photometric="RGB")
    path.write_bytes(path.read_bytes()[:8000])
    with pytest.raises(ImageError, match=r"a.tif (is truncated or damaged|can't be read as a TIFF)"):
        read(path)


@pytest.mark.parametrize(
    ("crs", "transform", "mm"),
    [
        ("EPSG:25832", HALF_MM, 0.5),
        # turned by a quarter
        ("EPSG:25832", rasterio.Affine(0, 0.002, 1, 0.002, 0, 1), 2.0),
        # US survey feet of 1200/3937 m
        ("EPSG:2263", rasterio.Affine(0.01, 0, 1, 0, -0.01, 1), 0.01 * 1200 / 3937 * 1000),
        # degrees, a map whose scale grows towards the poles, and pixels that are not square
        ("EPSG:4326", rasterio.Affine(1e-8, 0, 8, 0, -1e-8, 49), None),
        ("EPSG:3857", HALF_MM, None),
        ("EPSG:25832", rasterio.Affine(0.001, 0, 1, 0, -0.002, 1), None),
    ],
)
def test_where_it_lies_and_what_a_pixel_measures(tmp_path, crs, transform, mm):
    path = written(tmp_path / "a.tif", noise(1), crs, transform)
    assert has_place(path)
    place = place_of(path)
    assert place.crs == f"urn:ogc:def:crs:EPSG::{crs.removeprefix('EPSG:')}"
    assert place.transform == tuple(transform)[:6]
    assert place.mm_per_px == (None if mm is None else pytest.approx(mm))


def test_a_plain_tiff_lies_nowhere(tmp_path):
    path = written(tmp_path / "a.tif", noise(1))
    assert not has_place(path)
    assert place_of(path) is None


def test_a_file_that_is_too_large_for_memory_is_read_to_the_disk(tmp_path):
    path = written(tmp_path / "a.tif", noise(3), photometric="RGB", tiled=True, blockxsize=16, blockysize=16)
    with arrays_on_disk("a.tif") as disk:
        np.testing.assert_array_equal(read_photograph(path, 6299, disk, 6300), read_image(path))
        assert disk.used
    with arrays_on_disk("a.tif") as disk:
        read_photograph(path, 6300, disk, 6300)
        assert not disk.used
        with pytest.raises(ImageError, match=r"has 90x70 px.*or cut it into parts"):
            read_photograph(path, 100, disk, 6299)


def test_without_the_extra_the_line_names_it(tmp_path, monkeypatch):
    path = written(tmp_path / "a.tif", noise(3), photometric="RGB")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with (
        arrays_on_disk("a.tif") as disk,
        pytest.raises(ImageError, match=r"allow more memory, or .* 'crackflow\[geo\]', to read"),
    ):
        read_photograph(path, 100, disk, 10**6)

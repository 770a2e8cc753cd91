"""crackflow/imaging/geotiff.py against files that rasterio writes and reads."""

import sys

import numpy as np
import pytest
import tifffile

from crackflow.errors import ImageError
from crackflow.imaging import geotiff
from crackflow.imaging.geotiff import has_place, place_of, read_in_windows
from crackflow.imaging.images import read_image
from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.imaging.photo_file import read_photograph

rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")


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


def at(x, y, mm, turned=False):
    """Pixels of a size on the map, in metres or feet of 1000, with the first at a place."""
    side = mm / 1000
    return rasterio.Affine(0, side, x, side, 0, y) if turned else rasterio.Affine(side, 0, x, 0, -side, y)


@pytest.mark.parametrize(
    ("crs", "transform", "mm", "within"),
    [
        # the scale of UTM on its central meridian is 0.9996 by definition
        ("EPSG:25832", at(500_000, 5_400_000, 0.5), 0.5 / 0.9996, 1e-7),
        ("EPSG:25832", at(500_000, 5_400_000, 2, turned=True), 2 / 0.9996, 1e-7),
        # US survey feet of 1200/3937 m, between the two parallels that are true to scale
        ("EPSG:2263", at(987_000, 212_000, 10), 10 * 1200 / 3937, 1e-4),
        # polar stereographic, true at 71 degrees south; 0.97276901 at the pole (Snyder 1987, table 24: 0.9727690)
        ("EPSG:3031", at(0, 0, 0.5), 0.5 / 0.97276901, 1e-7),
        # Web Mercator: 1 / cos(latitude) on the sphere, up to 0.7 % otherwise on the ellipsoid; the equator, 60 degrees
        ("EPSG:3857", at(0, 0, 0.5), 0.5, 0.004),
        ("EPSG:3857", at(0, 8_399_738, 0.5), 0.25, 0.004),
        # Mercator of the ellipsoid at 60 degrees: cos(60) / sqrt(1 - e^2 sin^2(60)) = 0.5012600 (Snyder 1987, 7-8)
        ("EPSG:3395", at(0, 8_362_698.55, 0.5), 0.5 * 0.5012600, 1e-6),
        # degrees: no squares on the ground but at the equator, where 1e-8 degrees are 1.1132 and 1.1057 mm
        ("EPSG:4326", rasterio.Affine(1e-8, 0, 8, 0, -1e-8, 49), None, 0),
        ("EPSG:4326", rasterio.Affine(1e-8, 0, 8, 0, -1e-8, 0), (1.113195 * 1.105743) ** 0.5, 1e-6),
        # equidistant: true along the equator and the meridians, twice as wide at 60 degrees
        ("EPSG:4087", at(0, 0, 0.5), 0.5, 0.004),
        ("EPSG:4087", at(0, 6_679_169, 0.5), None, 0),
        # of equal areas, squares nowhere but at 40 degrees
        ("ESRI:54009", at(0, 0, 0.5), None, 0),
        ("ESRI:54009", at(9_000_000, 6_000_000, 0.5), None, 0),
        # outside of the map, no place on earth, sides and angles that are no square's
        ("ESRI:54009", at(1e9, 1e9, 0.5), None, 0),
        ('LOCAL_CS["site",UNIT["metre",1]]', at(0, 0, 0.5), None, 0),
        ("EPSG:25832", rasterio.Affine(0.001, 0, 500_000, 0, -0.002, 5_400_000), None, 0),
        ("EPSG:25832", rasterio.Affine(0.001, 0.0005, 500_000, 0, -0.000866, 5_400_000), None, 0),
        # 70 px of 20 km from the equator on: 2.4 % apart
        ("EPSG:3395", at(-900_000, 0, 20_000_000), None, 0),
    ],
)
def test_where_it_lies_and_what_a_pixel_measures_on_the_ground(tmp_path, crs, transform, mm, within):
    path = written(tmp_path / "a.tif", noise(1), crs, transform)
    assert has_place(path)
    place = place_of(path)
    if crs.startswith("EPSG"):
        assert place.crs == f"urn:ogc:def:crs:EPSG::{crs.removeprefix('EPSG:')}"
    assert place.transform == pytest.approx(tuple(transform)[:6], rel=1e-12)
    assert place.mm_per_px == (None if mm is None else pytest.approx(mm, rel=within))


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


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "rgb"])
@pytest.mark.parametrize(
    ("lowest", "highest", "full"),
    # of 8, 12 and 16 bits; the last two have no level near 0, which with white-is-zero is a picture without white
    [(0, 200, 255), (0, 4000, 4095), (0, 60000, 65535), (3500, 4095, 4095), (60000, 65535, 65535)],
)
def test_sixteen_bits_are_the_same_grey_in_memory_and_in_windows(tmp_path, photometric, lowest, highest, full):
    """Against tifffile: levels by the least of 8, 10, ... 16 bits that hold the highest one stored, then inverted."""
    shape = (40, 30, 3) if photometric == "rgb" else (40, 30)
    stored = np.random.default_rng(1).integers(lowest, highest, shape, np.uint16, endpoint=True)
    stored.flat[:2] = lowest, highest
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric=photometric, tile=(16, 16))
    levels = tifffile.imread(path).astype(float)
    expected = np.rint((full - levels if photometric == "miniswhite" else levels) * 255 / full)
    expected = expected if expected.ndim == 3 else np.stack([expected] * 3, axis=-1)
    np.testing.assert_array_equal(read_image(path), expected)
    np.testing.assert_array_equal(read(path), expected)


def test_grey_of_three_bands_is_rejected_either_way(tmp_path):
    path = written(tmp_path / "a.tif", noise(3), photometric="MINISBLACK")
    for reader in (read, read_image):
        with pytest.raises(ImageError, match=r"a\.tif has 3 bands, expected"):
            reader(path)


def test_colours_of_a_table_that_are_no_multiple_of_257_are_the_same_either_way(tmp_path):
    path = tmp_path / "a.tif"
    table = np.random.default_rng(2).integers(0, 65536, (3, 256), np.uint16, endpoint=False)
    tifffile.imwrite(path, noise(1)[0], photometric="palette", colormap=table)
    np.testing.assert_array_equal(read(path), read_image(path))

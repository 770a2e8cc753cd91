"""TIFF files by rasterio, which the extra `geo` brings: where they lie on the ground, and large ones in windows."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from crackflow.errors import ImageError, one_line
from crackflow.imaging.images import scaled
from crackflow.imaging.tiff import colour_table, full_level

Affine = tuple[float, float, float, float, float, float]
# GDAL's own cache of blocks, MB.
_CACHE_MB = 64
# A file is read in rows of its blocks. What one row of blocks may take, bytes; a file in one compressed strip is one.
_LARGEST_ROW = 2**28
_AT_A_TIME = 2**23
# Tags of TIFF 6.0 and GeoTIFF 1.1.
_BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _GEO_KEYS = 258, 259, 262, 274, 34735
_WHITE_IS_ZERO, _PALETTE, _YCBCR, _JPEG = 0, 3, 6, 7
_COLOURS = (_WHITE_IS_ZERO, 1, 2, _PALETTE, _YCBCR)
# What is seen, and that with alpha; files whose colours are not read part by part are rejected by their colours.
_BANDS = {_WHITE_IS_ZERO: (1, 2), 1: (1, 2), 2: (3, 4), _PALETTE: (1, 2), _YCBCR: (3, 4)}
# Sides of a pixel that differ by more are no single scale, nor do places of a photograph whose pixels do.
_SAME = 0.01
# Of the ellipsoid WGS 84, and the way over which a map's scale is measured: far above what a projection is rounded to.
_SEMI_MAJOR_M, _FLATTENING = 6_378_137.0, 1 / 298.257223563
_STEP_M = 10.0
NEEDED = "install crackflow with its extra geo: pip install 'crackflow[geo]'"


@dataclass(frozen=True)
class Georeference:
    """Where a photograph lies on the ground.

    Attributes:
        transform: a, b, c, d, e, f of x = a column + b row + c, y = d column + e row + f; (0, 0) is the upper left
            corner of the photograph.
        crs: the coordinate reference system as an URN, such as urn:ogc:def:crs:EPSG::25832; as WKT where it has none.
        mm_per_px: what a pixel measures on the ground, whatever the map's scale there; None where pixels are not square
            on the ground, their size changes over the photograph, or the system does not say where on earth it lies.
    """

    transform: Affine
    crs: str
    mm_per_px: float | None = None


def has_place(path: Path) -> bool:
    """Whether a file is a TIFF with tags that say where it lies; rasterio is not needed to see it."""
    return path.suffix.lower() in (".tif", ".tiff") and _GEO_KEYS in _tags(path)


def place_of(path: Path) -> Georeference | None:
    """Read where a GeoTIFF lies on the ground.

    Args:
        path: a TIFF file.

    Returns:
        None where the file does not tell, or says that its pixels are to be turned.

    Raises:
        ModuleNotFoundError: when rasterio is not installed.
        ImageError: when the file can't be read.
    """
    with _opened(path) as file:
        if file.crs is None or file.transform.is_identity or _tags(path).get(_ORIENTATION, 1) != 1:
            return None
        transform: Affine = tuple(float(one) for one in file.transform[:6])  # type: ignore[assignment]
        authority = file.crs.to_authority()
        name = file.crs.to_wkt() if authority is None else f"urn:ogc:def:crs:{authority[0]}::{authority[1]}"
        return Georeference(transform, name, _mm_per_px(file))


def read_in_windows(
    path: Path, empty: Callable[[tuple[int, ...]], NDArray[np.uint8]], written: Callable[[], None] = lambda: None
) -> NDArray[np.uint8]:
    """Read a TIFF a few rows at a time.

    Args:
        path: grey, RGB or a colour table, 8 or 16 bit; alpha is dropped. 16 bits are divided as
            crackflow.imaging.images.read_image does.
        empty: makes the array of a shape that the photograph is written to.
        written: is called after each few rows.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ModuleNotFoundError: when rasterio is not installed.
        ImageError: when the file can't be read, or not in windows.
    """
    with _opened(path) as file:
        tags = _tags(path)
        _check(file, tags, path)
        full = _full(file, tags, path)
        table = _table(path) if tags.get(_PHOTOMETRIC) == _PALETTE else None
        photo = empty((file.height, file.width, 3))
        for top, bands in _windows(file, path):
            levels = bands if full == 255 else _scaled(bands, full)
            rows = photo[top : top + bands.shape[1]]
            # one band is written to all three
            rows[:] = np.moveaxis(levels, 0, -1) if table is None else table[bands[0]]
            if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
                np.subtract(255, rows, out=rows)
            written()
        return photo


def _tags(path: Path) -> dict[int, Any]:
    """The tags of the first image; none where the file is no TIFF."""
    try:
        with tifffile.TiffFile(path) as file:
            return {tag.code: tag.value for tag in file.pages.first.tags}
    # a damaged file fails in any way
    except Exception:
        return {}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    # no file beside the TIFF is looked at
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            # whole, so that no name is taken for one of GDAL's own (zip://, /vsicurl/)
            file = rasterio.open(path.resolve(), driver="GTiff")
        except RasterioError as error:
            raise ImageError(f"{path.name} can't be read as a TIFF ({one_line(error)}); save it anew") from None
        with file:
            yield file


def _check(file: Any, tags: dict[int, Any], path: Path) -> None:
    kind, bands, colours = file.dtypes[0], file.count, tags.get(_PHOTOMETRIC, 1)
    if kind not in ("uint8", "uint16") or len(set(file.dtypes)) > 1:
        raise ImageError(f"{path.name} holds {kind} samples, expected 8 or 16 bits; save it with those")
    if bands not in _BANDS.get(colours, range(1, 5)):
        raise ImageError(f"{path.name} has {bands} bands, expected grey or RGB, or these and alpha; save those alone")
    if colours not in _COLOURS or (colours == _YCBCR and tags.get(_COMPRESSION) != _JPEG):
        raise ImageError(f"{path.name} holds colours that are not read part by part, expected grey or RGB; save it so")
    if tags.get(_ORIENTATION, 1) != 1:
        raise ImageError(f"{path.name} is to be turned, which a file of its size is not; save it upright")
    block = file.block_shapes[0]
    if block[0] * file.width * bands * np.dtype(kind).itemsize > _LARGEST_ROW:
        raise ImageError(
            f"{path.name} is stored in blocks of {block[1]}x{block[0]} px, which can't be read part by part; save it "
            "in tiles: gdal_translate -co TILED=YES -co COMPRESS=DEFLATE"
        )


def _windows(file: Any, path: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    """Rows from top to bottom, whole blocks each: the first one's number, and grey (1, R, W) or RGB (3, R, W)."""
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    bands = [1, 2, 3] if file.count > 2 else [1]
    high = file.block_shapes[0][0]
    rows = high * max(1, _AT_A_TIME // (file.width * high))
    for top in range(0, file.height, rows):
        window = Window(0, top, file.width, min(rows, file.height - top))
        try:
            yield top, file.read(bands, window=window)
        except RasterioError as error:
            raise ImageError(f"{path.name} is truncated or damaged ({one_line(error)}); replace it") from None


def _full(file: Any, tags: dict[int, Any], path: Path) -> int:
    """The highest level, as crackflow.imaging.tiff and crackflow.imaging.images.eight_bits tell it."""
    bits = tags.get(_BITS, 8)
    bits = bits if isinstance(bits, int) else bits[0]
    return full_level(bits, max(int(bands.max()) for _, bands in _windows(file, path)) if bits == 16 else 0)


def _scaled(bands: NDArray[Any], full: int) -> NDArray[np.uint8]:
    return scaled(bands.reshape(-1, bands.shape[-1]), full).reshape(bands.shape)


def _table(path: Path) -> NDArray[np.uint8]:
    """All 256 entries of the file's colour table; a number beyond the table is black."""
    table = np.zeros((256, 3), np.uint8)
    with tifffile.TiffFile(path) as file:
        found = colour_table(file.pages.first, path.name)
    table[: len(found)] = found
    return table


def _mm_per_px(file: Any) -> float | None:
    """What a pixel measures on the ground, mm; None where it is not one number for the whole photograph.

    A unit of a map is no metre on the ground: that differs by projection, place and direction. So it is measured: how
    far points of the ellipsoid lie apart that the map puts a step apart, at the corners and in the middle.
    """
    import rasterio.warp

    if not (file.crs.is_projected or file.crs.is_geographic):
        return None
    a, b, _, d, e, _ = file.transform[:6]
    step = _STEP_M / (file.crs.units_factor[1] * (1 if file.crs.is_projected else _SEMI_MAJOR_M))
    pixels = [(0, 0), (file.width, 0), (0, file.height), (file.width, file.height), (file.width / 2, file.height / 2)]
    middles = np.array([file.transform * pixel for pixel in pixels])[:, None]
    points = (middles + step * np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])).reshape(-1, 2)
    try:
        places = rasterio.warp.transform(file.crs, "EPSG:4326", points[:, 0].tolist(), points[:, 1].tolist())
    # GDAL's own, which rasterio does not export: no way to the ellipsoid, or outside of the map
    except Exception:
        return None
    east, west, north, south = np.moveaxis(_geocentric(*map(np.array, places)).reshape(len(pixels), 4, 3), 1, 0)
    by_x, by_y = (east - west) / (2 * step), (north - south) / (2 * step)
    right, down = a * by_x + d * by_y, b * by_x + e * by_y
    wide, high = np.linalg.norm(right, axis=1), np.linalg.norm(down, axis=1)
    found = np.sqrt(np.linalg.norm(np.cross(right, down), axis=1)) * 1000
    if not (np.isfinite(found).all() and (wide * high > 0).all()):
        return None
    slant = np.abs((right * down).sum(axis=1)) / (wide * high)
    if (np.abs(high / wide - 1) > _SAME).any() or (slant > _SAME).any() or found.max() / found.min() - 1 > _SAME:
        return None
    return float(found[-1])


def _geocentric(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of the ellipsoid WGS 84, degrees, as metres (N, 3) from its centre (IOGP 373-7-2, section 4.1.1)."""
    east, north = np.deg2rad(longitude), np.deg2rad(latitude)
    square = _FLATTENING * (2 - _FLATTENING)
    radius = _SEMI_MAJOR_M / np.sqrt(1 - square * np.sin(north) ** 2)
    axes = [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), (1 - square) * np.sin(north)]
    return np.asarray(radius[:, None] * np.stack(axes, axis=-1), np.float64)

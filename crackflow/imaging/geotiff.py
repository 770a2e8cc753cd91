"""TIFF files by rasterio, which the extra `geo` brings: where they lie on the ground, and large ones in windows."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from crackflow.errors import ImageError, one_line

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
# Sides of a pixel that differ by more are no single scale.
_SAME = 0.01
NEEDED = "install crackflow with its extra geo: pip install 'crackflow[geo]'"


@dataclass(frozen=True)
class Georeference:
    """Where a photograph lies on the ground.

    Attributes:
        transform: a, b, c, d, e, f of x = a column + b row + c, y = d column + e row + f; (0, 0) is the upper left
            corner of the photograph.
        crs: the coordinate reference system as an URN, such as urn:ogc:def:crs:EPSG::25832; as WKT where it has none.
        mm_per_px: what a pixel measures; None where the system is not in metres or feet, its scale changes over the
            map (Mercator), or pixels are not square.
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
        return Georeference(transform, name, _mm_per_px(transform, file.crs))


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
        table = _table(file) if tags.get(_PHOTOMETRIC) == _PALETTE else None
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
    kind, bands, colours = file.dtypes[0], file.count, tags.get(_PHOTOMETRIC)
    if kind not in ("uint8", "uint16") or len(set(file.dtypes)) > 1:
        raise ImageError(f"{path.name} holds {kind} samples, expected 8 or 16 bits; save it with those")
    if bands > 4:
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
    if bits == 16:
        used = max(int(bands.max()) for _, bands in _windows(file, path)).bit_length()
        bits = max(8, used + used % 2)
    return int(2**bits - 1)


def _scaled(bands: NDArray[Any], full: int) -> NDArray[np.uint8]:
    flat = bands.reshape(-1, bands.shape[-1])
    return np.asarray(cv2.convertScaleAbs(flat, alpha=255 / full), np.uint8).reshape(bands.shape)


def _table(file: Any) -> NDArray[np.uint8]:
    table = np.zeros((256, 3), np.uint8)
    for number, colour in file.colormap(1).items():
        table[number] = colour[:3]
    return table


def _mm_per_px(transform: Affine, crs: Any) -> float | None:
    a, b, _, d, e, _ = transform
    across, down = math.hypot(a, d), math.hypot(b, e)
    if not crs.is_projected or crs.to_dict().get("proj") in ("merc", "webmerc") or crs.to_epsg() == 3857:
        return None
    if not (across > 0 and abs(down / across - 1) <= _SAME):
        return None
    return math.sqrt(abs(a * e - b * d)) * float(crs.linear_units_factor[1]) * 1000

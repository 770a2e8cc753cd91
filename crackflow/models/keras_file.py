"""A .keras file before it is opened: whether it is one, and how much memory what it declares would take.

A .keras file is a zip with the network as JSON and its weights as HDF5. Both can announce far more than they hold: 3 MB
of zeros unpack to 3 GB. Neither Keras nor TensorFlow is needed here.
"""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import h5py

from crackflow.errors import ModelError, is_shortage, one_line
from crackflow.models.compression import CONFIG, METADATA, WEIGHTS

# What a file may take when it is unpacked: 100 times its own size, as zips of photographs may, but always FLOOR and
# never more than MOST. The original network of 124,996,866 weights takes 1.5 GB.
MOST_RATIO, FLOOR, MOST = 100, 2**28, 2**34
MOST_CONFIG = 2**26
# Numbers in what a layer gives for one picture: 1 GiB. At 512x512 px the original network has 2^22.
MOST_VALUES = 2**28
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1


def check(path: Path) -> int:
    """Check a .keras file by what it says of itself.

    Args:
        path: the file.

    Returns:
        How many numbers its weights hold, those of an optimizer included.

    Raises:
        ModelError: when it is no such file, is damaged or encrypted, or would take more memory than MOST_RATIO, FLOOR
            and MOST allow.
    """
    try:
        most = min(max(FLOOR, MOST_RATIO * path.stat().st_size), MOST)
        with zipfile.ZipFile(path) as archive:
            check_members(archive, (METADATA, CONFIG, WEIGHTS), most)
            if archive.getinfo(CONFIG).file_size > MOST_CONFIG:
                raise ValueError(f"its {CONFIG} unpacks to more than {MOST_CONFIG:,} bytes")
            json.loads(archive.read(CONFIG))
            with h5py.File(_seekable(archive, WEIGHTS), "r") as weights:
                shapes = _shapes(weights)
        if (taken := sum(math.prod(shape) * size for shape, size in shapes)) > most:
            raise ValueError(_too_large(WEIGHTS, taken, most))
    except RecursionError:
        raise _problem(path, f"its {CONFIG} is nested too deeply") from None
    except Exception as error:  # of zipfile, zlib, json and HDF5; no list of theirs is complete
        if is_shortage(error):
            raise
        raise _problem(path, one_line(error)[:300]) from None
    return sum(math.prod(shape) for shape, _ in shapes)


def check_members(archive: zipfile.ZipFile, wanted: tuple[str, ...], most: int) -> None:
    """Check the members of a model's zip before one is read.

    Args:
        archive: opened.
        wanted: names of members that must be there.
        most: bytes that all members together may take when they are unpacked.

    Raises:
        ValueError: when one is absent, encrypted or packed in another way, or they take more.
    """
    names = archive.namelist()
    if absent := [name for name in wanted if names.count(name) != 1]:
        raise ValueError(f"it holds {names.count(absent[0])} files {absent[0]}, not one")
    for member in archive.infolist():
        if member.flag_bits & _ENCRYPTED:
            raise ValueError(f"its {member.filename} is encrypted")
        if member.compress_type not in _READABLE:
            raise ValueError(f"its {member.filename} is packed by method {member.compress_type}, expected deflate")
    if (taken := sum(member.file_size for member in archive.infolist())) > most:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
        raise ValueError(_too_large(largest.filename, taken, most))


def _shapes(weights: h5py.File) -> list[tuple[tuple[int, ...], int]]:
    """The shape and the bytes of a number of every array; none is read."""
    found = []

    def add(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if item.external or item.is_virtual:
            raise ValueError(f"{name} lies in another file")
        found.append((tuple(item.shape or ()), int(item.dtype.itemsize)))

    weights.visititems(add)
    return found


def _seekable(archive: zipfile.ZipFile, name: str) -> Any:
    """A member to read here and there: what is deflated is unpacked, whose size was checked."""
    if archive.getinfo(name).compress_type == zipfile.ZIP_STORED:
        return archive.open(name)
    return io.BytesIO(archive.read(name))


def _too_large(name: str, taken: int, most: int) -> str:
    return (
        f"it declares {taken / 2**30:.2f} GiB, most of it in {name}, where {most / 2**30:.2f} are the most for a file "
        "of its size"
    )


def _problem(path: Path, what: str) -> ModelError:
    return ModelError(f"{path} is not a model that Keras 3 can load: {what}; expected a .keras file as Keras saves it")

"""Keep many pictures' levels for a second look: on disk, packed, and gone with the process however it ends."""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint16]


class LevelFile:
    """A file without a name. Packed: a picture's 512 KiB of levels at 512 x 512 px come to about 300."""

    def __init__(self, folder: Path) -> None:
        """Open the file on the disk of `folder`, which is made where it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed by `close`
        self._pictures: list[tuple[int, tuple[int, ...]]] = []

    def append(self, levels: Levels) -> None:
        """Add a picture, uint16 of any shape.

        Raises:
            OSError: when the disk is full.
        """
        packed = zlib.compress(np.ascontiguousarray(levels).tobytes(), 1)
        self._file.write(packed)
        self._pictures.append((len(packed), levels.shape))

    def __iter__(self) -> Iterator[Levels]:
        """Give the pictures in the order in which they were added; call it once all are."""
        self._file.seek(0)
        for size, shape in self._pictures:
            yield np.frombuffer(zlib.decompress(self._file.read(size)), np.uint16).reshape(shape)

    def close(self) -> None:
        """Let go of the disk."""
        self._file.close()

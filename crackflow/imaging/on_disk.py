"""Arrays of photographs that are too large for memory: they lie in files without a name, which go with the process."""

import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


class OnDisk:
    """Makes arrays in the system's temporary folder (`TMPDIR`).

    The system keeps of them in memory what there is room for. What the process has touched counts as its own memory
    until `release`.
    """

    def __init__(self) -> None:
        self._maps: list[mmap.mmap] = []

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Make an array of zeros.

        Raises:
            OSError: when the disk has no room for it.
        """
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape, dtype=np.int64))) * kind.itemsize
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):
                # a write to a map of a file that can't grow ends the process
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            held = mmap.mmap(file.fileno(), size)
        self._maps.append(held)
        return np.frombuffer(held, kind, int(np.prod(shape, dtype=np.int64))).reshape(shape)

    @property
    def used(self) -> bool:
        """Whether an array was made."""
        return bool(self._maps)

    def release(self) -> None:
        """Let the system have the memory of all arrays; what is in them stays."""
        for held in self._maps:
            if hasattr(mmap, "MADV_DONTNEED"):
                held.madvise(mmap.MADV_DONTNEED)

    def forget(self) -> None:
        """Let go of the arrays. The space of each is free once nothing uses it any more."""
        self._maps.clear()


@contextlib.contextmanager
def arrays_on_disk() -> Iterator[OnDisk]:
    """Give a maker of arrays for one photograph."""
    made = OnDisk()
    try:
        yield made
    finally:
        made.forget()

"""Arrays of photographs that are too large for memory: they lie in files without a name, which go with the process."""

import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from crackflow.errors import ImageError


class OnDisk:
    """Makes arrays in the system's temporary folder (`TMPDIR`).

    The system keeps of them in memory what there is room for. What the process has touched counts as its own memory
    until `release`.
    """

    def __init__(self, name: str) -> None:
        """Prepare; nothing is made.

        Args:
            name: of the photograph, for messages.
        """
        self._name = name
        self._maps: list[mmap.mmap] = []

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Make an array of zeros.

        Raises:
            ImageError: when the disk has no room for it.
        """
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape, dtype=np.int64))) * kind.itemsize
        try:
            held = _mapped(size)
        except OSError as error:
            raise ImageError(
                f"{self._name} needs {size / 2**20:,.0f} MiB in the temporary folder, which has no room for it "
                f"({error.strerror}); set TMPDIR to another disk, or allow more memory"
            ) from None
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


def _mapped(size: int) -> mmap.mmap:
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):
            # a write to a map of a file that can't grow ends the process
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return mmap.mmap(file.fileno(), size)


@contextlib.contextmanager
def arrays_on_disk(name: str) -> Iterator[OnDisk]:
    """Give a maker of arrays for one photograph, by its name."""
    made = OnDisk(name)
    try:
        yield made
    finally:
        made.forget()

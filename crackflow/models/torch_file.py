"""Take the tensors out of a PyTorch weight file without PyTorch, and without running any code that the file holds.

A file of PyTorch before 1.6 is a row of pickles with the raw numbers behind them. A pickle can call any function that
it names, so this reader knows four names and answers each with a function of its own; every other name is rejected.
Without any name a pickle can still take all memory, or all room for calls; its steps are looked at before one is taken.
"""

import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crackflow.errors import ModelError

Array = npt.NDArray[Any]

MAGIC = 0x1950A86A20F9469CFC6C  # what torch.save wrote first in every file of this layout
PROTOCOL = 1001
MAX_BYTES = 1 << 30
# Steps of one pickle; the largest of EfficientNet-Lite0, of 296 tensors, has 10,696. So many tuples within each other
# can still be compared.
MAX_STEPS = 20_000
_REMEMBER = ("PUT", "BINPUT", "LONG_BINPUT")
_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
# A damaged pickle fails in any of these ways; the last two by numbers that no array can have.
_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
)


class _Storage(NamedTuple):
    key: str
    dtype: str
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path) -> dict[str, Array]:
    """Read a state dict that torch.save wrote in its layout before version 1.6.

    Args:
        path: the file.

    Returns:
        Float32 or int64 arrays by name, in the file's order.

    Raises:
        ModelError: when the file can't be read, is of another layout, names anything but tensors, or is cut short.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _problem(path, f"{size:,} bytes, more than {MAX_BYTES:,}")
        with path.open("rb") as file:
            content = io.BytesIO(file.read())
        magic, protocol, system = (_load(content) for _ in range(3))
        if (magic, protocol) != (MAGIC, PROTOCOL) or not system.get("little_endian"):
            raise _problem(path, "another layout")
        tensors, keys = _load(content), _load(content)
        return _arrays(path, content, tensors, keys)
    except ModelError:
        raise
    except OSError as error:
        raise _problem(path, error.strerror or "unreadable") from None
    except _DAMAGE as error:
        raise _problem(path, str(error) or type(error).__name__) from None


def _load(content: io.BytesIO) -> Any:
    """Load the next pickle, if its steps are few and none remembers a value under a number beyond them.

    Python makes room for all numbers up to that one: 12 bytes can ask for 16 GiB. Tuples within each other are hashed
    by calls within each other, which ends the process where they are millions.

    Raises:
        Exception: any of _DAMAGE.
    """
    start = content.tell()
    for number, (step, argument, _) in enumerate(pickletools.genops(content)):
        if number == MAX_STEPS:
            raise pickle.UnpicklingError(f"a pickle of more than {MAX_STEPS:,} steps")
        if step.name in _REMEMBER and argument is not None and argument > MAX_STEPS:
            raise pickle.UnpicklingError(f"a pickle that remembers a value as number {argument:,}")
    content.seek(start)
    return _Reader(content).load()


def _arrays(path: Path, content: io.BytesIO, tensors: Any, keys: Any) -> dict[str, Array]:
    named = {str(name): tensor for name, tensor in tensors.items()}
    if not all(isinstance(tensor, _Tensor) for tensor in named.values()):
        raise _problem(path, "something else than tensors")
    storages = {tensor.storage.key: tensor.storage for tensor in named.values()}
    numbers = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(content.read(8), "little")
        if count != storage.size:
            raise _problem(path, f"{count} numbers where {storage.size} were announced")
        raw = content.read(count * np.dtype(storage.dtype).itemsize)
        numbers[key] = np.frombuffer(raw, storage.dtype, count)
    return {name: _array(path, tensor, numbers[tensor.storage.key]) for name, tensor in named.items()}


def _array(path: Path, tensor: _Tensor, numbers: Array) -> Array:
    """Lay the numbers out: a dense tensor, whatever the order of its axes in the file."""
    axes = sorted(range(len(tensor.shape)), key=lambda axis: -tensor.strides[axis])
    shape = [tensor.shape[axis] for axis in axes]
    count = int(np.prod(shape, dtype=np.int64))
    dense = [int(np.prod(shape[place + 1 :], dtype=np.int64)) for place in range(len(shape))]
    fits = all(side == 1 or tensor.strides[axis] == step for axis, side, step in zip(axes, shape, dense, strict=True))
    if not fits or min(shape, default=1) < 1 or not 0 <= tensor.offset <= numbers.size - count:
        raise _problem(path, f"a tensor of shape {tensor.shape} with strides {tensor.strides}")
    laid_out = numbers[tensor.offset : tensor.offset + count].reshape(shape)
    return np.ascontiguousarray(laid_out.transpose(np.argsort(axes)) if axes else laid_out)


def _problem(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path.name} can't be read as pretrained weights: {what}; expected a state dict of float tensors as PyTorch "
        "wrote it before version 1.6; install the package again"
    )


def _tensor(storage: Any, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without numbers")
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _Reader(pickle.Unpickler):
    """An unpickler that builds tensors' descriptions and ordered dictionaries, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any] | str] = {
            ("collections", "OrderedDict"): OrderedDict,
            # a new one each time, since a pickle can set attributes of what it got
            ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: _tensor(*arguments),  # noqa: PLW0108
            **{("torch", storage): storage for storage in _TYPES},
        }
        try:
            return known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, _, size, view = pid
        if kind != "storage" or storage not in _TYPES or view is not None:
            raise pickle.UnpicklingError(f"it refers to {kind} {storage}")
        return _Storage(str(key), _TYPES[storage], int(size))

"""Model files that are none, for benchmarks.data.faults, given to the loader.

The table maps a fault to a function that makes the file at a path.
"""

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from benchmarks.data.fault_photographs import CONTINUES, STOPS
from crackflow.errors import CrackflowError
from crackflow.inference.network import predict
from crackflow.inference.predictor import load_model

_SIDE = 16
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Where a zip's directory has an entry's flags, method, and size when it is unpacked (PKWARE's APPNOTE, 4.3.12).
_FLAGS, _METHOD, _SIZE = (8, "<H"), (10, "<H"), (24, "<I")


def _head(classes: int, activation: str | None) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        classes, 1, activation=activation, kernel_initializer=keras.initializers.RandomNormal(0, 1, 0)
    )


def _model(*layers: Callable[[], keras.layers.Layer]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        keras.Sequential([keras.Input((_SIDE, _SIDE, 3)), *(layer() for layer in layers)]).save(path)

    return make


_GOOD = _model(lambda: _head(2, "softmax"))


def _members(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Callable[[Path], None]:
    """A good model, some of its files exchanged, and packed again."""

    def make(path: Path) -> None:
        _GOOD(path)
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in (_METADATA, _CONFIG, _WEIGHTS)}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in (content | change(content)).items():
                archive.writestr(name, data)

    return make


def _entry(place: tuple[int, str], number: int) -> Callable[[Path], None]:
    """A good model, one number in the last entry of its zip's directory exchanged: that of the weights."""

    def make(path: Path) -> None:
        _members(lambda _: {})(path)
        content = bytearray(path.read_bytes())
        struct.pack_into(place[1], content, content.rindex(b"PK\x01\x02") + place[0], number)
        path.write_bytes(content)

    return make


def _damaged(path: Path) -> None:
    _members(lambda _: {})(path)
    with zipfile.ZipFile(path) as archive:
        begins = archive.getinfo(_WEIGHTS).header_offset + 30 + len(_WEIGHTS)
    content = bytearray(path.read_bytes())
    content[begins : begins + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)


def _hollow(_: dict[str, bytes]) -> dict[str, bytes]:
    """Weights of 4 GiB in a file of some kilobytes: HDF5 keeps what was never written as nothing."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/conv2d/vars/0", (2**30,), np.float32, chunks=(1024,))
    return {_WEIGHTS: content.getvalue()}


def _larger(content: dict[str, bytes]) -> dict[str, bytes]:
    return {_CONFIG: content[_CONFIG].replace(b'"filters": 2,', b'"filters": 600000000,')}


MODELS: dict[str, Callable[[Path], object]] = {
    "no softmax and no sigmoid": _model(lambda: _head(2, None)),
    "a sigmoid for each of two classes": _model(lambda: _head(2, "sigmoid")),
    "a sigmoid of one channel": _model(lambda: _head(1, "sigmoid")),
    "a mask of half the size": _model(lambda: _head(2, "softmax"), lambda: keras.layers.AveragePooling2D(2)),
    "three classes where two are expected": _model(lambda: _head(3, "softmax")),
    "257 classes": _model(lambda: _head(257, "softmax")),
    "one answer for the whole picture": _model(keras.layers.Flatten, lambda: keras.layers.Dense(2, "softmax")),
    "a zip that declares 3 GiB": _entry(_SIZE, 3 * 2**30),
    "weights that declare 4 GiB": _members(_hollow),
    "a network that is larger than its weights": _members(_larger),
    "encrypted": _entry(_FLAGS, 1),
    "packed by an unknown method": _entry(_METHOD, 99),
    "damaged deflate": _damaged,
    "200,000 brackets as its description": _members(lambda _: {_CONFIG: b"[" * 200_000 + b"]" * 200_000}),
    "not a zip": lambda path: path.write_bytes(b"hello"),
}


def models(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Give each fault, what it leads to and what is said.

    Args:
        folder: is made.
    """
    folder.mkdir()
    path = folder / "model.keras"
    for fault, make in MODELS.items():
        make(path)
        try:
            model = load_model(path, 2)
        except CrackflowError as error:
            yield fault, STOPS, str(error)
        else:
            classes = predict(model, np.zeros((1, _SIDE, _SIDE, 3), np.uint8)).shape[-1]
            yield fault, CONTINUES, f"read as {classes} classes"

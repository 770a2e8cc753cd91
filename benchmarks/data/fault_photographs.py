"""Bad photographs for benchmarks.data.faults, given to `crackflow predict` all at once beside a good one.

The table maps a fault to the name of a photograph and a function that makes it at a path.
"""

import contextlib
import csv
import io
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from crackflow.inference import inputs
from crackflow.inference.packaged_weights import FOLDER, open_folder
from crackflow.safe_text import cell, printable
from pipelines.commands.predict import predict
from tasks.endings import os_error_line

STOPS, CONTINUES, SKIPPED = "the run stops", "continues", "skipped"
_SIDE = 64
_ROOM = 2000
_MEMORY = 0.025  # GiB: fewer than a megapixel


def _photo(width: int = _SIDE, height: int = _SIDE) -> Image.Image:
    """A picture of noise."""
    return Image.fromarray(np.random.default_rng(0).integers(90, 200, (height, width, 3)).astype(np.uint8))


def _saved(width: int = _SIDE, height: int = _SIDE, pictures: int = 1) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        more = [_photo(width, height) for _ in range(pictures - 1)]
        _photo(width, height).save(path, **({"save_all": True, "append_images": more} if more else {}))

    return make


def _cut(path: Path) -> None:
    content = io.BytesIO()
    _photo().save(content, "JPEG")
    path.write_bytes(content.getvalue()[:1000])


def _gif(path: Path) -> None:
    _photo().save(path, "GIF", save_all=True, append_images=[_photo(_SIDE, _SIDE).rotate(90)])


PHOTOGRAPHS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "1x1 px": ("one.png", _saved(1, 1)),
    "2,000x1 px": ("wide.png", _saved(2000, 1)),
    "more pixels than `--max-memory` allows": ("large.png", _saved(1100, 1100)),
    "an animated GIF that is called .png": ("animation.png", _gif),
    "a TIFF of two pages": ("pages.tif", _saved(pictures=2)),
    "a TIFF of floating-point samples": (
        "float.tif",
        lambda path: tifffile.imwrite(path, np.zeros((_SIDE, _SIDE), np.float32)),
    ),
    "a JPEG that is cut off": ("cut.jpg", _cut),
    "an empty file": ("empty.png", lambda path: path.write_bytes(b"")),
    "nothing but zeros": ("zeros.jpg", lambda path: path.write_bytes(bytes(1000))),
    "a HEIC photograph that is called .jpg": (
        "heic.jpg",
        lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100)),
    ),
    "a pipe": ("pipe.png", os.mkfifo),
    "a link to a device": ("device.png", lambda path: path.symlink_to("/dev/zero")),
    "a link to nothing": ("nothing.png", lambda path: path.symlink_to("nowhere")),
    "a name with a line break": ("two\nlines.png", _saved()),
    "a name that is no UTF-8": (os.fsdecode(b"caf\xe9.png"), _saved()),
    "a name of 230 letters": (f"{'a' * 226}.png", _saved()),
    "a name that a spreadsheet takes for a formula": ("=1+1.png", _saved()),
}


def photographs(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Give each fault, what it leads to and what is said.

    Args:
        folder: is made.
    """
    photos, out = folder / "photos", folder / "out"
    photos.mkdir(parents=True)
    for name in ("good", "gone"):
        _photo().save(photos / f"{name}.png")
    for name, make in PHOTOGRAPHS.values():
        make(photos / name)
    weights = open_folder(FOLDER, "the packaged weights")
    found = inputs.find([str(photos)])
    (photos / "gone.png").unlink()
    stopped = ""
    with limited_room(_ROOM):
        try:
            predict(weights, found, out, max_memory=_MEMORY)
        except OSError as error:
            stopped = os_error_line(error)
    shutil.rmtree(out)
    outcome = predict(weights, found, out, max_memory=_MEMORY)
    with (out / "summary.csv").open(encoding="utf-8") as file:
        status = {row["photo"]: row["status"] for row in csv.DictReader(file)}
    for fault, name in (
        *((fault, name) for fault, (name, _) in PHOTOGRAPHS.items()),
        ("a photograph that goes while others are marked", "gone.png"),
    ):
        reason = next((one.reason for one in outcome.skipped if one.reason.startswith(printable(name))), "")
        if reason:
            yield fault, SKIPPED, reason
        else:
            yield fault, CONTINUES, f"marked; {cell(name)} in the tables, {status[cell(name)]}"
    yield "a disk that is full", STOPS, stopped


@contextlib.contextmanager
def limited_room(size: int | None) -> Iterator[None]:
    """Limit the size of files for a while, in bytes, which has the effect of a full disk."""
    if size is None:
        yield
        return
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    # of a module that can't be written whole Python keeps a part
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

"""Stage resize: every pair to one size, lossless, and what is known of it.

Finished pairs are kept by content under .crackflow. After a killed run, or when pairs are added, only new ones are
decoded. `compute` says who carries it out; docs/explanation/resize.md has the gain.
"""

import hashlib
import json
import operator
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import pandas as pd

from crackflow.atomic import write_text
from crackflow.errors import DataError, ImageError
from crackflow.imaging import images, masks, perceptual_hash, resize
from crackflow.imaging.fit import Grid, Mode, ResizeMode, grid
from crackflow.imaging.pairs import KINDS
from crackflow.parallel.engine import WorkerTimes, fan_out
from crackflow.params import Colour, Params
from crackflow.progress import track
from crackflow.rejections import Rejection, check_rejections
from tasks.code_closure import fingerprint
from tasks.engine import open_engine, record_times
from tasks.outputs import new_folder, write_csv
from tasks.workspace import Workspace

COLUMNS = [
    "stem",
    "photograph",
    "photograph_sha256",
    "given",
    "set",
    "width",
    "height",
    "crack_share",
    "phash",
    "mask_kind",
    "faint_share",
    "rejected",
]


# Longer side over shorter: from here on a photograph that is stretched to a square loses most of its thin cracks.
_FAR_FROM_SQUARE = 2.0


class _Piece(NamedTuple):
    """One resized pair: a whole photograph, or a part of it."""

    key: str
    """name of its pictures in the store: that of its photograph, a dot, its number"""
    cells: dict[str, str]
    """of its row: `stem` is what comes after the photograph's"""


# Of a pair: stem, file of the photograph, file of the mask, subset that it came with, set.
_Listed = tuple[str, str, str, str, str]
_Done = tuple[str, list[_Piece], str]


@dataclass(frozen=True)
class _Store:
    """Finished pairs of one set of parameters and one state of the code: KIND/KEY.N.png, and rows/KEY.json last."""

    folder: Path

    def picture(self, kind: str, key: str) -> Path:
        return self.folder / kind / f"{key}.png"

    def row(self, key: str) -> Path:
        return self.folder / "rows" / f"{key}.json"

    def held(self, key: str) -> list[_Piece] | None:
        """The pieces of a finished pair; None where it is not there, or a picture is not as long as it was."""
        try:
            kept = json.loads(self.row(key).read_text(encoding="utf-8"))
            pieces = [_Piece(one["key"], dict(one["cells"])) for one in kept]
            whole = all(self._sizes(one["key"]) == one["bytes"] for one in kept)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pieces if whole else None

    def keep(self, key: str, pieces: Sequence[_Piece]) -> None:
        """Record a pair whose images are written."""
        kept = [{"key": one.key, "cells": one.cells, "bytes": self._sizes(one.key)} for one in pieces]
        write_text(self.row(key), json.dumps(kept))

    def keep_only(self, keys: set[str]) -> None:
        """Delete what no row of the output came from, and the folders of other parameters."""
        for other in self.folder.parent.iterdir():
            if other != self.folder:
                shutil.rmtree(other)
        for path in self.folder.glob("*/*"):
            if path.name.partition(".")[0] not in keys:
                path.unlink()

    def _sizes(self, key: str) -> dict[str, int]:
        return {kind: self.picture(kind, key).stat().st_size for kind in KINDS}


def run(workspace: Workspace, params: Params) -> None:
    """Write data/resized and data/resized.csv.

    Args:
        workspace: holds data/raw and data/raw.json.
        params: `classes`, `resize`, `data.max_rejected` and `compute` are read.

    Raises:
        DataError: when more than `data.max_rejected` of the pairs can't be used, a mask holds codes beside class
            numbers, or a part of a photograph would be called as another pair.
    """
    colours = tuple(params.classes.values())
    pairs = pd.read_csv(workspace.raw / "pairs.csv", dtype=str, keep_default_na=False).sort_values("stem")
    found = json.loads(workspace.raw_json.read_text(encoding="utf-8"))
    store = _Store(workspace.state("resize", _settings(params.resize.size, params.resize.mode, colours)))

    work = _Work(workspace.raw, store, params.resize.size, params.resize.mode, colours)
    listed = list(pairs[["stem", "image", "mask", "given", "set"]].itertuples(index=False, name=None))
    times = WorkerTimes()
    with open_engine(workspace, params.compute, "tasks.resize") as engine:
        made = fan_out(engine, work, listed, name=operator.itemgetter(0), times=times)
        done = list(track(made, "resize", len(listed), unit="pair"))
    record_times(workspace, "resize", times)
    rows, keys = _rows(listed, done)
    rejections = [Rejection(stem, reason) for (stem, *_), (_, _, reason) in zip(listed, done, strict=True) if reason]
    rejections += [Rejection(item["name"], item["reason"]) for item in found["rejected"]]
    rejections.sort(key=lambda one: one.name)
    rows += [
        dict.fromkeys(COLUMNS, "") | {"stem": one.name, "photograph": one.name, "rejected": one.reason}
        for one in rejections
    ]
    rows.sort(key=lambda row: row["stem"])
    check_rejections(rejections, len(listed) + len(found["rejected"]), params.data.max_rejected)

    with new_folder(workspace.resized) as folder:
        _link(store, keys, folder)
    write_csv(workspace.resized_csv, pd.DataFrame(rows, columns=COLUMNS))
    store.keep_only({key for key, _, _ in done if key})
    photographs = sum(bool(pieces) for _, pieces, _ in done)
    cut = f" of {photographs} photographs" if params.resize.mode == "tile" else ""
    print(f"{len(keys)} pairs{cut} of {params.resize.size} px ({params.resize.mode}); {len(rejections)} rejected")
    if params.resize.mode == "stretch" and (words := _far_from_square(rows)):
        print(words)


@dataclass(frozen=True)
class _Work:
    """What a worker does with one pair; it is sent to workers in other processes."""

    raw: Path
    store: _Store
    size: int
    mode: ResizeMode
    colours: tuple[Colour, ...]

    def __call__(self, pair: _Listed) -> _Done:
        """Give the pair's key in the store and its pieces; where it is rejected, neither, but the reason."""
        stem, image, mask, *_ = pair
        paths = self.raw / "images" / image, self.raw / "masks" / mask
        try:
            key, pieces = _finish(stem, *paths, self.store, self.size, self.mode, self.colours)
        except masks.CodeError:
            # other masks of the set hold the code alone, and would be read as levels
            raise
        except ImageError as error:
            return "", [], str(error)
        return key, pieces, ""


def _rows(listed: Sequence[_Listed], done: Sequence[_Done]) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows of the usable pairs, and the key of each one's pictures by its stem."""
    rows, keys = [], {}
    taken = {stem for stem, *_ in listed}
    for (stem, _, _, given, one_set), (_, pieces, _) in zip(listed, done, strict=True):
        for piece in pieces:
            name = stem + piece.cells["stem"]
            if name != stem and name in taken:
                raise DataError(
                    f"a part of the photograph {stem} would be called {name}, as another pair is; rename that pair"
                )
            keys[name] = piece.key
            own = {"stem": name, "photograph": stem, "given": given, "set": one_set, "rejected": ""}
            rows.append({**piece.cells, **own})
    return rows, keys


def _far_from_square(rows: Sequence[dict[str, str]]) -> str:
    """Say that photographs lose their thin cracks when they are stretched; "" where none is that long."""
    sizes = [(int(row["width"]), int(row["height"])) for row in rows if not row["rejected"]]
    far = sum(max(size) >= _FAR_FROM_SQUARE * min(size) for size in sizes)
    if not far:
        return ""
    return (
        f"{far} of {len(sizes)} photographs are {_FAR_FROM_SQUARE:g} times as long as wide or more: stretched to a "
        "square, thin cracks are lost; `resize.mode: tile` cuts them into squares"
    )


def _settings(size: int, mode: ResizeMode, colours: tuple[Colour, ...]) -> str:
    """A hash of what a resized pair depends on besides its own bytes: the parameters and the code."""
    code = fingerprint("tasks.resize")
    return hashlib.sha256(json.dumps([size, mode, colours, code]).encode()).hexdigest()[:16]


def _finish(
    stem: str,
    image_path: Path,
    mask_path: Path,
    store: _Store,
    size: int,
    mode: ResizeMode,
    colours: tuple[Colour, ...],
) -> tuple[str, list[_Piece]]:
    """Resize one pair, unless the store holds it; its key there, and its pieces, one unless it is cut."""
    digest = hashlib.sha256(f"{stem}\0{image_path.name}\0{mask_path.name}\0".encode())
    image_sha256, mask_sha256 = (_sha256(path) for path in (image_path, mask_path))
    digest.update(image_sha256.digest() + mask_sha256.digest())
    key = digest.hexdigest()[:40]
    held = store.held(key)
    if held is not None:
        return key, held
    image, mask = masks.read_pair(image_path, mask_path, colours)
    height, width = image.shape[:2]
    cut = grid(height, width, size) if mode == "tile" else Grid(height, width, 1, 1)
    into: Mode = "stretch" if mode == "tile" else mode
    pieces = []
    for number in range(len(cut)):
        row, column = divmod(number, cut.columns)
        part = cut.part(row, column)
        photo, classes = image[part], mask.classes[part]
        piece = f"{key}.{number}"
        images.write_png(store.picture("images", piece), resize.resize_image(photo, size, into))
        resized = resize.resize_mask(classes, size, len(colours), into)
        images.write_png(store.picture("masks", piece), images.encode_classes(resized, len(colours)))
        cells = {
            "stem": f"_tile{row}_{column}" if len(cut) > 1 else "",
            "photograph_sha256": image_sha256.hexdigest(),
            "width": str(photo.shape[1]),
            "height": str(photo.shape[0]),
            # of the mask as it is stored, since that is what is trained and scored on: `crop` may cut the crack away
            "crack_share": f"{cv2.countNonZero(resized) / resized.size:.8f}",
            "phash": perceptual_hash.perceptual_hash(photo),
            "mask_kind": mask.kind,
            "faint_share": f"{mask.faint_share:.8f}",
        }
        pieces.append(_Piece(piece, cells))
    store.keep(key, pieces)
    return key, pieces


def _sha256(path: Path) -> "hashlib._Hash":
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def _link(store: _Store, keys: dict[str, str], folder: Path) -> None:
    """Publish all finished pairs under their stems, as hard links: nothing writes into these files."""
    for kind in KINDS:
        (folder / kind).mkdir()
        for stem, key in keys.items():
            source, target = store.picture(kind, key), folder / kind / f"{stem}.png"
            try:
                os.link(source, target)
            except OSError:  # a disk without hard links
                shutil.copyfile(source, target)

"""Stage resize: every pair to one size, lossless, and what is known of it.

Finished pairs are kept by content under .crackflow. After a killed run, or when pairs are added, only new ones are
decoded. `compute` says who carries it out; docs/explanation/resize.md has the gain.
"""

import hashlib
import json
import operator
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import pandas as pd

from crackflow.atomic import write_text
from crackflow.errors import ImageError
from crackflow.imaging import images, masks, perceptual_hash, resize
from crackflow.imaging.fit import Mode
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


@dataclass(frozen=True)
class _Store:
    """Finished pairs of one set of parameters and one state of the code: KIND/KEY.png, and rows/KEY.json last."""

    folder: Path

    def picture(self, kind: str, key: str) -> Path:
        return self.folder / kind / f"{key}.png"

    def row(self, key: str) -> Path:
        return self.folder / "rows" / f"{key}.json"

    def held(self, key: str) -> dict[str, str] | None:
        """The cells of a finished pair; None where it is not there, or a picture is not as long as it was."""
        try:
            kept = json.loads(self.row(key).read_text(encoding="utf-8"))
            whole = all(self.picture(kind, key).stat().st_size == kept["bytes"][kind] for kind in KINDS)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return dict(kept["cells"]) if whole else None

    def keep(self, key: str, cells: dict[str, str]) -> None:
        """Record a pair whose images are written."""
        sizes = {kind: self.picture(kind, key).stat().st_size for kind in KINDS}
        write_text(self.row(key), json.dumps({"cells": cells, "bytes": sizes}))

    def keep_only(self, keys: set[str]) -> None:
        """Delete what no row of the output came from, and the folders of other parameters."""
        for other in self.folder.parent.iterdir():
            if other != self.folder:
                shutil.rmtree(other)
        for path in self.folder.glob("*/*"):
            if path.stem not in keys:
                path.unlink()


def run(workspace: Workspace, params: Params) -> None:
    """Write data/resized and data/resized.csv.

    Args:
        workspace: holds data/raw and data/raw.json.
        params: `classes`, `resize`, `data.max_rejected` and `compute` are read.

    Raises:
        DataError: when more than `data.max_rejected` of the pairs can't be used, or a mask holds codes beside class
            numbers.
    """
    colours = tuple(params.classes.values())
    pairs = pd.read_csv(workspace.raw / "pairs.csv", dtype=str, keep_default_na=False).sort_values("stem")
    found = json.loads(workspace.raw_json.read_text(encoding="utf-8"))
    store = _Store(workspace.state("resize", _settings(params.resize.size, params.resize.mode, colours)))

    work = _Work(workspace.raw, store, params.resize.size, params.resize.mode, colours)
    listed = pairs[["stem", "image", "mask", "given", "set"]].itertuples(index=False, name=None)
    times = WorkerTimes()
    with open_engine(workspace, params.compute, "tasks.resize") as engine:
        made = fan_out(engine, work, listed, name=operator.itemgetter(0), times=times)
        done = list(track(made, "resize", len(pairs), unit="pair"))
    record_times(workspace, "resize", times)
    rows = [row for _, row in done]
    rows += [
        dict.fromkeys(COLUMNS, "") | {"stem": item["name"], "rejected": item["reason"]} for item in found["rejected"]
    ]
    rows.sort(key=lambda row: row["stem"])
    rejections = [Rejection(row["stem"], row["rejected"]) for row in rows if row["rejected"]]
    check_rejections(rejections, len(rows), params.data.max_rejected)

    keys = {row["stem"]: key for key, row in done if key}
    with new_folder(workspace.resized) as folder:
        _link(store, keys, folder)
    write_csv(workspace.resized_csv, pd.DataFrame(rows, columns=COLUMNS))
    store.keep_only(set(keys.values()))
    print(f"{len(keys)} pairs of {params.resize.size} px ({params.resize.mode}); {len(rejections)} rejected")


@dataclass(frozen=True)
class _Work:
    """What a worker does with one pair; it is sent to workers in other processes."""

    raw: Path
    store: _Store
    size: int
    mode: Mode
    colours: tuple[Colour, ...]

    def __call__(self, pair: tuple[str, str, str, str, str]) -> tuple[str, dict[str, str]]:
        """Give the pair's key in the store and the cells of its row; no key where it is rejected."""
        stem, image, mask, given, one_set = pair
        paths = self.raw / "images" / image, self.raw / "masks" / mask
        try:
            key, known = _finish(stem, *paths, self.store, self.size, self.mode, self.colours)
        except masks.CodeError:
            # other masks of the set hold the code alone, and would be read as levels
            raise
        except ImageError as error:
            return "", dict.fromkeys(COLUMNS, "") | {"stem": stem, "rejected": str(error)}
        return key, {"stem": stem, "given": given, "set": one_set, **known, "rejected": ""}


def _settings(size: int, mode: Mode, colours: tuple[Colour, ...]) -> str:
    """A hash of what a resized pair depends on besides its own bytes: the parameters and the code."""
    code = fingerprint("tasks.resize")
    return hashlib.sha256(json.dumps([size, mode, colours, code]).encode()).hexdigest()[:16]


def _finish(
    stem: str, image_path: Path, mask_path: Path, store: _Store, size: int, mode: Mode, colours: tuple[Colour, ...]
) -> tuple[str, dict[str, str]]:
    """Resize one pair, unless the store holds it; its key there, and the cells of its row."""
    digest = hashlib.sha256(f"{stem}\0{image_path.name}\0{mask_path.name}\0".encode())
    for path in (image_path, mask_path):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    key = digest.hexdigest()[:40]
    held = store.held(key)
    if held is not None:
        return key, held
    image, mask = masks.read_pair(image_path, mask_path, colours)
    images.write_png(store.picture("images", key), resize.resize_image(image, size, mode))
    resized = resize.resize_mask(mask.classes, size, len(colours), mode)
    images.write_png(store.picture("masks", key), images.encode_classes(resized, len(colours)))
    known = {
        "width": str(image.shape[1]),
        "height": str(image.shape[0]),
        # of the mask as it is stored, since that is what is trained and scored on: `crop` may cut the crack away
        "crack_share": f"{cv2.countNonZero(resized) / resized.size:.8f}",
        "phash": perceptual_hash.perceptual_hash(image),
        "mask_kind": mask.kind,
        "faint_share": f"{mask.faint_share:.8f}",
    }
    store.keep(key, known)
    return key, known


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

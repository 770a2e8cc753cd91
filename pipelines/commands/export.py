"""`crackflow export-dataset`: the split as three folders of images and masks, as the original experiment had it."""

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from crackflow.errors import DataError, one_line
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import KINDS, ResizedPairs
from crackflow.params import Colour
from crackflow.progress import track
from crackflow.splitting.foreign import FOREIGN
from crackflow.splitting.grouping import SUBSETS
from crackflow.work_folder import work_folder
from tasks.workspace import Workspace

_WRITABLE = 0o222


@dataclass(frozen=True)
class Exported:
    """What was laid out.

    Attributes:
        pairs: how many of each subset.
        linked: how many files are hard links to crackflow's own; the others are copies.
    """

    pairs: dict[str, int]
    linked: int


def export(workspace: Workspace, target: Path, *, copy: bool = False) -> Exported:
    """Lay out TARGET/{train,valid,test}/{images,masks}/STEM.png.

    The files are put into a work folder beside `target`, which is renamed at the end. So `target` is there whole or not
    at all, and two exports never share files. What a killed export left is removed by the next one beside it.

    Args:
        workspace: its split.csv and resized pairs are read.
        target: a folder that is absent or empty; nothing else is ever replaced.
        copy: whether to copy every file. Otherwise files that are read-only already, as DVC leaves them, are linked.
            Others are copied: to write through a link would change crackflow's own data and DVC's cache.

    Returns:
        What was laid out.

    Raises:
        DataError: when there is no split, one of its pairs is not there, or `target` is not empty or can't be
            written.
    """
    pairs = _pairs(workspace)
    colours = tuple(workspace.params().classes.values())
    resized = ResizedPairs(workspace.resized, len(colours))
    stored = _stored_as_coloured(colours)
    target = target.absolute()
    _reject_what_is_not_empty(target)
    linked = 0
    try:
        if not target.parent.exists():
            target.parent.mkdir(parents=True)
        with work_folder(target.parent) as work:
            part = work / "part"
            for subset in (*SUBSETS, *(name for name in FOREIGN if name in pairs.values())):
                for kind in KINDS:
                    (part / subset / kind).mkdir(parents=True)
            for stem, subset in track(list(pairs.items()), "export", unit="pair"):
                for kind in KINDS:
                    source, goal = resized.path(kind, stem), part / subset / kind / f"{stem}.png"
                    if kind == "images" or stored:
                        linked += _place(source, goal, copy)
                    else:
                        write_png(goal, np.array(colours, np.uint8)[resized.mask(stem)], compression=6)
            _reject_what_is_not_empty(target)
            if target.exists():
                target.rmdir()
            os.replace(part, target)
    except FileNotFoundError as error:
        raise DataError(
            f"{error.filename} is in data/split.csv but not there; run `crackflow rebuild split` first"
        ) from None
    except OSError as error:
        raise DataError(
            f"can't write {target}: {error.strerror or one_line(error)}; name a folder elsewhere or make room"
        ) from None
    counts = Counter(pairs.values())
    return Exported(dict.fromkeys(SUBSETS, 0) | counts, linked)


def _pairs(workspace: Workspace) -> Mapping[str, str]:
    """Subset by stem."""
    try:
        table = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise DataError(f"no split at {workspace.split_csv}; `crackflow rebuild split` makes it") from None
    return dict(zip(table["stem"], table["subset"], strict=True))


def _stored_as_coloured(colours: tuple[Colour, ...]) -> bool:
    """Whether a stored grey mask shows each class in its own colour, as black and white do."""
    levels = encode_classes(np.arange(len(colours), dtype=np.uint8), len(colours))
    return all(colour == (level,) * 3 for colour, level in zip(colours, levels.tolist(), strict=True))


def _reject_what_is_not_empty(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise DataError(f"{target} is no folder; name one that is absent or empty")
    if target.is_dir() and any(target.iterdir()):
        raise DataError(f"{target} is not empty; name another folder, or remove it first: nothing in it is replaced")


def _place(source: Path, goal: Path, copy: bool) -> bool:
    """Link or copy one file; whether it was linked."""
    # DVC may have put a link to its cache in the workspace, and a link to a link breaks when the first one goes
    source = source.resolve(strict=True)
    if not copy and not source.stat().st_mode & _WRITABLE:
        try:
            os.link(source, goal)
        except OSError:  # another disk, one without hard links, or too many of them
            pass
        else:
            return True
    shutil.copyfile(source, goal)
    return False

"""Find image/mask pairs in a folder as it was found, copied or downloaded.

Layouts that are understood, each also one or two folders deeper where there is no other folder:

    images/ masks/                                      pairs of no given subset
    train/{images,masks} test/{images,masks} [valid/..] pairs with a given subset
    both                                                as on Kaggle, where the first holds everything once more
"""

import filecmp
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from crackflow.errors import DataError
from crackflow.refusals import Refusal, check_refusals

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
LAYOUTS = "expected images/ and masks/ in it, or train/, test/ and optionally valid/ that each hold images/ and masks/"

# Folder names that mean a subset. The order decides which one a pair keeps that is given in two.
_SUBSETS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class Pair:
    """One photograph and its mask."""

    stem: str
    image: Path
    mask: Path
    given: str


@dataclass(frozen=True)
class Found:
    """What a folder holds, both in the order of the stems."""

    pairs: tuple[Pair, ...]
    refused: tuple[Refusal, ...]


def find_pairs(
    root: Path, include: Sequence[str] = ("*",), exclude: Sequence[str] = (), max_refused: float = 1.0
) -> Found:
    """Find the pairs in a folder.

    An image and a mask are a pair when their names are equal less their image suffixes (`a.jpg.jpg` and `a.png` are).
    The same pair in several places counts once, with the subset given by the place that gives one.

    Args:
        root: a folder in one of the layouts above.
        include: patterns as for fnmatch, of which a stem must match one.
        exclude: patterns of which it must match none.
        max_refused: the largest share, 0..1, of pairs that may be refused: an image or a mask alone, two different
            files of one name.

    Returns:
        The pairs and the refused ones with their reasons.

    Raises:
        DataError: when the folder is absent, has none of the layouts, holds no pair under the patterns, or more than
            `max_refused` are refused.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder; {LAYOUTS}: check data.path")
    places = _places(root)
    if not places:
        raise DataError(f"{root} holds {_contents(root)}; {LAYOUTS}: check data.path")
    together: dict[str, list[Pair]] = {}
    refused: dict[str, str] = {}
    seen = 0
    for given, folder in places:
        for stem, images, masks in _by_stem(folder):
            seen += 1
            if not _wanted(stem, include, exclude):
                continue
            reason = _unpaired(images, masks, root)
            if reason:
                refused.setdefault(stem, reason)
            else:
                together.setdefault(stem, []).append(Pair(stem, images[0], masks[0], given))
    for stem, same in together.items():
        reason = _differing(same, root)
        if reason:
            refused[stem] = reason
        else:
            refused.pop(stem, None)
    # subsets come before the place that gives none
    pairs = tuple(same[0] for stem, same in sorted(together.items()) if stem not in refused)
    refusals = tuple(Refusal(stem, reason) for stem, reason in sorted(refused.items()))
    if not pairs:
        raise DataError(f"no pair in {root}: {_why_none(refusals, seen, include, exclude)}")
    check_refusals(refusals, len(pairs) + len(refusals), max_refused)
    return Found(pairs, refusals)


def _places(root: Path, depth: int = 2) -> list[tuple[str, Path]]:
    """The folders that hold images/ and masks/, each with the subset that it gives; subsets first."""
    folders = _folders(root)
    places = [(given, folders[name]) for name, given in _SUBSETS.items() if name in folders]
    places = [
        (given, folder) for given, folder in [*places, ("", root)] if {"images", "masks"} <= set(_folders(folder))
    ]
    if not places and len(folders) == 1 and depth:
        return _places(next(iter(folders.values())), depth - 1)
    return places


def _folders(root: Path) -> dict[str, Path]:
    """Sub-folders by lower-case name, without hidden ones and the litter of macOS archives."""
    inside = (path for path in sorted(root.iterdir()) if path.is_dir())
    return {path.name.lower(): path for path in inside if not path.name.startswith((".", "__MACOSX"))}


def _by_stem(folder: Path) -> Iterator[tuple[str, list[Path], list[Path]]]:
    folders = _folders(folder)
    images, masks = _files(folders["images"]), _files(folders["masks"])
    for stem in sorted(images.keys() | masks.keys()):
        yield stem, images.get(stem, []), masks.get(stem, [])


def _files(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        stem = path.name
        while stem.lower().endswith(EXTENSIONS):
            stem = stem[: stem.rindex(".")]
        if stem and stem != path.name and not stem.startswith(".") and path.is_file():
            found.setdefault(stem, []).append(path)
    return found


def _wanted(stem: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    return any(fnmatchcase(stem, pattern) for pattern in include) and not any(
        fnmatchcase(stem, pattern) for pattern in exclude
    )


def _unpaired(images: list[Path], masks: list[Path], root: Path) -> str:
    """Why these files of one stem are no pair; empty when they are one."""
    for kind, several in (("images", images), ("masks", masks)):
        if len(several) > 1:
            return f"{len(several)} {kind} of one name: {', '.join(path.name for path in several)}"
    if not masks:
        return f"no mask for image {images[0].relative_to(root)}"
    if not images:
        return f"no image for mask {masks[0].relative_to(root)}"
    return ""


def _differing(same: list[Pair], root: Path) -> str:
    """Which files of one stem differ in content; empty when none do."""
    for one, other in pairwise(same):
        for left, right in ((one.image, other.image), (one.mask, other.mask)):
            if not filecmp.cmp(left, right, shallow=False):
                return f"{left.relative_to(root)} and {right.relative_to(root)} share a name and differ"
    return ""


def _why_none(refusals: Sequence[Refusal], seen: int, include: Sequence[str], exclude: Sequence[str]) -> str:
    if refusals:
        return f"{len(refusals)} can't be used, the first is {refusals[0].name}: {refusals[0].reason}"
    if seen:
        return f"data.include {list(include)} and data.exclude {list(exclude)} take none of {seen} names"
    return f"images/ and masks/ hold no image files ({' '.join(EXTENSIONS)})"


def _contents(root: Path) -> str:
    names = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    return (", ".join(names[:5]) + (", ..." if len(names) > 5 else "")) or "nothing"

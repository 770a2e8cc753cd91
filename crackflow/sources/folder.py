"""Find image/mask pairs in a folder.

These layouts are understood. crackflow/sources/layouts.py has other names that the folders may have. A layout may also
lie one or two folders deeper, if there is no other folder beside it.

    images/ masks/                                      pairs without a given subset
    train/{images,masks} test/{images,masks} [valid/..] pairs with a given subset
    images/{train,test} masks/{train,test}              the same
    train_img/ train_lab/ test_img/ test_lab/           the same
    a.jpg a_mask.png, or a.jpg a.png                    side by side, in one folder or in train/ test/ [valid/]
    several of them                                     as on Kaggle, where the first holds all pairs again
"""

import filecmp
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

from crackflow.errors import DataError
from crackflow.rejections import Rejection, check_rejections
from crackflow.sources.layouts import EXTENSIONS, portable_key, shown
from crackflow.sources.pairing import Matched
from crackflow.sources.places import Place, find_places

LAYOUTS = (
    "expected images/ and masks/ in it, or train/, test/ and optionally valid/ that each hold images/ and masks/, "
    "or photographs and masks side by side (a.jpg, a_mask.png)"
)


@dataclass(frozen=True)
class Pair:
    """One photograph and its mask.

    Attributes:
        stem: the name of the pair.
        image: the photograph.
        mask: its mask.
        given: the subset that it lies in; "" for none.
        set: which of several sets it is of; "" where there is only one.
    """

    stem: str
    image: Path
    mask: Path
    given: str
    set: str = ""


@dataclass(frozen=True)
class Found:
    """What a folder holds, sorted by name.

    Attributes:
        pairs: those that can be used.
        rejected: images and masks that are not a pair; they count towards `max_rejected`.
        ignored: files that are not images, and files and folders outside the layout.
        renamed: of several sets, how many pairs of each have the set's name before theirs, since another set has a pair
            of that name.
    """

    pairs: tuple[Pair, ...]
    rejected: tuple[Rejection, ...]
    ignored: tuple[Rejection, ...] = ()
    renamed: Mapping[str, int] = field(default_factory=dict)

    @property
    def stems(self) -> tuple[str, ...]:
        """The names of the pairs, then those of the rejected ones."""
        return (*(pair.stem for pair in self.pairs), *(one.name for one in self.rejected))


def find_pairs(
    root: Path,
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    max_rejected: float = 1.0,
    *,
    base: Path | None = None,
    may_match_none: bool = False,
) -> Found:
    """Find the pairs in a folder.

    An image and a mask are a pair when their names without image extensions are equal (`a.jpg.jpg` and `a.png`), or
    when the mask's name also ends in `_mask` or a similar suffix. A pair that lies in several places counts once, with
    the subset of the place that stands for one.

    Args:
        root: a folder in one of the layouts above.
        include: fnmatch patterns; a stem must match one of them.
        exclude: fnmatch patterns; a stem must match none of them.
        max_rejected: the largest share, 0..1, of pairs that may be rejected, for instance an image without a mask, or
            two different files with one name.
        base: what paths in reasons are relative to, `root` or a folder above it; `root` when absent.
        may_match_none: whether it is fine that no name matches the patterns.

    Returns:
        The pairs, the rejected ones with their reasons, and what was ignored.

    Raises:
        DataError: when the folder is absent or can't be read; when it has none of the layouts, or two folders that
            could be the images or the masks; when no pair matches the patterns; when too many pairs are rejected.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; {LAYOUTS}: check data.path")
    try:
        found, seen = _find(root, base or root, include, exclude)
    except OSError as error:
        raise DataError(f"{error.filename} can't be read ({error.strerror}); make it readable") from None
    if not found.pairs and not (may_match_none and seen and not found.rejected):
        raise DataError(f"no pair in {root}: {_why_none(found.rejected, seen, include, exclude)}")
    check_rejections(found.rejected, len(found.stems), max_rejected)
    return found


def _find(root: Path, base: Path, include: Sequence[str], exclude: Sequence[str]) -> tuple[Found, int]:
    """Find the pairs; also return how many names there are, those that no pattern chooses included."""
    places = find_places(root)
    if not places:
        raise DataError(f"{root} holds {contents(root)}; {LAYOUTS}: check data.path")
    matches = [(place.given, place.match(base)) for place in places]
    together, rejected = _collect(matches, include, exclude)
    times = Counter(portable_key(stem) for stem in together)
    for stem, same in together.items():
        alike = times[portable_key(stem)] > 1
        reason = "another name differs only in case or accents; rename one" if alike else _differing(same, base)
        if reason:
            rejected[stem] = reason
        else:
            # the same stem has a partner in another place
            rejected.pop(stem, None)
    # places with a subset come first
    pairs = tuple(same[0] for stem, same in sorted(together.items()) if stem not in rejected)
    rejections = tuple(Rejection(stem, reason) for stem, reason in sorted(rejected.items()))
    ignored = {*_outside(root, base, places), *(one for _, matched in matches for one in matched.ignored)}
    seen = sum(len(matched.pairs) + len(matched.rejected) for _, matched in matches)
    return Found(pairs, rejections, tuple(sorted(ignored))), seen


def _collect(
    matches: Sequence[tuple[str, Matched]], include: Sequence[str], exclude: Sequence[str]
) -> tuple[dict[str, list[Pair]], dict[str, str]]:
    """Return the wanted pairs of all places by stem, and the first reason for each wanted stem that has no pair."""
    together: dict[str, list[Pair]] = {}
    rejected: dict[str, str] = {}
    for given, matched in matches:
        for stem, (image, mask) in matched.pairs.items():
            if _wanted(stem, include, exclude):
                together.setdefault(stem, []).append(Pair(stem, image, mask, given))
        for stem, unpaired in matched.rejected.items():
            if _wanted(stem, include, exclude):
                rejected.setdefault(stem, unpaired.reason)
    return together, rejected


def _outside(root: Path, base: Path, places: Sequence[Place]) -> list[Rejection]:
    """List files and folders that are not part of the layout."""
    used = {folder for place in places for folder in (place.images, place.masks) if folder is not None}
    known = used | {parent for folder in used for parent in folder.parents if parent.is_relative_to(root)}
    left = []
    for folder in sorted(known):
        for path in folder.iterdir():
            if path.is_dir() and path not in known:
                left.append(Rejection(shown(f"{path.relative_to(base)}/"), "is a folder outside the layout"))
            elif folder not in used and path.is_file():
                left.append(
                    Rejection(shown(str(path.relative_to(base))), "lies outside the folders of images and masks")
                )
    return left


def _wanted(stem: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    return any(fnmatchcase(stem, pattern) for pattern in include) and not any(
        fnmatchcase(stem, pattern) for pattern in exclude
    )


def _differing(same: list[Pair], base: Path) -> str:
    """Say which files with one stem differ in content; empty when none do."""
    for one, other in pairwise(same):
        for left, right in ((one.image, other.image), (one.mask, other.mask)):
            if not filecmp.cmp(left, right, shallow=False):
                return shown(f"{left.relative_to(base)} and {right.relative_to(base)} share a name and differ")
    return ""


def _why_none(rejections: Sequence[Rejection], seen: int, include: Sequence[str], exclude: Sequence[str]) -> str:
    if rejections:
        return f"{len(rejections)} can't be used, the first is {rejections[0].name}: {rejections[0].reason}"
    if seen:
        return f"data.include {list(include)} and data.exclude {list(exclude)} match none of {seen} names"
    return f"images/ and masks/ hold no image files ({' '.join(EXTENSIONS)})"


def contents(root: Path) -> str:
    """Name the first few things in a folder, hidden ones left out; "nothing" where there are none."""
    names = sorted(shown(path.name) for path in root.iterdir() if not path.name.startswith("."))
    return (", ".join(names[:5]) + (", ..." if len(names) > 5 else "")) or "nothing"

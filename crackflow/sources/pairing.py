"""Which image and which mask belong together, by their names only. Nothing here reads a disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crackflow.rejections import Rejection
from crackflow.sources.layouts import is_image, shown, stem_of, without_mask_suffix

# Files such as .STEM.png.part are written later, and a file name may have at most 255 bytes.
_MAX_STEM = 240
# In one folder, as in CRACK500: the photograph is a JPEG, its mask a PNG with the same name.
_PHOTO, _MASK = (".jpg", ".jpeg"), ".png"


@dataclass(frozen=True)
class Unpaired:
    """Files with one stem that are not a pair, and why. Paths in the reason are relative to the root."""

    reason: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Matched:
    """The result of pairing: each file is in exactly one of the three.

    Attributes:
        pairs: image and mask by stem.
        rejected: the images and masks without a partner, or with too many, by stem.
        ignored: the files that are not images, with their reasons.
    """

    pairs: Mapping[str, tuple[Path, Path]]
    rejected: Mapping[str, Unpaired]
    ignored: tuple[Rejection, ...]


def match_folders(images: Iterable[Path], masks: Iterable[Path], root: Path) -> Matched:
    """Pair the files of a folder of images with those of a folder of masks.

    A mask has its image's stem, or that with a suffix such as `_mask`.

    Args:
        images: all files of the folder of images.
        masks: all files of the folder of masks.
        root: what paths in reasons are relative to.

    Returns:
        Where each file went. The order of the files does not matter.
    """
    photographs, ignored = _by_stem(images, root)
    drawings, others = _by_stem(masks, root)
    together: dict[str, tuple[list[Path], list[Path]]] = {stem: (paths, []) for stem, paths in photographs.items()}
    for stem, paths in drawings.items():
        owner = stem if stem in photographs else without_mask_suffix(stem)
        together.setdefault(owner if owner in photographs else stem, ([], []))[1].extend(paths)
    return _matched(together, [*ignored, *others], root)


def match_together(files: Iterable[Path], root: Path) -> Matched:
    """Pair photographs and masks that lie in one folder.

    The mask of `a.jpg` is `a_mask.png` or the like, or else `a.png`. Any other two files of one name are rejected,
    since either may be the mask.

    Args:
        files: all files of the folder.
        root: what paths in reasons are relative to.

    Returns:
        Where each file went. The order of the files does not matter.
    """
    by_stem, ignored = _by_stem(files, root)
    together: dict[str, tuple[list[Path], list[Path]]] = {}
    for stem, paths in by_stem.items():
        owner = stem
        while without_mask_suffix(owner) != owner and without_mask_suffix(owner) in by_stem:
            owner = without_mask_suffix(owner)
        together.setdefault(owner, ([], []))[int(owner != stem)].extend(paths)
    for stem, (images, masks) in together.items():
        photo = [path for path in images if path.suffix.lower() in _PHOTO]
        drawn = [path for path in images if path.suffix.lower() == _MASK]
        if not masks and len(images) == 2 and len(photo) == len(drawn) == 1:
            together[stem] = (photo, drawn)
        elif not masks and len(images) == 1 and without_mask_suffix(stem) != stem:
            together[stem] = ([], images)
    return _matched(together, ignored, root)


def why_too_long(stem: str) -> str:
    """Say that a name is too long; empty when it is not."""
    size = len(stem.encode())
    return f"a name of {size} bytes, expected at most {_MAX_STEM}: shorten it" if size > _MAX_STEM else ""


def _by_stem(files: Iterable[Path], root: Path) -> tuple[dict[str, list[Path]], list[Rejection]]:
    """Group the images by stem; list the other files with their reasons."""
    found: dict[str, list[Path]] = {}
    ignored = []
    for path in sorted(files):
        if path.name.startswith("."):
            ignored.append(Rejection(shown(str(path.relative_to(root))), "is a hidden or OS metadata file"))
        elif is_image(path.name):
            found.setdefault(stem_of(path.name), []).append(path)
        else:
            ignored.append(Rejection(shown(str(path.relative_to(root))), "is not an image file"))
    return found, ignored


def _matched(
    together: Mapping[str, tuple[Sequence[Path], Sequence[Path]]], ignored: Sequence[Rejection], root: Path
) -> Matched:
    pairs, rejected = {}, {}
    for stem, (images, masks) in sorted(together.items()):
        reason = why_too_long(stem) or _why_unpaired(sorted(images), sorted(masks), root)
        if reason:
            rejected[stem] = Unpaired(reason, tuple(sorted([*images, *masks])))
        else:
            pairs[stem] = (images[0], masks[0])
    return Matched(pairs, rejected, tuple(sorted(ignored)))


def _why_unpaired(images: Sequence[Path], masks: Sequence[Path], root: Path) -> str:
    """Say why these files with one stem are not a pair; empty when they are."""
    for kind, several in (("images", images), ("masks", masks)):
        if len(several) > 1:
            return f"{len(several)} {kind} of one name: {', '.join(shown(path.name) for path in several)}"
    if not masks:
        return f"no mask for image {shown(str(images[0].relative_to(root)))}"
    if not images:
        return f"no image for mask {shown(str(masks[0].relative_to(root)))}"
    return ""

"""A folder of photographs and annotation files, as images/ and masks/."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import ParseError

from crackflow.errors import DataError
from crackflow.imaging.images import write_png
from crackflow.rejections import Rejection
from crackflow.safe_text import printable
from crackflow.sources.annotations.coco import is_coco, read_coco
from crackflow.sources.annotations.cvat import read_cvat
from crackflow.sources.annotations.labelme import is_labelme, read_labelme
from crackflow.sources.annotations.shapes import Annotated, crack_labels, crack_mask

_LIKE_IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
_LONGEST_NAME = 200


def annotation_files(root: Path) -> list[Path]:
    """Find the files in a folder and below that hold COCO's, Labelme's or CVAT's labels.

    Raises:
        OSError: when a file can't be read.
    """
    return [path for path in sorted(root.rglob("*")) if _kind(path)]


def draw_masks(root: Path, files: list[Path], target: Path) -> tuple[Rejection, ...]:
    """Write images/ and masks/ of all photographs that the files have labels for.

    Labels with "crack" in their name are cracks, or the only label there is. A photograph that COCO or CVAT list
    without a label has no crack.

    Args:
        root: the folder, with the photographs in it or below.
        files: as `annotation_files` found them.
        target: the folder to make.

    Returns:
        What was left out, with the reason of each.

    Raises:
        DataError: when a file is not laid out as its kind, a label has no area, the labels don't tell which are cracks,
            or two photographs have one name.
    """
    photographs = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in _LIKE_IMAGES and path.is_file()]
    labels = [shape.label for path in files for one in _read(path) for shape in one.shapes]
    cracks = crack_labels(labels, str(root))
    left_out: list[Rejection] = []
    taken: dict[str, Path] = {}
    for path in files:
        for one in _read(path):
            photo = _photograph(root, one.photo, path, photographs)
            if photo is None:
                shown = printable(one.photo)[:_LONGEST_NAME]
                left_out.append(Rejection(shown, f"is named in {path.relative_to(root)} and is not there"))
                continue
            if photo.stem in taken:
                raise DataError(f"{root} has two photographs or labels named {photo.stem}; rename or remove one")
            taken[photo.stem] = photo
            (target / "images").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(photo, target / "images" / photo.name)
            write_png(target / "masks" / f"{photo.stem}.png", crack_mask(one, cracks))
    if not taken:
        raise DataError(f"{root} has labels and none of their photographs; put them beside {files[0].name}")
    unlabelled = set(photographs) - set(taken.values())
    left_out += [Rejection(str(path.relative_to(root)), "has no labels") for path in sorted(unlabelled)]
    return tuple(left_out)


def _kind(path: Path) -> str:
    if not path.is_file() or path.name.startswith("."):
        return ""
    if path.suffix.lower() == ".xml":
        return "cvat" if b"<annotations" in path.read_bytes()[:4096] else ""
    if path.suffix.lower() != ".json":
        return ""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return ""
    return "coco" if is_coco(content) else "labelme" if is_labelme(content) else ""


def _read(path: Path) -> Iterator[Annotated]:
    try:
        if path.suffix.lower() == ".xml":
            yield from read_cvat(path.read_bytes())
            return
        content = json.loads(path.read_bytes())
        if is_coco(content):
            yield from read_coco(content)
        else:
            yield read_labelme(content)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    # LookupError also of an encoding that XML names, RecursionError of lists in lists
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError, ParseError) as error:
        raise DataError(f"{path} can't be read as labels ({error!r}); export it again") from None


def _photograph(root: Path, name: str, annotations: Path, photographs: list[Path]) -> Path | None:
    """Find the photograph that labels name: by its path from their file, else by its name where one alone has it.

    Folders may have gone or been added in front of it, but day1/a.jpg is not day2/a.jpg.
    """
    try:
        beside = Path(os.path.realpath(annotations.parent / name))
    except (OSError, ValueError):  # a name that no disk can hold
        return None
    same = [path for path in photographs if path.resolve() == beside]
    named = PurePosixPath(name)
    alike = same or [path for path in photographs if path.name == named.name]
    if len(alike) != 1:
        return None
    if same or named.is_absolute() or ".." in named.parts:  # as Labelme has them, of another disk
        return alike[0]
    here, there = alike[0].relative_to(root).parent.parts[::-1], named.parent.parts[::-1]
    return alike[0] if all(one == other for one, other in zip(here, there, strict=False)) else None

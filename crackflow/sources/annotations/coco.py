"""COCO instances as labels (cocodataset.org, "Data format"): polygons and run lengths, whole or compressed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from crackflow.errors import DataError
from crackflow.sources.annotations.shapes import Annotated, Mask, Shape, checked_size, fill, merged, unrolled

# In the characters of a compressed run: bits of the length, the last of which is its sign, and whether more follow.
_BITS, _MASK, _SIGN, _MORE = 5, 0x1F, 0x10, 0x20
_FIRST, _MOST_BITS = 48, 60


def is_coco(content: Any) -> bool:
    """Whether a JSON file holds COCO instances."""
    return isinstance(content, Mapping) and {"images", "annotations", "categories"} <= content.keys()


def read_coco(content: Mapping[str, Any]) -> Iterator[Annotated]:
    """Read the photographs of a COCO file, those without a label too.

    Raises:
        DataError: when a label has no outline, one that can't be filled, or is of no photograph of the file or of two.
        KeyError, TypeError, ValueError: when the file is not laid out as COCO has it.
    """
    names = {category["id"]: str(category["name"]) for category in content["categories"]}
    of_image: dict[Any, list[Mapping[str, Any]]] = {}
    for one in content["annotations"]:
        of_image.setdefault(one["image_id"], []).append(one)
    listed: list[Any] = [image["id"] for image in content["images"]]
    known = set(listed)
    if twice := [number for number, count in Counter(listed).items() if count > 1]:
        raise DataError(f"{listed.count(twice[0])} images have the id {twice[0]!r}; give each one of its own")
    if unknown := [one for one in of_image if one not in known]:
        raise DataError(
            f"annotation {of_image[unknown[0]][0].get('id')} is of image {unknown[0]!r}, which is not listed; add the "
            "image, or take the annotation out"
        )
    for image in content["images"]:
        size = checked_size(int(image["width"]), int(image["height"]))
        shapes = (Shape(names[one["category_id"]], _mask(one, size)) for one in of_image.get(image["id"], []))
        yield Annotated(str(image["file_name"]), size, merged(shapes))


def _mask(annotation: Mapping[str, Any], size: tuple[int, int]) -> Mask:
    segmentation = annotation.get("segmentation")
    if not segmentation:
        raise DataError(f"annotation {annotation.get('id')} has a box alone, expected an outline; draw one")
    if isinstance(segmentation, list):
        return fill(segmentation, size)
    width, height = size
    if list(segmentation["size"]) != [height, width]:
        raise DataError(
            f"annotation {annotation.get('id')} is of {segmentation['size']} px (height, width), its photograph of "
            f"{[height, width]}; correct one"
        )
    counts = segmentation["counts"]
    lengths = [int(count) for count in counts] if isinstance(counts, list) else _decompressed(str(counts))
    # by columns
    return unrolled(lengths, width * height).reshape(width, height).T


def _decompressed(counts: str) -> list[int]:
    """Lengths of runs, each in characters of 5 bits, the lowest first; after the first three as a difference.

    That is the difference from the last but one, as in rleFrString of pycocotools' maskApi.c, which itself writes
    beyond its memory where the lengths are wrong.
    """
    lengths: list[int] = []
    value = place = 0
    for letter in counts:
        bits = ord(letter) - _FIRST
        if not 0 <= bits < 1 << (_BITS + 1) or place > _MOST_BITS:
            raise ValueError(f"no compressed run: {counts[:20]!r}")
        value |= (bits & _MASK) << place
        place += _BITS
        if bits & _MORE:
            continue
        if bits & _SIGN:
            value -= 1 << place
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = place = 0
    return lengths

"""COCO instances as labels (cocodataset.org, "Data format"): polygons and run lengths, whole or compressed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from crackflow.errors import DataError
from crackflow.sources.annotations.shapes import Annotated, Mask, Shape, fill


def is_coco(content: Any) -> bool:
    """Whether a JSON file holds COCO instances."""
    return isinstance(content, Mapping) and {"images", "annotations", "categories"} <= content.keys()


def read_coco(content: Mapping[str, Any]) -> Iterator[Annotated]:
    """Read the photographs of a COCO file, those without a label too.

    Raises:
        DataError: when a label has no outline, or one that can't be filled.
        KeyError, TypeError, ValueError: when the file is not laid out as COCO has it.
    """
    names = {category["id"]: str(category["name"]) for category in content["categories"]}
    of_image: dict[Any, list[Mapping[str, Any]]] = {}
    for one in content["annotations"]:
        of_image.setdefault(one["image_id"], []).append(one)
    for image in content["images"]:
        size = (int(image["width"]), int(image["height"]))
        shapes = (Shape(names[one["category_id"]], _mask(one, size)) for one in of_image.get(image["id"], []))
        yield Annotated(str(image["file_name"]), size, tuple(shapes))


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
    whole = isinstance(segmentation["counts"], list)
    encoded = coco_mask.frPyObjects(segmentation, height, width) if whole else segmentation
    return np.asarray(coco_mask.decode(encoded), np.uint8)

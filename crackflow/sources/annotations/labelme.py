"""Labelme's files as labels, one a photograph: polygons, rectangles and masks (labelme's label_file.py)."""

import base64
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np

from crackflow.errors import DataError
from crackflow.imaging.images import decode_bytes
from crackflow.sources.annotations.shapes import Annotated, Mask, Shape, box, checked_size, fill, merged


def is_labelme(content: Any) -> bool:
    """Whether a JSON file holds Labelme's labels."""
    return isinstance(content, Mapping) and {"shapes", "imagePath", "imageHeight", "imageWidth"} <= content.keys()


def read_labelme(content: Mapping[str, Any]) -> Annotated:
    """Read the labels of one photograph.

    Raises:
        DataError: when a label is none of the shapes that have an area, or can't be filled.
        KeyError, TypeError, ValueError: when the file is not laid out as Labelme has it.
    """
    size = checked_size(int(content["imageWidth"]), int(content["imageHeight"]))
    shapes = merged(Shape(str(one["label"]), _mask(one, size)) for one in content["shapes"])
    # Windows writes \ into it
    photo = PurePosixPath(str(content["imagePath"]).replace("\\", "/"))
    return Annotated(str(photo), size, shapes)


def _mask(shape: Mapping[str, Any], size: tuple[int, int]) -> Mask:
    points = [[float(x), float(y)] for x, y in shape["points"]]
    kind = shape.get("shape_type", "polygon")
    if kind == "polygon":
        return fill([[number for point in points for number in point]], size)
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points
        return fill([box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))], size)
    if kind == "mask":
        return _pasted(str(shape["mask"]), points[0], size)
    raise DataError(f"label {shape['label']} is a {kind}, expected a polygon, a rectangle or a mask; redraw it")


def _pasted(png: str, corner: list[float], size: tuple[int, int]) -> Mask:
    """Put a small mask, a PNG as base64, in its place."""
    small = decode_bytes(base64.b64decode(png), cv2.IMREAD_GRAYSCALE, "a mask")
    (width, height), (left, top) = size, (round(number) for number in corner)
    rows, columns = small.shape
    if left < 0 or top < 0 or left + columns > width or top + rows > height:
        raise DataError(f"a mask of {columns}x{rows} px at {left}, {top} reaches out of its photograph; redraw it")
    mask = np.zeros((height, width), np.uint8)
    mask[top : top + rows, left : left + columns] = small > 0
    return mask

"""CVAT for images 1.1 as labels: polygons, boxes and masks of its XML (docs.cvat.ai, "CVAT for image")."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import numpy as np

from crackflow.errors import DataError
from crackflow.sources.annotations.shapes import Annotated, Mask, Shape, box, checked_size, fill, merged, unrolled


def read_cvat(content: bytes) -> Iterator[Annotated]:
    """Read the photographs of a CVAT file, those without a label too; nothing where it is another XML file.

    Raises:
        DataError: when a label has no area, or can't be filled.
        KeyError, ValueError: when the file is not laid out as CVAT has it.
        xml.etree.ElementTree.ParseError: when it is not XML.
    """
    root = ET.fromstring(content)  # noqa: S314  expat 2.4.1 and later limits what entities grow to
    if root.tag != "annotations":
        return
    for image in root.iter("image"):
        size = checked_size(int(image.attrib["width"]), int(image.attrib["height"]))
        shapes = (Shape(one.attrib["label"], _mask(one, size)) for one in image if "label" in one.attrib)
        # <tag> is of the whole photograph, and has no area
        yield Annotated(image.attrib["name"], size, merged(shapes))


def _mask(shape: ET.Element, size: tuple[int, int]) -> Mask:
    values = shape.attrib
    if shape.tag == "polygon":
        return fill([[float(n) for point in values["points"].split(";") for n in point.split(",")]], size)
    if shape.tag == "box":
        left, top, right, bottom = (float(values[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        return fill([box(left, top, right, bottom, float(values.get("rotation", 0)))], size)
    if shape.tag == "mask":
        return _runs(shape, size)
    if shape.tag == "tag":
        return np.zeros(size[::-1], np.uint8)
    raise DataError(f"label {values['label']} is a {shape.tag}, expected a polygon, a box or a mask; redraw it")


def _runs(shape: ET.Element, size: tuple[int, int]) -> Mask:
    """A mask as lengths of runs, row by row of its box, the first one outside the label."""
    left, top, width, height = (int(shape.attrib[name]) for name in ("left", "top", "width", "height"))
    lengths = [int(number) for number in shape.attrib["rle"].split(",")]
    if min(left, top) < 0 or min(width, height) < 1 or left + width > size[0] or top + height > size[1]:
        raise DataError(f"a mask of {width}x{height} px at {left}, {top} reaches out of its photograph; redraw it")
    mask = np.zeros(size[::-1], np.uint8)
    mask[top : top + height, left : left + width] = unrolled(lengths, width * height).reshape(height, width)
    return mask

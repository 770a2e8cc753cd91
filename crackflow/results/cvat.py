"""Labels as "CVAT for images 1.1": one XML file, one polygon a region (docs.cvat.ai, "CVAT for image").

Regions of one crack have the same group_id.
"""

import re
from xml.etree import ElementTree as ET

from crackflow.results.outlines import Ring, without_holes
from crackflow.results.run import Run, annotations, figures

FILE = "cvat.xml"
# what XML 1.0 can't hold, section 2.2
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cvat(run: Run) -> bytes:
    """Give cvat.xml. Its attributes of a label hold what was measured, as text."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    labels = ET.SubElement(ET.SubElement(ET.SubElement(root, "meta"), "task"), "labels")
    attributes: dict[str, dict[str, None]] = {name: {} for name in run.classes}
    for number, record in enumerate(run.read()):
        width, height = record.size
        image = ET.SubElement(
            root, "image", id=str(number), name=_text(record.photo), width=str(width), height=str(height)
        )
        for label, crack, regions in annotations(run, record):
            measured = {} if crack is None else figures(crack, record.mm_per_px)
            attributes.setdefault(label, {}).update(dict.fromkeys(measured))
            for region in regions:
                shape = ET.SubElement(
                    image,
                    "polygon",
                    label=_text(label),
                    source="auto",
                    occluded="0",
                    points=_points(without_holes(region)),
                    z_order="0",
                )
                if crack is not None:
                    shape.set("group_id", str(crack.number))
                for name, value in measured.items():
                    ET.SubElement(shape, "attribute", name=name).text = str(value)
    for name, known in attributes.items():
        _declare(labels, name, list(known))
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _declare(labels: ET.Element, name: str, attributes: list[str]) -> None:
    """Declare a label: CVAT rejects attributes that its label has not."""
    label = ET.SubElement(labels, "label")
    ET.SubElement(label, "name").text = _text(name)
    ET.SubElement(label, "type").text = "polygon"
    listed = ET.SubElement(label, "attributes")
    for one in attributes:
        attribute = ET.SubElement(listed, "attribute")
        values = {"name": one, "mutable": "False", "input_type": "text", "default_value": "", "values": ""}
        for key, value in values.items():
            ET.SubElement(attribute, key).text = value


def _points(ring: Ring) -> str:
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in ring)


def _text(name: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", name)

"""crackflow/results/cvat.py, by the elements of "CVAT for images 1.1"."""

from xml.etree import ElementTree as ET

import numpy as np
from skimage.draw import polygon2mask

from crackflow.results.cvat import cvat


def fromstring(content):
    return ET.fromstring(content)  # noqa: S314  made here


def test_polygons_give_back_the_mask(made_run, mask):
    root = fromstring(cvat(made_run("a.jpg", "b.jpg")))
    assert (root.tag, root.findtext("version")) == ("annotations", "1.1")
    assert [label.findtext("name") for label in root.findall("meta/task/labels/label")] == ["crack"]
    images = root.findall("image")
    assert [(one.get("id"), one.get("name"), one.get("width"), one.get("height")) for one in images] == [
        ("0", "a.jpg", "12", "8"),
        ("1", "b.jpg", "12", "8"),
    ]
    shapes = images[0].findall("polygon")
    assert [shape.get("group_id") for shape in shapes] == ["1", "1", None]
    assert {shape.get("label") for shape in shapes} == {"crack"}
    rings = [np.array([point.split(",") for point in shape.get("points").split(";")], float) for shape in shapes]
    filled = [polygon2mask(mask.shape, ring[:, ::-1] - 0.5) for ring in rings]
    np.testing.assert_array_equal(np.any(filled, axis=0), mask > 0)


def test_attributes_are_declared_by_their_label(made_run):
    root = fromstring(cvat(made_run("a.jpg", mm_per_px=0.5)))
    declared = {one.findtext("name") for one in root.findall("meta/task/labels/label/attributes/attribute")}
    used = {one.get("name"): one.text for one in root.iter("attribute") if one.get("name")}
    assert set(used) == declared
    assert used["length_mm"] == "3.25"


def test_names_that_xml_can_not_hold(made_run):
    root = fromstring(cvat(made_run('<&"\x01\udcff>.jpg')))
    assert root.find("image").get("name") == '<&"\ufffd\ufffd>.jpg'

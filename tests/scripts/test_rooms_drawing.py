import itertools
import xml.etree.ElementTree as ET

import pytest

from scripts import rooms
from scripts.rooms_drawing import Package, Room, draw, layers

EDGES = {("top", "left"): 3, ("top", "low"): 1, ("left", "low"): 2}
ROOMS = [Room(name, 2) for name in ("low", "top", "left")]


def test_a_room_stands_above_all_that_it_imports_from():
    assert layers(["low", "top", "left", "alone"], EDGES) == [["low", "alone"], ["left"], ["top"]]


def test_rooms_that_import_each_other_are_told():
    with pytest.raises(ValueError, match=r"circle: \['a', 'b'\]"):
        layers(["a", "b", "c"], {("a", "b"): 1, ("b", "a"): 1, ("a", "c"): 1})


def test_every_room_and_count_is_drawn_and_no_arrow_points_up():
    text = draw(
        [Package("upper", [], {}, Room("one", 1), 0), Package("lower", ROOMS, EDGES, Room("base", 5), 17)],
        {("upper", "lower"): 21},
    )
    root = ET.fromstring(text)  # noqa: S314 our own text
    space = "{http://www.w3.org/2000/svg}"
    words = [element.text for element in root.iter(f"{space}text")]
    assert {"low", "top", "left", "upper/", "lower/", "one", "1 module", "2 modules"} <= set(words)
    assert sorted(word for word in words if word.isdigit()) == ["1", "2", "21", "3"]
    assert "all 17" in words
    arrows = [element.get("d").split() for element in root.iter(f"{space}path") if element.get("marker-end")]
    assert len(arrows) == 5
    for path in arrows:
        assert float(path[2]) < float(path[-1])


def test_the_same_imports_give_the_same_file():
    package = Package("p", ROOMS, EDGES, None, 0)
    assert draw([package], {}) == draw([package], {})


def test_no_box_of_the_project_lies_on_another():
    root = ET.fromstring(rooms.drawing())  # noqa: S314 our own text
    drawn = [element for element in root.iter("{http://www.w3.org/2000/svg}rect") if element.get("stroke")]
    boxes = [[float(box.get(side)) for side in ("x", "y", "width", "height")] for box in drawn]
    assert len(boxes) > 15
    for (x, y, width, height), (left, top, wide, high) in itertools.combinations(boxes, 2):
        assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y

"""crackflow/sources/annotations: labels of each kind, drawn by hand or written by the tools' own libraries."""

import base64
import json
import shutil
import tracemalloc

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from crackflow.errors import DataError
from crackflow.params import DataParams
from crackflow.sources.annotations.coco import read_coco
from crackflow.sources.annotations.masks import annotation_files, draw_masks
from crackflow.sources.annotations.shapes import crack_labels
from crackflow.sources.folder_source import FolderSource

# columns 2 to 4 of rows 1 and 2 of a photograph of 8x6 px
POLYGON = [2, 1, 5, 1, 5, 3, 2, 3]
FILLED = np.zeros((6, 8), np.uint8)
FILLED[1:3, 2:5] = 255


@pytest.fixture
def root(tmp_path):
    (tmp_path / "set").mkdir()
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(tmp_path / "set" / name), np.full((6, 8, 3), 128, np.uint8))
    return tmp_path / "set"


def drawn(root):
    target = root.parent / "drawn"
    left_out = draw_masks(root, annotation_files(root), target)
    masks = {path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (target / "masks").iterdir()}
    assert {path.stem for path in (target / "images").iterdir()} == set(masks)
    return masks, left_out


def coco(*segmentations, names=("crack",)):
    return {
        "images": [{"id": n, "file_name": f"{name}.jpg", "width": 8, "height": 6} for n, name in ((5, "a"), (7, "b"))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        "annotations": [
            {"id": number, "image_id": 5, "category_id": min(number, len(names)), "segmentation": one}
            for number, one in enumerate(segmentations, 1)
        ],
    }


COMPRESSED = coco_mask.encode(np.asfortranarray(FILLED > 0, np.uint8))


@pytest.mark.parametrize(
    "segmentation",
    [
        [POLYGON],
        # by columns: 13 before, then 2 of each of three columns
        {"size": [6, 8], "counts": [13, 2, 4, 2, 4, 2, 21]},
        {"size": [6, 8], "counts": COMPRESSED["counts"].decode()},
    ],
)
def test_coco(root, segmentation):
    (root / "coco.json").write_text(json.dumps(coco(segmentation)))
    masks, left_out = drawn(root)
    np.testing.assert_array_equal(masks["a"], FILLED)
    # listed without a label: no crack
    assert not masks["b"].any()
    assert left_out == ()


def labelme(**shape):
    fields = {"imagePath": "a.jpg", "imageWidth": 8, "imageHeight": 6, "imageData": None, "version": "5.5.0"}
    return {**fields, "shapes": [{"label": "crack", **shape}]}


def test_labelme(root):
    (root / "a.json").write_text(json.dumps(labelme(points=[[2, 1], [5, 1], [5, 3], [2, 3]], shape_type="polygon")))
    masks, left_out = drawn(root)
    np.testing.assert_array_equal(masks["a"], FILLED)
    # a photograph without a file of its own may not have been looked at
    assert "b" not in masks
    assert left_out == (("b.jpg", "has no labels"),)


def test_labelmes_rectangles_and_masks(root):
    (root / "a.json").write_text(json.dumps(labelme(points=[[5, 3], [2, 1]], shape_type="rectangle")))
    png = cv2.imencode(".png", np.full((2, 3), 1, np.uint8))[1].tobytes()
    mask = labelme(points=[[2, 1], [4, 2]], shape_type="mask", mask=base64.b64encode(png).decode())
    (root / "b.json").write_text(json.dumps({**mask, "imagePath": "..\\set\\b.jpg"}))
    masks, _ = drawn(root)
    np.testing.assert_array_equal(masks["a"], FILLED)
    np.testing.assert_array_equal(masks["b"], FILLED)


CVAT = """<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
<image id="0" name="a.jpg" width="8" height="6">{}</image>
<image id="1" name="b.jpg" width="8" height="6"/></annotations>"""


@pytest.mark.parametrize(
    "shape",
    [
        '<polygon label="crack" points="2.00,1.00;5.00,1.00;5.00,3.00;2.00,3.00"/>',
        '<box label="crack" xtl="2" ytl="1" xbr="5" ybr="3"/>',
        '<mask label="crack" rle="0, 6" left="2" top="1" width="3" height="2"/>',
        '<tag label="crack"/><polygon label="crack" points="2,1;5,1;5,3;2,3"><attribute name="x"/></polygon>',
    ],
)
def test_cvat(root, shape):
    (root / "annotations.xml").write_text(CVAT.format(shape))
    masks, _ = drawn(root)
    np.testing.assert_array_equal(masks["a"], FILLED)
    assert not masks["b"].any()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("coco.json", json.dumps(coco([])), "annotation 1 has a box alone"),
        ("coco.json", json.dumps(coco([[1, 2, 3, 4]])), "an outline of 4 numbers, expected x and y of three corners"),
        ("coco.json", json.dumps({**coco(), "images": [{}]}), "can't be read as labels"),
        ("a.json", json.dumps(labelme(points=[[1, 1], [2, 2]], shape_type="line")), "label crack is a line, expected"),
        ("a.xml", CVAT.format('<polyline label="crack" points="1,1;2,2"/>'), "label crack is a polyline, expected"),
        ("a.xml", CVAT.format("<"), "can't be read as labels"),
        (
            "a.xml",
            CVAT.format('<mask label="c" rle="1, 6" left="2" top="1" width="3" height="2"/>'),
            "a mask of 7 px, expected 6",
        ),
        (
            "coco.json",
            json.dumps({**coco([POLYGON]), "images": coco()["images"][1:]}),
            "annotation 1 is of image 5, which is not listed",
        ),
        (
            "coco.json",
            json.dumps(coco([POLYGON])).replace('"image_id": 5', '"image_id": "5"'),
            "is of image '5', which",
        ),
        ("coco.json", json.dumps(coco([POLYGON])).replace('"id": 7', '"id": 5'), "2 images have the id 5"),
        # found by fuzzing: the first six ended the process or took all memory in pycocotools, the others had tracebacks
        ("coco.json", json.dumps(coco([[0, 0, 1e9, 0, 5, 3]])), "a corner at 1e.09, far off its photograph of 8x6 px"),
        ("coco.json", json.dumps(coco([[0, 0, float("nan"), 0, 5, 3]])), "a corner at nan, far off"),
        ("coco.json", json.dumps(coco({"size": [6, 8], "counts": [9, 2**32 - 9, 48]})), "expected 48; redraw"),
        ("coco.json", json.dumps(coco({"size": [6, 8], "counts": "oooooooooooooo0"})), "no compressed run"),
        ("coco.json", json.dumps(coco({"size": [6, 8], "counts": "ooo0"})), "a mask of 32,767 px, expected 48"),
        ("a.json", json.dumps({**labelme(points=[], shape_type="x"), "imageWidth": 2**31}), "px, expected 1 to 2.30"),
        ("a.json", json.dumps({**labelme(points=[]), "imageHeight": 0}), "a photograph of 8x0 px, expected 1"),
        (
            "a.json",
            json.dumps({**labelme(points=[]), "imageHeight": float("inf")}),
            "can't be read as labels .Overflow",
        ),
        ("a.json", json.dumps({**labelme(points=[]), "shapes": [{"points": [[10**400, 1]]}]}), "can't be read as lab"),
        ("a.xml", CVAT.format("").replace("utf-8", "x-none"), "can't be read as labels"),
        ("a.xml", CVAT.format('<mask label="c" rle="1, 5" left="-3" top="1" width="3" height="2"/>'), "reaches out"),
        ("a.xml", CVAT.format('<mask label="c" rle="9, -3" left="2" top="1" width="3" height="2"/>'), "expected 6"),
    ],
)
def test_labels_that_can_not_be_drawn_are_said(root, name, content, message):
    """Left out in silence, they would be taught as surface without a crack."""
    (root / name).write_text(content)
    with pytest.raises(DataError, match=message) as error:
        drawn(root)
    assert str(root / name) in str(error.value)


@pytest.mark.parametrize("name", ["a\0.jpg", "\ud800.jpg", "x" * 5000, "b\n.jpg"])
def test_a_name_that_no_photograph_can_have_is_left_out(root, name):
    content = coco([POLYGON])
    content["images"].append({"id": 9, "file_name": name, "width": 8, "height": 6})
    (root / "coco.json").write_text(json.dumps(content))
    ((said, reason),) = drawn(root)[1]
    assert said.isprintable()
    assert len(said) <= 200
    assert reason == "is named in coco.json and is not there"


def test_many_cracks_take_the_memory_of_one_mask(root):
    """Of 40 outlines on 4 megapixels; one mask each would be 160 MB."""
    content = coco(*[[POLYGON]] * 39, [[4, 0, 8, 0, 8, 1, 4, 1]])
    content["images"] = [{"id": 5, "file_name": "a.jpg", "width": 2000, "height": 2000}]
    tracemalloc.start()
    (one,) = read_coco(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
    expected = np.zeros((2000, 2000), np.uint8)
    expected[:6, :8] = FILLED // 255
    expected[0, 4:8] = 1
    np.testing.assert_array_equal(one.shapes[0].mask, expected)
    assert [shape.label for shape in one.shapes] == ["crack"]


def test_a_file_of_lists_in_lists_holds_no_labels(root):
    (root / "a.json").write_text("[" * 100_000)
    assert annotation_files(root) == []


def test_which_labels_are_cracks():
    assert crack_labels(["Crack", "pothole", "cracks"], "x") == {"Crack", "cracks"}
    assert crack_labels(["damage", "damage"], "x") == {"damage"}
    assert crack_labels([], "x") == frozenset()
    with pytest.raises(DataError, match="x has the labels fissure, pothole, expected one label or some with crack"):
        crack_labels(["pothole", "fissure"], "x")


@pytest.mark.parametrize(
    "label",
    ["no crack", "no_crack", "non-crack", "NotCracked", "not cracked", "uncracked", "No visible cracks", "crack-free"],
)
def test_a_label_that_says_there_is_no_crack_is_none(label):
    assert crack_labels(["cracked", label], "x") == {"cracked"}
    assert crack_labels([label], "x") == frozenset()
    with pytest.raises(DataError, match="expected one label or some with crack"):
        crack_labels([label, "road"], "x")


@pytest.mark.parametrize("label", ["concrete crack", "Unsealed crack", "union crack", "crack (none sealed)"])
def test_words_that_look_like_a_denial(label):
    assert crack_labels([label, "road"], "x") == {label}


def test_a_turned_box_of_cvat_is_turned(root):
    """By hand: 4x2 px about (4, 3), turned by 90 degrees, is 2x4 px: columns 3 and 4 of rows 1 to 4."""
    (root / "a.xml").write_text(CVAT.format('<box label="crack" xtl="2" ytl="2" xbr="6" ybr="4" rotation="90.00"/>'))
    expected = np.zeros((6, 8), np.uint8)
    expected[1:5, 3:5] = 255
    np.testing.assert_array_equal(drawn(root)[0]["a"], expected)


def test_cvat_turns_clockwise(root):
    """A box 6 px long whose left end goes up by 30 degrees: upper left pixels are marked, and no lower left ones."""
    (root / "a.xml").write_text(CVAT.format('<box label="crack" xtl="1" ytl="2.5" xbr="7" ybr="3.5" rotation="30"/>'))
    mask = drawn(root)[0]["a"]
    assert mask[:3, :4].any()
    assert not mask[3:, :3].any()


def test_labels_of_another_folders_photograph_are_left_out(root):
    (root / "day2").mkdir()
    (root / "a.jpg").rename(root / "day2/a.jpg")
    content = coco([POLYGON])
    for named, is_taken in (("day1/a.jpg", False), ("day2/a.jpg", True), ("photos/day2/a.jpg", True), ("a.jpg", True)):
        content["images"][0]["file_name"] = named
        (root / "coco.json").write_text(json.dumps(content))
        masks, left_out = drawn(root)
        assert ("a" in masks) == is_taken
        assert ((named, "is named in coco.json and is not there") in left_out) != is_taken
        shutil.rmtree(root.parent / "drawn")


def test_other_labels_are_surface(root):
    (root / "coco.json").write_text(json.dumps(coco([POLYGON], [[0, 0, 8, 0, 8, 6, 0, 6]], names=("crack", "patch"))))
    np.testing.assert_array_equal(drawn(root)[0]["a"], FILLED)


def test_photographs_that_are_not_there_are_left_out(root):
    (root / "b.jpg").unlink()
    (root / "coco.json").write_text(json.dumps(coco([POLYGON])))
    assert drawn(root)[1] == (("b.jpg", "is named in coco.json and is not there"),)


def test_the_data_source_draws_masks_where_a_folder_has_none(root, tmp_path):
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    for path in root.glob("*.jpg"):
        path.rename(root / "images" / path.name)
    (root / "annotations/instances.json").write_text(json.dumps(coco([POLYGON])))
    (tmp_path / "work").mkdir()
    params = DataParams().model_copy(update={"source": "folder", "path": str(root)})
    fetched = FolderSource(params, tmp_path).fetch(tmp_path / "work")
    assert {path.name for path in fetched.folder.iterdir()} == {"images", "masks"}
    # pairs that are there come first
    (root / "masks").mkdir()
    cv2.imwrite(str(root / "masks/a.png"), FILLED)
    (root / "annotations/instances.json").rename(root / "coco.json")
    (root / "annotations").rmdir()
    assert FolderSource(params, tmp_path).fetch(tmp_path / "work").folder == root

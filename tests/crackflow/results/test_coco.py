"""crackflow/results/coco.py, read by pycocotools as everybody reads COCO."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from crackflow.results.coco import coco


@pytest.fixture
def read(tmp_path, capsys):
    def load(content):
        (tmp_path / "coco.json").write_bytes(content)
        return COCO(str(tmp_path / "coco.json"))

    return load


def test_pycocotools_gives_back_the_mask(read, made_run, mask):
    found = read(coco(made_run("a.jpg", "b.jpg")))
    assert [one["file_name"] for one in found.loadImgs(found.getImgIds())] == ["a.jpg", "b.jpg"]
    assert [one["name"] for one in found.loadCats(found.getCatIds())] == ["crack"]
    labels = found.loadAnns(found.getAnnIds(imgIds=[2]))
    assert len(labels) == 2
    decoded = [found.annToMask(one) for one in labels]
    # the hole and the gap are no crack
    np.testing.assert_array_equal(np.maximum(*decoded), mask)
    assert [one["area"] for one in labels] == [int(one.sum()) for one in decoded] == [11, 1]
    assert [one["bbox"] for one in labels] == [[1, 1, 7, 3], [10, 6, 1, 1]]
    assert [one["iscrowd"] for one in labels] == [0, 0]


def test_a_crack_says_what_was_measured_and_a_spot_nothing(made_run):
    first, spot, other, _ = json.loads(coco(made_run("a.jpg", "b.jpg", mm_per_px=0.5)))["annotations"]
    assert first["attributes"]["length_mm"] == 3.25
    assert first["score"] == 0.75
    assert "attributes" not in spot
    # the second photograph has no scale
    assert not [name for name in other["attributes"] if name.endswith("mm")]


def test_a_photograph_without_a_crack_is_listed(read, made_run, empty):
    found = read(coco(made_run("a.jpg", networks={"a.jpg": empty})))
    assert (len(found.imgs), len(found.anns)) == (1, 0)

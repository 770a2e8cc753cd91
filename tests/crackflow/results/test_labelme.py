"""crackflow/results/labelme.py, by the fields of a Labelme file of version 5."""

import json

import numpy as np
from skimage.draw import polygon2mask

from crackflow.results.labelme import labelme


def test_the_fields_of_a_file(made_run, mask, tmp_path):
    run = made_run("a.jpg", paths={"a.jpg": tmp_path / "photos/a.jpg"})
    found = json.loads(labelme(run, run.read()[0]))
    assert set(found) == {"version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"}
    assert (found["imageHeight"], found["imageWidth"], found["imageData"]) == (8, 12, None)
    # from the file's own folder
    assert found["imagePath"] == "../../photos/a.jpg"
    for shape in found["shapes"]:
        assert set(shape) == {"label", "points", "group_id", "description", "shape_type", "flags", "mask"}
        assert (shape["label"], shape["shape_type"]) == ("crack", "polygon")
    assert [shape["group_id"] for shape in found["shapes"]] == [1, 1, None]
    assert "length_px 6.5" in found["shapes"][0]["description"]
    filled = [polygon2mask(mask.shape, np.array(shape["points"])[:, ::-1] - 0.5) for shape in found["shapes"]]
    np.testing.assert_array_equal(np.any(filled, axis=0), mask > 0)


def test_a_photograph_that_is_no_file_is_called_by_its_name(made_run):
    run = made_run("in-zip/a.jpg")
    assert json.loads(labelme(run, run.read()[0]))["imagePath"] == "in-zip/a.jpg"

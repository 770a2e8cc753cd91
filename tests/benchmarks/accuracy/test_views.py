import json

import cv2
import numpy as np

from benchmarks.accuracy import views
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.packaged_weights import Weights
from crackflow.params import Params
from crackflow.sources.folder import find_pairs

SIDE = 16


class Dark:
    """Calls dark pixels crack, and the left border of whatever it sees."""

    input_shape = (None, SIDE, SIDE, 3)
    output_shape = (None, SIDE, SIDE, 1)

    def predict_on_batch(self, x):
        found = (np.asarray(x)[..., :1] < 100).astype(np.float32)
        found[:, :, 0] = 1
        return found


def test_a_photograph_in_each_way(tmp_path):
    """A dark row of 16x16 px; half of two views see the border, which is not above 0.5 in their mean."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    photo = np.full((SIDE, SIDE), 200, np.uint8)
    photo[3] = 20
    cv2.imwrite(str(tmp_path / "images/wall_1.png"), photo)
    cv2.imwrite(str(tmp_path / "masks/wall_1.png"), np.where(photo < 100, 255, 0).astype(np.uint8))
    weights = Weights("made weights", tmp_path / "none.keras", None, Params())
    row = views.look(find_pairs(tmp_path).pairs[0], Dark(), weights, OperatingPoint(0.5))
    assert row["counts"]["1"] == [16, 15, 0, 225]
    assert row["counts"]["2"] == row["counts"]["4"] == row["counts"]["8"] == [16, 0, 0, 240]
    assert set(row["counts"]) == set(views.WAYS)


def test_gains_by_hand():
    """Of two photographs one gains: 2 of 4 px and 3 of 4 px found, the other has 1 of 2 px found in every way."""
    more = {way: [3, 0, 1, 6] for way in views.WAYS}
    rows = [
        {"stem": "a", "group": "x", "counts": {**more, "1": [2, 0, 2, 6]}},
        {
            "stem": "b",
            "group": "y",
            "counts": {way: [1, 0, 1, 8] for way in views.WAYS},
        },
    ]
    found = views.figures(rows)
    assert (found["photographs"], found["with_cracks"], found["groups"]) == (2, 2, 2)
    # 3 of 6 px and 4 of 6
    assert found["of"]["1"]["pooled_iou"]["value"] == 0.5
    assert found["of"]["8"]["pooled_iou"]["value"] == 0.6667
    # (0.75 - 0.5) / 2 on the mean; two groups, of which one gains nothing, say little
    gain = found["of"]["8"]["positives_iou"]
    assert (gain["value"], gain["gain"], gain["verdict"]) == (0.625, 0.125, "not told apart")
    assert gain["interval"][0] < 0 < gain["interval"][1]


def test_the_page_has_the_table_of_the_file():
    text = views.PAGE.read_text(encoding="utf-8")
    assert f"-->\n{views.table(json.loads(views.RESULTS.read_text(encoding='utf-8')))}<!-- end of views -->" in text

import json

import cv2
import numpy as np
import pytest

from benchmarks.accuracy import native
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.packaged_weights import Weights
from crackflow.params import Params
from crackflow.sources.folder import find_pairs

SIDE = 16


@pytest.fixture
def weights(tmp_path):
    return Weights("made weights", tmp_path / "none.keras", None, Params())


@pytest.fixture
def pairs(tmp_path):
    """Four photographs of 24x20 px with a dark row of 1 px each, and one of 8x8 px."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for number in range(5):
        photo = np.full((8, 8) if number == 4 else (20, 24), 200, np.uint8)
        photo[3 + number % 4] = 20
        cv2.imwrite(str(tmp_path / f"images/wall_{number}.png"), photo)
        cv2.imwrite(str(tmp_path / f"masks/wall_{number}.png"), np.where(photo < 100, 255, 0).astype(np.uint8))
    return find_pairs(tmp_path).pairs


def dark(squares):
    return (squares[..., :1] < 100).astype(np.float32)


def test_pictures_are_the_photographs_and_what_is_made_of_those_of_one_size(pairs, weights):
    found = list(native.pictures("wall", pairs, weights))
    assert [picture.kind for picture in found] == ["alone"] * 5 + ["4 in one"]
    photo, truth = native.assembled(found[-1], weights)
    assert photo.shape == (40, 48, 3)
    np.testing.assert_array_equal(truth > 0, photo[..., 0] < 100)
    # rows 3 and 4 above, 5 and 6 below
    assert [int(row) for row in np.flatnonzero(truth.any(axis=1))] == [3, 4, 25, 26]


def test_a_look_at_own_pixels_finds_what_half_the_size_loses(pairs, weights):
    picture = next(native.pictures("wall", pairs, weights))
    row = native.look(picture, dark, SIDE, weights, OperatingPoint(0.5))
    assert row["px"] == "24x20"
    assert row["counts"]["1"] == row["counts"]["auto"] == row["counts"]["best"] == [24, 0, 0, 456]
    assert row["counts"]["0.5"] == [0, 0, 24, 456]
    # squeezed by a fifth the row is found as well, so these two agree
    assert row["counts"]["fit"] == row["counts"]["agreeing"] == [24, 0, 0, 456]


def test_figures_by_hand():
    """Pictures of 3 of 4 px found with 1 too many, and of none found; and a crack-free one with an alarm."""
    made = {"source": "a", "kind": "alone", "px": "600x400", "seconds": dict.fromkeys(("auto", *native.SCALES), 2.0)}
    counts = ([3, 1, 1, 5], [0, 0, 5, 5], [0, 2, 0, 8])
    rows = [{**made, "counts": dict.fromkeys(native.RULES, one)} for one in counts]
    rows.append({**rows[0], "kind": "4 in one", "px": "300x200"})
    found = native.figures(rows, 512)
    assert [(group["kind"], group["pictures"]) for group in found["groups"]] == [("alone", 3), ("4 in one", 1)]
    # 3 of 12 px; the mean of 3/5 and 0
    assert found["larger"]["of"]["1"] == {"pooled_iou": 0.25, "mean_iou": 0.3, "false_alarms": 1.0, "seconds": 2.0}
    assert found["no_larger"]["of"]["mean"] == {"pooled_iou": 0.6, "mean_iou": 0.6, "false_alarms": None}


def test_the_page_has_the_tables_of_the_file():
    text = native.PAGE.read_text(encoding="utf-8")
    assert native.page(text) == text
    assert json.loads(native.RESULTS.read_text(encoding="utf-8"))["model"] in text

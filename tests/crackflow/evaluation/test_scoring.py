"""The scoring loop with a model whose probabilities follow from the pixels: crack above level 127."""

import keras
import numpy as np
import pandas as pd
import pytest

from crackflow.evaluation import scoring
from crackflow.evaluation.figures import plain
from crackflow.imaging.images import encode_classes, read_stored_mask, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.pair_predictions import in_this_process
from crackflow.params import EvaluateParams

SIDE = 16
NAMES = ("background", "crack")
POINT = OperatingPoint(0.5)


@pytest.fixture(scope="module")
def model():
    """The crack's logit is (level - 127.5) / 10, the background's 0."""
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    built = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layer])
    kernel = np.array([[0, 1 / 30]] * 3, np.float32).reshape(1, 1, 3, 2)
    layer.set_weights([kernel, np.array([0, -12.75], np.float32)])
    return built


@pytest.fixture
def rows(tmp_path):
    """Five pairs of three photographs: pair N has N + 1 bright rows, of which the label has all but the last."""
    for number in range(5):
        bright = np.zeros((SIDE, SIDE), np.uint8)
        bright[: number + 1] = 1
        truth = bright.copy()
        truth[number] = 0
        write_png(tmp_path / "images" / f"p{number}.png", np.repeat(200 * bright[..., None], 3, axis=2))
        write_png(tmp_path / "masks" / f"p{number}.png", encode_classes(truth, 2))
    return pd.DataFrame(
        {
            "stem": [f"p{number}" for number in range(5)],
            "source": ["road", "road", "wall", "wall", "wall"],
            "group": ["a", "a", "b", "b", "c"],
            "subset": "test",
        }
    )


def score(model, folder, rows, **options):
    params = EvaluateParams(batch_size=options.pop("batch_size", 2))
    return scoring.score_pairs(
        in_this_process(model), ResizedPairs(folder, 2), rows, params, NAMES, POINT, "valid, pooled_iou", **options
    )


def test_figures_are_those_worked_by_hand(model, rows, tmp_path):
    """Right rows 0 + 1 + 2 + 3 + 4, one false row in each of five pairs, none missed; pair 0 is crack-free."""
    found = score(model, tmp_path, rows)
    assert found.figures["crack"]["pooled"]["iou"] == 10 / 15
    assert found.figures["crack"]["positives"]["iou"] == pytest.approx((1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 4)
    assert found.figures["crack"]["false_alarms"] == {"images": 1, "area": 1 / SIDE}
    assert found.figures["intervals"]["groups"] == 3
    assert [(image.stem, image.source, image.group) for image in found.images][2:4] == [
        ("p2", "wall", "b"),
        ("p3", "wall", "b"),
    ]
    protocol = found.figures["protocol"]
    assert (protocol["subset"], protocol["images"], protocol["images_with_cracks"]) == ("test", 5, 4)
    assert (protocol["resolution"], protocol["threshold_from"]) == ("16x16", "valid, pooled_iou")


@pytest.mark.parametrize("batch_size", [1, 3, 9])
def test_the_size_of_a_batch_changes_no_figure(model, rows, tmp_path, batch_size):
    found, other = score(model, tmp_path, rows, batch_size=batch_size), score(model, tmp_path, rows)
    assert plain(found.figures) == plain(other.figures)


def test_masks_are_written_where_a_folder_is_given(model, rows, tmp_path):
    score(model, tmp_path, rows)
    assert {path.name for path in tmp_path.iterdir()} == {"images", "masks"}
    score(model, tmp_path, rows, masks=tmp_path / "predicted")
    for number in range(5):
        mask = read_stored_mask(tmp_path / f"predicted/p{number}.png", 2)
        assert (mask.sum(axis=1) == ([SIDE] * (number + 1) + [0] * (SIDE - number - 1))).all()


def test_another_point_is_scored_beside_it(model, rows, tmp_path):
    """Above 0.9999 nothing is bright enough: 200 gives 1 / (1 + exp(-7.25)) = 0.99929."""
    assert "flips" not in score(model, tmp_path, rows).figures
    found = score(model, tmp_path, rows, other=OperatingPoint(0.9999, flips=True)).figures
    assert found["flips"]["plain"]["pooled"]["iou"] == found["crack"]["pooled"]["iou"] == 10 / 15
    assert found["flips"]["averaged"]["pooled"]["iou"] == 0
    assert found["flips"]["averaged"]["threshold"] == 0.9999


def test_operating_points_are_searched_with_and_without_flips(model, rows, tmp_path):
    """Every threshold below 0.99929 gives the same masks, so the one nearest to a half is taken."""
    for compare, flips, keys in ((True, False, {False, True}), (False, True, {True}), (False, False, {False})):
        params = EvaluateParams(compare_flips=compare, flips=flips, false_alarms=1.0)
        found = scoring.search_operating_points(
            in_this_process(model), ResizedPairs(tmp_path, 2), rows, params, tmp_path / "state"
        )
        assert set(found) == keys
        for one in keys:
            assert found[one].point == OperatingPoint(0.5, flips=one)
            assert (found[one].images, found[one].crack_free) == (5, 1)

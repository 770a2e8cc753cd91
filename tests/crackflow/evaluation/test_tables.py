import math

import numpy as np
import pytest

from crackflow.evaluation import tables
from crackflow.evaluation.image_scores import score_image
from crackflow.inference.operating_point import OperatingPoint


def test_the_image_table_is_sorted_and_its_means_are_the_per_image_figures(three):
    table = tables.per_image_table(three)
    assert list(table["stem"]) == ["A", "B", "C"]
    assert list(table["crack_share"]) == [1 / 2, 0, 0]
    assert list(table["fp"]) == [1, 0, 1]
    assert table["iou"].mean() == pytest.approx(4 / 9)
    assert table["tolerant_f1"].isna().tolist() == [False, True, True]


def test_the_source_table_has_each_sources_own_figures(three):
    table = tables.per_source_table(three).set_index("source")
    assert table.index.tolist() == ["road", "wall"]
    assert table.loc["road", "pooled_iou"] == pytest.approx(1 / 3)
    assert math.isnan(table.loc["road", "false_alarms_images"])
    assert table.loc["wall", "false_alarms_images"] == 1 / 2
    assert table.loc["wall", ["images", "images_with_cracks"]].tolist() == [2, 0]


def test_the_curve_has_a_row_for_each_threshold():
    # Crack probabilities 0.25, 0.75 of which the second is crack: recall 1 below 0.75, then nothing is predicted.
    probabilities = np.array([[[0.75, 0.25], [0.25, 0.75]]], np.float32)
    predicted = truth = np.array([[0, 1]], np.uint8)
    table = tables.precision_recall_table([score_image("A", "road", "A", probabilities, predicted, truth, 0)])
    assert len(table) == 256
    rows = table.set_index("threshold")
    assert rows.loc[0.0].tolist() == pytest.approx([1 / 2, 1, 2 / 3, 1 / 2])
    assert rows.loc[0.5].tolist() == [1, 1, 1, 1]
    assert math.isnan(rows.loc[0.75, "precision"])
    assert rows.loc[0.75, "recall"] == 0


def test_the_table_of_figures_starts_with_the_originals_and_ends_with_the_operating_point():
    original = dict(zip(reversed(tables.ORIGINAL), (1, 0.98, 0.123456), strict=True))
    found = {"crack": {"pooled": {"iou": 0.51239}}, "original": original, "protocol": {"images": 3}, "flips": {"a": 1}}
    table = tables.figure_table(found, OperatingPoint(0.5, 180.0, 0.99997))
    assert table.to_numpy().tolist() == [
        ["categorical_crossentropy", 0.1235],
        ["dice_coef_multiclass", 0.98],
        ["dice_coef_multiclass_all_background", 1],
        ["crack_pooled_iou", 0.5124],
        ["operating_point_threshold", 0.5],
        ["operating_point_smallest_area", 180.0],
        ["operating_point_peak", 0.99997],
        ["operating_point_flips", 0],
    ]

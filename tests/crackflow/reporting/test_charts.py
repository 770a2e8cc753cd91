import pandas as pd

from crackflow.reporting.charts import calibration_chart, threshold_charts, training_charts

NAN = float("nan")


def test_each_figure_has_a_chart_with_a_line_a_subset():
    losses = pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0], "val_loss": [3.0, 2.0], "foreign_loss": [4.0, 3.0]})
    metrics = pd.DataFrame({"epoch": [1, 2], "crack_iou": [0.1, 0.2], "val_crack_iou": [0.1, 0.3], "f1": [None, None]})
    charts = training_charts(losses, metrics)
    assert [chart.title for chart in charts] == ["Loss by epoch", "Crack IoU by epoch"]
    assert [line.label for line in charts[0].lines] == ["train", "valid", "foreign valid"]
    assert len({chart.name for chart in charts}) == 2


def test_the_operating_point_is_marked_on_both_curves():
    curve = pd.DataFrame({"threshold": [0.0, 1.0], "precision": [0.5, 1.0], "recall": [1.0, 0.0], "iou": [0.5, 0.0]})
    pooled = {"iou": 0.25, "precision": 0.75, "recall": 0.5}
    figures = {"crack": {"pooled": pooled}, "protocol": {"threshold": 0.5}}
    charts = threshold_charts(curve, figures)
    assert charts["thresholds"].marked == (217, 166, "operating point: threshold 0.5, IoU 0.250")
    assert charts["precision_recall"].marked[:2] == (217, 62)
    nothing = {"crack": {"pooled": {**pooled, "precision": None}}, "protocol": {"threshold": 0.5}}
    assert threshold_charts(curve, nothing)["precision_recall"].marked is None


def test_the_reliability_curve_lies_beside_its_diagonal():
    chart = calibration_chart(pd.DataFrame({"probability": [0.0, 0.5], "crack_share": [0.0, 0.25]}))
    assert chart.lines[0].path.endswith("L217.0 166.0")
    assert chart.lines[1].path.endswith("L217.0 114.0")
    assert chart.spots[1].words == "crack probability 0.5: pixels that are crack 0.25, as the probability says 0.5"
    assert calibration_chart(pd.DataFrame({"probability": [], "crack_share": []})) is None


def test_without_a_crack_there_is_no_precision_over_recall():
    curve = pd.DataFrame(
        {"threshold": [0.0, 1.0], "precision": [0.0, NAN], "recall": NAN, "f1": NAN, "iou": [0.0, NAN]}
    )
    figures = {"crack": {"pooled": {"iou": None, "recall": None, "precision": None}}, "protocol": {"threshold": 0.5}}
    found = threshold_charts(curve, figures)
    assert found["precision_recall"] is None
    assert found["thresholds"].marked is None
    nothing = curve.assign(precision=NAN, iou=NAN)
    assert threshold_charts(nothing, figures) == {"thresholds": None, "precision_recall": None}

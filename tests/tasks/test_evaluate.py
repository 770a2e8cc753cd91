import json

import numpy as np
import pandas as pd
import pytest

from crackflow.errors import DataError, ModelError
from crackflow.images import read_image, read_stored_mask
from crackflow.params import EvaluateParams
from crackflow.scores import Counts, counts, iou, per_image, pooled
from tasks import evaluate


def subset(workspace, name):
    split = pd.read_csv(workspace.split_csv, dtype=str)
    return split[split.subset == name]


def by_hand(workspace, stems, threshold):
    """Masks from the made model's formula: crack where 1 / (1 + exp((level - 110) / 10)) is above the threshold."""
    for stem in stems:
        level = read_image(workspace.resized / "images" / f"{stem}.png")[..., 0].astype(float)
        mask = 1 / (1 + np.exp((level - 110) / 10)) > threshold
        yield mask, read_stored_mask(workspace.resized / "masks" / f"{stem}.png", 2) > 0


def run_and_read(workspace, params):
    evaluate.run(workspace, params)
    return json.loads(workspace.metrics_json.read_text()), json.loads(workspace.operating_point.read_text())


def test_figures_and_masks_are_those_worked_out_from_the_models_formula(made, params):
    metrics, point = run_and_read(made, params)
    stems = list(subset(made, "test").stem)
    expected = list(by_hand(made, stems, point["threshold"]))
    stack = Counts.stack(counts(p, t) for p, t in expected)
    assert metrics["crack"]["pooled"]["iou"] == pytest.approx(pooled(iou, stack), abs=1e-6)
    assert metrics["crack"]["per_image"]["iou"] == pytest.approx(per_image(iou, stack), abs=1e-6)
    assert sorted(path.stem for path in made.predictions.iterdir()) == sorted(stems)
    for stem, (mask, _) in zip(stems, expected, strict=True):
        assert (read_stored_mask(made.predictions / f"{stem}.png", 2) == mask).all()


def test_the_threshold_is_the_best_on_valid_and_test_has_no_say(made, params):
    _, point = run_and_read(made, params)
    stems = list(subset(made, "valid").stem)
    assert point["chosen_on"] == "valid"
    assert point["metric"] == "pooled_iou"
    assert point["images"] == len(stems)

    def value(threshold):
        return pooled(iou, Counts.stack(counts(p, t) for p, t in by_hand(made, stems, threshold)))

    assert point["value"] == pytest.approx(max(value(k / 256) for k in range(0, 256, 4)), abs=0.002)
    assert point["value"] == pytest.approx(value(point["threshold"]))
    # Whatever test looks like, the threshold stays.
    for stem in subset(made, "test").stem:
        (made.resized / "masks" / f"{stem}.png").write_bytes((made.resized / "masks" / "CFD_000.png").read_bytes())
    assert run_and_read(made, params)[1] == point


def test_all_background_and_empties_stand_beside(made, params):
    metrics, _ = run_and_read(made, params)
    # 2 of the 8 test pairs are crack-free.
    nothing = metrics["all_background"]
    assert nothing["pooled"] == {"iou": 0, "f1": 0, "precision": None, "recall": 0}
    assert nothing["per_image"]["iou"] == 0.25
    assert nothing["positives"] == {"iou": 0, "f1": 0}
    assert nothing["tolerant_f1"] == 0
    assert nothing["false_alarms"] == {"images": 0, "area": 0}
    background = np.mean([1 - t.mean() for _, t in by_hand(made, subset(made, "test").stem, 0.5)])
    assert metrics["original"]["dice_coef_multiclass_all_background"] == pytest.approx(background, abs=1e-6)
    assert "classes" not in metrics


def test_the_protocol_is_written_with_the_figures(made, params):
    metrics, point = run_and_read(made, params)
    protocol = metrics["protocol"]
    assert protocol["threshold"] == round(point["threshold"], 6)
    assert protocol["threshold_from"] == "valid, pooled_iou"
    assert (protocol["subset"], protocol["images"], protocol["images_with_cracks"]) == ("test", 8, 6)
    assert protocol["resolution"] == "64x64"
    assert protocol["tolerance_px"] == 2


def test_tolerance_and_threshold_metric_are_those_of_params(made, params):
    metrics, _ = run_and_read(made, params)
    assert metrics["crack"]["tolerant_f1"] > metrics["crack"]["positives"]["f1"]
    strict = params.model_copy(update={"evaluate": EvaluateParams(tolerance_px=0, threshold_metric="per_image_iou")})
    metrics, point = run_and_read(made, strict)
    # Without tolerance it is the plain F1.
    assert metrics["crack"]["tolerant_f1"] == metrics["crack"]["positives"]["f1"]
    assert metrics["protocol"]["tolerance_px"] == 0
    assert metrics["protocol"]["threshold_from"] == "valid, per_image_iou"
    valid = list(subset(made, "valid").stem)
    assert point["value"] == pytest.approx(
        per_image(iou, Counts.stack(counts(p, t) for p, t in by_hand(made, valid, point["threshold"])))
    )


def test_evaluation_csv_starts_with_the_originals_rows(made, params):
    metrics, _ = run_and_read(made, params)
    lines = (made.reports / "evaluation.csv").read_text().splitlines()
    original = metrics["original"]
    assert lines[0] == f"categorical_crossentropy,{round(original['categorical_crossentropy'], 4)}"
    assert lines[1] == f"dice_coef_multiclass,{round(original['dice_coef_multiclass'], 4)}"
    assert lines[2].startswith("dice_coef_multiclass_all_background,0.9")
    assert f"crack_pooled_iou,{round(metrics['crack']['pooled']['iou'], 4)}" in lines
    assert "all_background_pooled_precision," in lines


def test_tables_hold_a_row_for_each_image_source_and_threshold(made, params):
    metrics, point = run_and_read(made, params)
    images = pd.read_csv(made.reports / "per_image.csv", dtype={"stem": str})
    assert sorted(images.stem) == sorted(subset(made, "test").stem)
    for name in ("iou", "f1", "precision", "recall"):
        assert images[name].mean() == pytest.approx(metrics["crack"]["per_image"][name], abs=1e-5)
    assert images.tolerant_f1[images.source == "noncrack"].isna().all()
    sources = pd.read_csv(made.reports / "per_source.csv").set_index("source")
    assert list(sources.index) == ["CFD", "CRACK500", "noncrack", "photos"]
    assert sources.images_with_cracks.tolist() == [2, 2, 0, 2]
    assert np.isnan(sources.positives_iou["noncrack"])
    curve = pd.read_csv(made.reports / "precision_recall.csv")
    assert list(curve.columns) == ["threshold", "precision", "recall", "f1", "iou"]
    at = curve[curve.threshold == round(point["threshold"], 6)].iloc[0]
    assert at.f1 == pytest.approx(metrics["crack"]["pooled"]["f1"], abs=2e-6)
    assert curve.f1.max() == pytest.approx(metrics["oracle"]["ods_f1"], abs=2e-6)
    assert read_image(made.reports / "precision_recall.png").shape[2] == 3


def test_the_same_input_gives_the_same_bytes_and_old_predictions_go(made, params):
    outs = [made.metrics_json, made.operating_point, *(made.reports / f"{n}.csv" for n in ("evaluation", "per_image"))]
    evaluate.run(made, params)
    first = [path.read_bytes() for path in outs]
    (made.predictions / "of_an_earlier_split.png").write_bytes(b"")
    evaluate.run(made, params)
    assert [path.read_bytes() for path in outs] == first
    assert not (made.predictions / "of_an_earlier_split.png").exists()


def test_a_subset_without_images_is_named_before_anything_is_written(made, params):
    split = made.split_csv.read_text().replace(",test,", ",train,")
    made.split_csv.write_text(split)
    with pytest.raises(DataError, match="no test images"):
        evaluate.run(made, params)
    assert not made.metrics_json.exists()
    assert not made.predictions.exists()
    assert not list(made.predictions.parent.glob(".*"))


def test_without_a_model_the_way_to_one_is_said(made, params):
    made.model.unlink()
    with pytest.raises(ModelError, match="no model at"):
        evaluate.run(made, params)

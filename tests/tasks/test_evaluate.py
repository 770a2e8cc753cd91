import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, optimize, special

from crackflow.errors import DataError, ModelError
from crackflow.evaluation.metrics import Counts, counts, f1, false_alarms, iou, per_image, pooled
from crackflow.imaging.images import read_image, read_stored_mask
from crackflow.inference.network import predict
from crackflow.inference.operating_point_file import was_chosen_for
from crackflow.models import seen_pairs
from crackflow.parallel.processes import Processes
from crackflow.params import EvaluateParams
from tasks import evaluate
from tasks.workspace import Workspace


def subset(workspace, name):
    split = pd.read_csv(workspace.split_csv, dtype=str)
    return split[split.subset == name]


def by_hand(workspace, stems, point):
    """Masks from the made model's formula: crack where 1 / (1 + exp((level - 110) / 10)) is above the threshold.

    Components are those of SciPy, which shares no code with crackflow.
    """
    for stem in stems:
        level = read_image(workspace.resized / "images" / f"{stem}.png")[..., 0].astype(float)
        crack = 1 / (1 + np.exp((level - 110) / 10))
        labels, number = ndimage.label(crack > point["threshold"], np.ones((3, 3)))
        index = np.arange(1, number + 1)
        large = ndimage.sum_labels(labels > 0, labels, index) >= point.get("smallest_area", 0)
        sure = np.array(ndimage.maximum(crack, labels, index)) > point.get("peak", 0)
        mask = np.isin(labels, index[large & sure])
        yield mask, read_stored_mask(workspace.resized / "masks" / f"{stem}.png", 2) > 0


def reached(workspace, stems, point):
    return Counts.stack(counts(mask, truth) for mask, truth in by_hand(workspace, stems, point))


@pytest.fixture(scope="module")
def _evaluated(_made_once, tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluated") / "workspace"
    shutil.copytree(_made_once.root, root)
    workspace = Workspace(root)
    evaluate.run(workspace, workspace.params())
    return root


@pytest.fixture
def evaluated(_evaluated, tmp_path):
    """The made workspace after evaluate, of each test's own."""
    return Workspace(shutil.copytree(_evaluated, tmp_path / "evaluated"))


def run_and_read(workspace, params):
    evaluate.run(workspace, params)
    return read(workspace)


def read(workspace):
    return json.loads(workspace.metrics_json.read_text()), json.loads(workspace.operating_point.read_text())


def test_figures_and_masks_are_those_worked_out_from_the_models_formula(evaluated):
    metrics, point = read(evaluated)
    stems = list(subset(evaluated, "test").stem)
    expected = list(by_hand(evaluated, stems, point))
    stack = Counts.stack(counts(p, t) for p, t in expected)
    assert metrics["crack"]["pooled"]["iou"] == pytest.approx(pooled(iou, stack), abs=1e-6)
    assert metrics["crack"]["per_image"]["iou"] == pytest.approx(per_image(iou, stack), abs=1e-6)
    assert sorted(path.stem for path in evaluated.predictions.iterdir()) == sorted(stems)
    for stem, (mask, _) in zip(stems, expected, strict=True):
        assert (read_stored_mask(evaluated.predictions / f"{stem}.png", 2) == mask).all()


def test_the_threshold_is_the_best_on_valid_and_does_not_depend_on_test(evaluated, params):
    _, point = read(evaluated)
    stems = list(subset(evaluated, "valid").stem)
    assert point["chosen_on"] == "valid"
    assert point["metric"] == "pooled_iou"
    assert point["images"] == len(stems)

    def value(threshold):
        return pooled(iou, reached(evaluated, stems, {"threshold": threshold}))

    before = point["unfiltered"]
    assert before["value"] == pytest.approx(max(value(k / 256) for k in range(0, 256, 4)), abs=0.002)
    assert before["value"] == pytest.approx(value(point["threshold"]))
    assert point["value"] == pytest.approx(pooled(iou, reached(evaluated, stems, point)))
    # The threshold stays, whatever the test images are.
    for stem in subset(evaluated, "test").stem:
        (evaluated.resized / "masks" / f"{stem}.png").write_bytes(
            (evaluated.resized / "masks" / "CFD_000.png").read_bytes()
        )
    assert run_and_read(evaluated, params)[1] == point


def test_all_background_and_empties_stand_beside(evaluated):
    metrics, _ = read(evaluated)
    # 2 of the 8 test pairs are crack-free.
    nothing = metrics["all_background"]
    assert nothing["pooled"] == {"iou": 0, "f1": 0, "precision": None, "recall": 0}
    assert nothing["per_image"]["iou"] == 0.25
    assert nothing["positives"] == {"iou": 0, "f1": 0}
    assert nothing["tolerant_f1"] == 0
    assert nothing["false_alarms"] == {"images": 0, "area": 0}
    background = np.mean(
        [1 - t.mean() for _, t in by_hand(evaluated, subset(evaluated, "test").stem, {"threshold": 0.5})]
    )
    assert metrics["original"]["dice_coef_multiclass_all_background"] == pytest.approx(background, abs=1e-6)
    assert "classes" not in metrics


def test_the_protocol_is_written_with_the_figures(evaluated):
    metrics, point = read(evaluated)
    protocol = metrics["protocol"]
    assert protocol["threshold"] == round(point["threshold"], 6)
    assert protocol["threshold_from"] == "valid, pooled_iou"
    assert (protocol["subset"], protocol["images"], protocol["images_with_cracks"]) == ("test", 8, 6)
    assert protocol["resolution"] == "64x64"
    assert protocol["tolerance_px"] == 2


def test_intervals_come_from_the_groups_of_the_split(evaluated, params):
    metrics, _ = read(evaluated)
    block = metrics["intervals"]
    assert block["groups"] == 8
    low, high = block["crack"]["pooled_iou"]
    assert 0 < low < metrics["crack"]["pooled"]["iou"] < high < 1
    # The same images in two groups: two photographs say less than eight.
    split = pd.read_csv(evaluated.split_csv, dtype=str, keep_default_na=False)
    split["group"] = np.where(split.source.isin(["CFD", "photos"]), "one", "other")
    split.to_csv(evaluated.split_csv, index=False)
    grouped, _ = run_and_read(evaluated, params)
    assert grouped["intervals"]["groups"] == 2
    assert grouped["crack"] == metrics["crack"]
    assert grouped["intervals"]["crack"] != block["crack"]


def test_calibration_is_of_test_and_its_temperature_of_valid(evaluated):
    """The made model's log-odds are (110 - level) / 10: SciPy finds the temperature by which these fit valid best."""
    metrics, _ = read(evaluated)
    found = metrics["calibration"]
    by_pixel = {}
    for name in ("valid", "test"):
        pairs = list(by_hand(evaluated, subset(evaluated, name).stem, {"threshold": 0.5}))
        levels = [
            read_image(evaluated.resized / "images" / f"{stem}.png")[..., 0] for stem in subset(evaluated, name).stem
        ]
        odds = (110 - np.stack(levels).astype(float).ravel()) / 10
        by_pixel[name] = np.clip(odds, -12, 12), np.stack([truth for _, truth in pairs]).ravel()
    odds, truth = by_pixel["test"]
    assert found["excess"] == pytest.approx((special.expit(odds) - truth).mean(), abs=1e-3)
    assert found["all_background_ece"] == pytest.approx(truth.mean(), abs=1e-6)
    odds, truth = by_pixel["valid"]
    best = optimize.minimize_scalar(
        lambda t: -np.where(truth, special.log_expit(odds / t), special.log_expit(-odds / t)).sum(),
        bounds=(0.05, 20),
        method="bounded",
    ).x
    assert found["temperature"] == pytest.approx(best, rel=0.02)
    curve = pd.read_csv(evaluated.reports / "calibration.csv")
    assert found["ece"] == pytest.approx(
        np.average((curve.probability - curve.crack_share).abs(), weights=curve.pixels), abs=1e-5
    )
    by_source = pd.read_csv(evaluated.reports / "calibration_by_source.csv")
    assert by_source.pixels.sum() == curve.pixels.sum() == 8 * 64 * 64
    sources = pd.read_csv(evaluated.reports / "per_source.csv").set_index("source")
    assert list(by_source.source.unique()) == list(sources.index)
    assert sources.ece.between(0, 1).all()


def evaluated_with(params, **values):
    return params.model_copy(update={"evaluate": EvaluateParams(**values)})


def test_false_alarms_on_valid_are_brought_within_the_target(evaluated):
    metrics, point = read(evaluated)
    stems = list(subset(evaluated, "valid").stem)
    # Two of the 8 valid pairs are crack-free; their noise is dark enough for a few false pixels in each.
    assert (point["images"], point["images_without_cracks"]) == (8, 2)
    assert point["unfiltered"]["false_alarms"] == 1
    assert point["false_alarms"] == 0
    assert point["false_alarms_target"] == 0.1
    assert point["component_filter"] == "false alarms are within the target of 0.1"
    assert false_alarms(reached(evaluated, stems, point)).images == 0
    test = list(subset(evaluated, "test").stem)
    assert metrics["crack"]["false_alarms"]["images"] == false_alarms(reached(evaluated, test, point)).images
    # None of the pairs within the target is better.
    table = pd.read_csv(evaluated.reports / "operating_point.csv")
    assert table.chosen.sum() == 1
    assert table[table.chosen == 1].iloc[0].pooled_iou == pytest.approx(point["value"], abs=1e-6)
    assert table[table.false_alarms <= 0.1].pooled_iou.max() == pytest.approx(point["value"], abs=1e-6)


def test_the_component_filter_can_be_switched_off(made, params):
    metrics, point = run_and_read(made, evaluated_with(params, false_alarms=1.0))
    assert (point["smallest_area"], point["peak"]) == (0, 0)
    assert point["value"] == point["unfiltered"]["value"]
    stack = reached(made, subset(made, "test").stem, {"threshold": point["threshold"]})
    assert metrics["crack"]["pooled"]["iou"] == pytest.approx(pooled(iou, stack), abs=1e-6)
    assert metrics["protocol"]["operating_point"].endswith("no component removed; no flips")


def test_without_crack_free_valid_pairs_nothing_is_removed_and_that_is_said(made, params):
    split = made.split_csv.read_text()
    made.split_csv.write_text("\n".join(line for line in split.splitlines() if "noncrack" not in line) + "\n")
    _, point = run_and_read(made, params)
    assert point["images_without_cracks"] == 0
    assert point["false_alarms"] is None
    assert "no crack-free images" in point["component_filter"]
    assert (point["smallest_area"], point["peak"]) == (0, 0)


def test_flips_are_reported_with_and_without_and_the_figures_follow_the_parameter(evaluated, params):
    """The made model looks at single pixels, so its flips agree, and so do both operating points."""
    metrics, _ = read(evaluated)
    for name in ("pooled", "positives"):
        assert metrics["flips"]["plain"][name] == pytest.approx(metrics["flips"]["averaged"][name])
    assert metrics["flips"]["plain"]["pooled"]["iou"] == metrics["crack"]["pooled"]["iou"]
    assert metrics["flips"]["plain"]["false_alarms"]["images"] == metrics["crack"]["false_alarms"]["images"]
    # One that looks at the pixel's left neighbour too is not.
    save_lopsided(evaluated.model)
    plain, point = run_and_read(evaluated, params)
    averaged, other = run_and_read(evaluated, evaluated_with(params, flips=True))
    assert (point["flips"], other["flips"]) == (False, True)
    assert plain["flips"] == averaged["flips"]
    assert plain["flips"]["averaged"]["pooled"] != plain["flips"]["plain"]["pooled"]
    for metrics, name in ((plain, "plain"), (averaged, "averaged")):
        assert metrics["flips"][name]["pooled"]["iou"] == metrics["crack"]["pooled"]["iou"]
        assert metrics["flips"][name]["threshold"] == metrics["protocol"]["threshold"]
    assert averaged["protocol"]["operating_point"].endswith("mean over four flips")


def test_without_comparing_flips_one_view_is_predicted_and_the_figures_are_the_same(evaluated, params):
    both, point = read(evaluated)
    one, alone = run_and_read(evaluated, evaluated_with(params, compare_flips=False))
    assert "flips" not in one
    assert one["crack"] == both["crack"]
    assert alone == point
    averaged, _ = run_and_read(evaluated, evaluated_with(params, compare_flips=False, flips=True))
    assert averaged["protocol"]["operating_point"].endswith("mean over four flips")


def test_the_operating_point_names_its_model(evaluated):
    assert was_chosen_for(evaluated.operating_point, evaluated.model)
    save_lopsided(evaluated.model)
    assert not was_chosen_for(evaluated.operating_point, evaluated.model)


def save_lopsided(path):
    conv = keras.layers.Conv2D(2, 3, padding="same")
    model = keras.Sequential([keras.Input((64, 64, 3)), conv, keras.layers.Softmax()])
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[1, 0, :, 1] = kernel[1, 1, :, 1] = -1 / 60
    conv.set_weights([kernel, np.array([0, 11], np.float32)])
    model.save(path)


@pytest.mark.parametrize("name", ["valid", "test"])
def test_pairs_that_the_model_was_trained_on_are_rejected(made, params, name):
    stems = list(subset(made, name).stem)
    made.trained_on.write_text(seen_pairs.render(["elsewhere", *stems[2:5]]))
    with pytest.raises(DataError, match=f"trained on 3 of the 8 {name} pairs, the first {stems[2]};") as error:
        evaluate.run(made, params)
    assert "\n" not in str(error.value)
    assert not made.metrics_json.exists()


def test_without_the_list_of_training_pairs_the_way_to_it_is_said(made, params):
    made.trained_on.unlink()
    with pytest.raises(ModelError, match="train again"):
        evaluate.run(made, params)


def test_a_kept_level_leaves_no_file_behind(evaluated):
    assert not [path for path in (evaluated.root / ".crackflow").rglob("*") if path.is_file()]


def test_tolerance_and_threshold_metric_are_those_of_params(evaluated, params):
    metrics, _ = read(evaluated)
    assert metrics["crack"]["tolerant_f1"] > metrics["crack"]["positives"]["f1"]
    strict = evaluated_with(params, tolerance_px=0, threshold_metric="per_image_iou")
    metrics, point = run_and_read(evaluated, strict)
    # Without tolerance it is the plain F1.
    assert metrics["crack"]["tolerant_f1"] == metrics["crack"]["positives"]["f1"]
    assert metrics["protocol"]["tolerance_px"] == 0
    assert metrics["protocol"]["threshold_from"] == "valid, per_image_iou"
    valid = list(subset(evaluated, "valid").stem)
    assert point["value"] == pytest.approx(per_image(iou, reached(evaluated, valid, point)))


def test_evaluation_csv_starts_with_the_originals_rows(evaluated):
    metrics, _ = read(evaluated)
    lines = (evaluated.reports / "evaluation.csv").read_text().splitlines()
    original = metrics["original"]
    assert lines[0] == f"categorical_crossentropy,{round(original['categorical_crossentropy'], 4)}"
    assert lines[1] == f"dice_coef_multiclass,{round(original['dice_coef_multiclass'], 4)}"
    assert lines[2].startswith("dice_coef_multiclass_all_background,0.9")
    assert f"crack_pooled_iou,{round(metrics['crack']['pooled']['iou'], 4)}" in lines
    assert "all_background_pooled_precision," in lines


def test_tables_hold_a_row_for_each_image_source_and_threshold(evaluated):
    metrics, point = read(evaluated)
    images = pd.read_csv(evaluated.reports / "per_image.csv", dtype={"stem": str})
    assert sorted(images.stem) == sorted(subset(evaluated, "test").stem)
    for name in ("iou", "f1", "precision", "recall"):
        assert images[name].mean() == pytest.approx(metrics["crack"]["per_image"][name], abs=1e-5)
    assert images.tolerant_f1[images.source == "noncrack"].isna().all()
    sources = pd.read_csv(evaluated.reports / "per_source.csv").set_index("source")
    assert list(sources.index) == ["CFD", "CRACK500", "noncrack", "photos"]
    assert sources.images_with_cracks.tolist() == [2, 2, 0, 2]
    assert np.isnan(sources.positives_iou["noncrack"])
    curve = pd.read_csv(evaluated.reports / "precision_recall.csv")
    assert list(curve.columns) == ["threshold", "precision", "recall", "f1", "iou"]
    at = curve[curve.threshold == round(point["threshold"], 6)].iloc[0]
    # the curve is of thresholds alone
    without_filter = reached(evaluated, subset(evaluated, "test").stem, {"threshold": point["threshold"]})
    assert at.f1 == pytest.approx(pooled(f1, without_filter), abs=2e-6)
    assert set(sources.operating_point) == {point["in_words"]}
    assert curve.f1.max() == pytest.approx(metrics["oracle"]["ods_f1"], abs=2e-6)
    assert read_image(evaluated.reports / "precision_recall.png").shape[2] == 3


def test_the_same_input_gives_the_same_bytes_and_old_predictions_go(evaluated, params):
    outs = [
        evaluated.metrics_json,
        evaluated.operating_point,
        *(evaluated.reports / f"{n}.csv" for n in ("evaluation", "per_image")),
    ]
    first = [path.read_bytes() for path in outs]
    (evaluated.predictions / "of_an_earlier_split.png").write_bytes(b"")
    evaluate.run(evaluated, params)
    assert [path.read_bytes() for path in outs] == first
    assert not (evaluated.predictions / "of_an_earlier_split.png").exists()


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


def with_foreign(workspace):
    """The pairs `photos` of valid and test are places never seen."""
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    far = (split.source == "photos") & split.subset.isin(["valid", "test"])
    split.loc[far, "subset"] = "foreign_" + split.loc[far, "subset"]
    split.to_csv(workspace.split_csv, index=False)


def test_places_never_seen_have_a_column_of_their_own(made, params):
    with_foreign(made)
    metrics, point = run_and_read(made, params)
    foreign = metrics["foreign"]
    stems = list(subset(made, "foreign_test").stem)
    assert len(stems) == 2
    assert foreign["crack"]["pooled"]["iou"] == pytest.approx(pooled(iou, reached(made, stems, point)), abs=1e-6)
    assert foreign["by_source"] == {"photos": foreign["crack"]["pooled"]["iou"]}
    assert foreign["mean_of_sources"] == foreign["crack"]["pooled"]["iou"]
    assert foreign["protocol"]["subset"] == "foreign_test"
    assert metrics["protocol"]["images"] == 6
    assert point["chosen_on"] == "valid and foreign_valid"
    table = pd.read_csv(made.reports / "foreign_per_image.csv", dtype={"stem": str})
    assert sorted(table.stem) == sorted(stems)
    assert list(pd.read_csv(made.reports / "foreign_per_source.csv").source) == ["photos"]
    assert {path.stem for path in made.predictions.iterdir()} == {*subset(made, "test").stem, *stems}


def test_without_places_never_seen_the_tables_are_empty(made, params):
    metrics, point = run_and_read(made, params)
    assert "foreign" not in metrics
    assert point["chosen_on"] == "valid"
    assert pd.read_csv(made.reports / "foreign_per_image.csv").empty
    assert pd.read_csv(made.reports / "foreign_per_source.csv").empty


def test_the_threshold_weighs_both_kinds_of_places(made, params):
    with_foreign(made)
    _, point = run_and_read(made, evaluated_with(params, false_alarms=1, foreign_weight=0.3))
    home, far = list(subset(made, "valid").stem), list(subset(made, "foreign_valid").stem)

    def value(threshold):
        at = {"threshold": threshold}
        return 0.7 * pooled(iou, reached(made, home, at)) + 0.3 * pooled(iou, reached(made, far, at))

    assert point["value"] == pytest.approx(value(point["threshold"]))
    assert point["value"] == pytest.approx(max(value(k / 256) for k in range(0, 256, 4)), abs=0.002)


def test_a_worker_that_outlives_a_model_loads_the_next_one(evaluated, monkeypatch):
    """A standing cluster's workers see one path for every model of a checkout."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "1")
    stem = subset(evaluated, "test").stem.iloc[0]
    picture = read_image(evaluated.resized / "images" / f"{stem}.png")[None]

    def answer():
        return predict(evaluate._workers(Processes(1), evaluated.model, 2).network(), picture)

    before = answer()
    model = keras.saving.load_model(evaluated.model, compile=False)
    model.set_weights([-weight for weight in model.get_weights()])
    model.save(evaluated.model)
    assert np.abs(answer() - before).max() > 0.1

import json

import pandas as pd
import pytest

from pipelines.crossvalidating import pooled
from pipelines.git import git
from scripts import results

FIGURES = {
    "crack": {
        "pooled": {"iou": 0.51234, "f1": 0.6, "precision": 0.7, "recall": 0.8},
        "positives": {"iou": 0.4},
        "tolerant_f1": 0.9,
        "false_alarms": {"images": None},
    },
    "all_background": {
        "pooled": {"iou": 0.0, "f1": 0.0, "precision": None, "recall": 0.0},
        "positives": {"iou": 0.0},
        "tolerant_f1": 0.0,
        "false_alarms": {"images": 0.0},
    },
    "original": {"dice_coef_multiclass": 0.97, "dice_coef_multiclass_all_background": 0.96},
    "protocol": {
        "images": 16,
        "images_with_cracks": 12,
        "resolution": "512x512",
        "threshold": 0.456,
        "threshold_from": "valid, pooled_iou",
    },
}

REAL = {
    "command": "make real DATA=DIR",
    "pairs": 1758,
    "pairs_sha256": "2a63",
    "revision": "505d1b1ffcbc",
    "total_s": 1800.0,
    "figures": FIGURES,
    "params": {"train": {"seed": 3}},
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "docs/results").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text("data: {source: sample}\n")
    return tmp_path


def test_the_pages_hold_the_figures_of_the_committed_files(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["results", "--check"])
    assert results.main() == 0, capsys.readouterr().err


def test_the_model_and_the_all_black_mask_stand_side_by_side(root):
    (root / "metrics/evaluation.json").write_text(json.dumps(FIGURES))
    lines = results.table(root).splitlines()
    assert lines[2] == "| **the built-in sample** | 0.512 | 0.600 | 0.700 | 0.800 | 0.400 | 0.900 | - | 0.970 |"
    assert lines[3] == "| an all-black mask on them | 0.000 | 0.000 | - | 0.000 | 0.000 | 0.000 | 0.000 | 0.960 |"
    assert "16 images at 512x512, 12 with cracks, threshold 0.46 chosen on valid" in lines[-1]


def test_intervals_are_in_brackets_and_explained_where_there_are_some(root):
    block = {"level": 0.95, "resamples": 2000, "groups": 7, "crack": {"pooled_iou": [0.41, 0.6349]}}
    (root / "metrics/evaluation.json").write_text(json.dumps({**FIGURES, "intervals": block}))
    lines = results.table(root).splitlines()
    assert lines[2].startswith("| **the built-in sample** | 0.512 (0.41 to 0.63) | 0.600 |")
    assert "95 % confidence interval, from 2,000 resamples of 7 groups of photographs" in lines[-1]


def test_calibration_is_of_the_results_that_have_it(root):
    (root / "metrics/evaluation.json").write_text(json.dumps(FIGURES))
    assert "No result that is kept here" in results.calibration_table(root)
    block = {
        "ece": 0.01,
        "excess": -0.002,
        "all_background_ece": 0.03,
        "temperature": 1.25,
        "ece_at_temperature": 0.008,
    }
    (root / "metrics/evaluation.json").write_text(json.dumps({**FIGURES, "calibration": block}))
    lines = results.calibration_table(root).splitlines()
    assert lines[2:] == ["| the built-in sample | 0.0300 | 0.0100 | -0.0020 | 1.2500 | 0.0080 |"]


def test_five_trainings_that_tested_every_pair_are_shown_where_they_are_known(root):
    assert "Not measured yet" in results.crossvalidation_table(root)
    tested = pd.DataFrame(
        [("a_1", "a", "g", 1, 0, 1, 0.5), ("b_1", "b", "h", 2, 1, 0, 1.0)],
        columns=["stem", "source", "group", "tp", "fp", "fn", "tolerant_f1"],
    )
    known = {"folds": 2, "budget": 0.25, "seed": 0, "revision": "abc", "tolerance_px": 2, "by_fold": []}
    (root / results.CROSSVALIDATION).write_text(json.dumps({**known, **pooled.pooled([tested], 16)}))
    lines = results.crossvalidation_table(root).splitlines()
    # 3 / 5 pooled, (1/2 + 2/3) / 2 as a mean
    assert lines[2].startswith("| all | 2 | 2 | 0.600")
    assert "| 0.583" in lines[2]
    assert lines[3].startswith("| an all-black mask |  |  | 0.000")
    assert lines[-1].endswith("from 2 groups of photographs; at revision abc.")


def test_real_photographs_come_first(root):
    (root / "metrics/evaluation.json").write_text(json.dumps(FIGURES))
    real = REAL
    (root / "docs/results/real.json").write_text(json.dumps(real))
    lines = results.table(root).splitlines()
    assert lines[2].startswith("| **1,758 real pairs** |")
    assert lines[4].startswith("| **the built-in sample** |")
    assert "one training (seed 3) at revision 505d1b1ffcbc, `make real DATA=DIR` in 30 minutes." in lines[-2]
    # outputs that DVC took from its cache have no time
    (root / "docs/results/real.json").write_text(json.dumps({**real, "total_s": None}))
    assert results.table(root).splitlines()[-2].endswith("`make real DATA=DIR`.")


def test_figures_of_the_packaged_weights_stand_for_the_run_that_they_are_of(root):
    (root / "docs/results/real.json").write_text(json.dumps(REAL))
    block = {"level": 0.95, "resamples": 2000, "groups": 80, "crack": {"pooled_iou": [0.41, 0.6349]}}
    card = {"revision": "505d1b1ffcbc", "data": {"sha256": "2a63"}, "figures": {**FIGURES, "intervals": block}}
    (root / "crackflow/weights").mkdir(parents=True)
    (root / results.CARD).write_text(json.dumps(card))
    lines = results.table(root).splitlines()
    assert lines[2].startswith("| **1,758 real pairs** | 0.512 (0.41 to 0.63) | 0.600 |")
    assert "1,758 real pairs: the packaged weights on 16 images" in lines[-1]
    assert "2,000 resamples of 80 groups of photographs; one training (seed 3) at revision 505d1b1ffcbc" in lines[-1]
    # a later run, which is not packed yet
    (root / results.CARD).write_text(json.dumps({**card, "revision": "0123456789ab"}))
    lines = results.table(root).splitlines()
    assert lines[2].startswith("| **1,758 real pairs** | 0.512 | 0.600 |")
    assert "packaged" not in lines[-1]


def test_places_never_seen_are_a_row_of_their_own(root):
    abroad = {name: FIGURES[name] for name in ("crack", "all_background", "protocol")}
    abroad = {**abroad, "by_source": {"far": 0.25, "off": 0.5}, "mean_of_sources": 0.375}
    (root / "docs/results/real.json").write_text(json.dumps({**REAL, "figures": {**FIGURES, "foreign": abroad}}))
    lines = results.table(root).splitlines()
    # the original's "dice" is not computed there
    assert lines[4].startswith("| **places never seen** | 0.512 |")
    assert lines[4].endswith("| - |")
    assert "sources that were left out of training whole, pooled IoU far 0.25, off 0.50" in lines[-1]


def test_weights_that_know_all_places_show_trainings_that_did_not(root):
    (root / "docs/results/real.json").write_text(json.dumps(REAL))
    place = {"images": 3, "pooled_iou": 0.25, "interval": [0.2, 0.3], "positives_iou": 0.375, "alarms": None}
    known = {"command": "measure", "steps": 800, "trainings": 2, "places": {"A": place, "B": place}}
    card = {"revision": "505d1b1ffcbc", "data": {"sha256": "2a63"}, "figures": FIGURES, "leave_out": known}
    (root / "crackflow/weights").mkdir(parents=True)
    (root / results.CARD).write_text(json.dumps(card))
    lines = results.table(root, results.SHORT).splitlines()
    assert lines[4] == "| **places never seen** | 0.250 (0.25 to 0.25) | 0.375 (0.38 to 0.38) | - |"
    assert lines[5] == "| an all-black mask on them | 0.000 | 0.000 | - |"
    assert "2 other trainings of their recipe, 800 steps each" in lines[-1]


def test_a_rebuild_with_figures_of_its_own_is_no_fault_of_the_committed_pages(root, under_git):
    (root / "metrics/evaluation.json").write_text(json.dumps(FIGURES) + "\n")
    (root / "docs/results/diff.md").write_text("| a |\n")
    names = ("results", "diff", "calibration", "definitions", "columns", "crossvalidation")
    marks = [f"<!-- {name}: written by `make results` -->\n<!-- end of {name} -->\n" for name in names]
    for name, mark in zip(
        results.PAGES, (marks[0], marks[0] + marks[2] + marks[5], marks[1], marks[3], marks[4]), strict=True
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(mark)
    for name, text in results.pages(root).items():
        (root / name).write_text(text)
    assert "| 0.900 |" in (root / "docs/explanation/figures.md").read_text()
    assert "| 0.512 | 0.400 | - |" in (root / "README.md").read_text()
    assert results.holds(root)
    assert not results.committed_holds(root)
    under_git(root)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    other = json.loads(json.dumps(FIGURES))
    other["crack"]["pooled"]["iou"] = 0.6
    (root / "metrics/evaluation.json").write_text(json.dumps(other) + "\n")
    assert not results.holds(root)
    assert results.committed_holds(root)
    git(root, "commit", "--quiet", "-am", "figures without their table")
    assert not results.committed_holds(root)

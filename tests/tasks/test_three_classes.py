"""Three classes, in colours of their own, through every stage."""

import importlib
import json

import cv2
import numpy as np
import pytest

from crackflow.imaging.images import read_stored_mask
from crackflow.params import Params, dump, parse
from tasks.__main__ import STAGES
from tasks.workspace import Workspace

RED, WHITE = (255, 0, 0), (255, 255, 255)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """24 pairs of 48 px: a dark vertical crack (white in the mask) and a red spall (red in the mask)."""
    root = tmp_path_factory.mktemp("three")
    rng = np.random.default_rng(0)
    for side in ("images", "masks"):
        (root / "pairs" / side).mkdir(parents=True)
    for i in range(24):
        image = rng.integers(130, 190, (48, 48, 3)).astype(np.uint8)
        mask = np.zeros((48, 48, 3), np.uint8)
        column, row = 2 + int(rng.integers(0, 12)), int(rng.integers(0, 30))
        image[:, column : column + 4], mask[:, column : column + 4] = 10, WHITE
        image[row : row + 12, 28:42], mask[row : row + 12, 28:42] = (200, 20, 20), RED
        cv2.imwrite(str(root / "pairs/images" / f"site_{i:02d}.png"), image[..., ::-1])
        cv2.imwrite(str(root / "pairs/masks" / f"site_{i:02d}.png"), mask[..., ::-1])
    values = dump(Params())
    (root / "data").mkdir()
    (root / values["split"]["previous"]).write_text("stem,subset\n")
    values["classes"] = {"background": (0, 0, 0), "crack": WHITE, "spalling": RED}
    values["data"] |= {"source": "folder", "path": "pairs"}
    values["resize"]["size"] = 32
    values["split"] |= {"duplicate_distance": 0, "mini_test": 2}
    values["model"] |= {"base_filters": 8, "num_layers": 2, "stem_stride": 1}
    values["train"] |= {"epochs": 3, "steps_per_epoch": 30, "batch_size": 4, "crop": 0, "num_infer_images": 1}
    values["train"] |= {"learning_rate": 0.01, "warmup_steps": 5}
    params = parse(values)
    workspace = Workspace(root)
    for stage in STAGES:
        importlib.import_module(f"tasks.{stage}").run(workspace, params)
    return workspace


def test_masks_hold_a_level_a_class(finished):
    masks = [read_stored_mask(path, 3) for path in (finished.resized / "masks").iterdir()]
    assert {int(value) for mask in masks for value in np.unique(mask)} == {0, 1, 2}


def test_each_class_is_learnt_and_scored_by_name(finished):
    figures = json.loads(finished.metrics_json.read_text())
    assert set(figures["classes"]) == {"crack", "spalling"}
    assert figures["classes"]["crack"]["pooled"]["iou"] > 0.5
    assert figures["classes"]["spalling"]["pooled"]["iou"] > 0.5


def test_predictions_tell_the_classes_apart(finished):
    for path in finished.predictions.iterdir():
        assert set(np.unique(read_stored_mask(path, 3))) == {0, 1, 2}


def test_the_report_is_there(finished):
    page = (finished.reports / "index.html").read_text(encoding="utf-8")
    assert "spalling" in page
    assert (finished.reports / "mini_test/sheet.png").is_file()

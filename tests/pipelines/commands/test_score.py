"""pipelines/commands/score.py and its command, with a model whose crack probability follows from a pixel's level."""

import json
import re
import shutil
import zipfile

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, jaccard_score
from typer.testing import CliRunner

from crackflow.inference import packaged_weights
from crackflow.models import seen_pairs
from pipelines.cli import app

SIDE = 32
CARD = {
    "revision": "abc",
    "classes": {"background": [0, 0, 0], "crack": [255, 255, 255]},
    "resize": {"size": SIDE, "mode": "stretch"},
    "figures": {"protocol": {"tolerance_px": 2}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Weights that call every pixel below 100 a crack; trained on CFD_000, their threshold chosen on CFD_001."""
    pixels = keras.Input((SIDE, SIDE, 3))
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    # the crack's logit is 10 - 0.1 * level, the background's 0
    layer.set_weights([np.array([0, -0.1 / 3] * 3, np.float32).reshape(1, 1, 3, 2), np.array([0, 10], np.float32)])
    folder = tmp_path_factory.mktemp("weights")
    model.save(folder / "flexunet.keras")
    point = {"threshold": 0.5, "metric": "pooled_iou", "chosen_on": "valid"}
    (folder / "operating_point.json").write_text(json.dumps(point))
    (folder / "card.json").write_text(json.dumps(CARD))
    (folder / "trained_on.txt").write_text(seen_pairs.render(["CFD_000"]))
    (folder / "chosen_on.txt").write_text(packaged_weights.chosen_on_text(["CFD_001"]))
    return folder


def truth(index):
    """A band of two to six rows; none in every fourth."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[5 : 7 + index % 5] = 0 if index % 4 == 3 else 255
    return mask


def photo(index):
    """The band, dark, a row too far down; and a dark corner."""
    level = np.full((SIDE, SIDE), 180, np.uint8)
    level[np.roll(truth(index), 1, axis=0) > 0] = 30
    level[-3:, -3:] = 30 if index % 2 else 180
    return level


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """Six pairs, CFD_000 to CFD_003 and wall_004, wall_005, below the current directory, which is no checkout."""
    monkeypatch.chdir(tmp_path)
    for index in range(6):
        stem = f"CFD_{index:03d}" if index < 4 else f"wall_{index:03d}"
        for kind, pixels in (("images", photo(index)), ("masks", truth(index))):
            (tmp_path / "pairs" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "pairs" / kind / f"{stem}.png"), pixels)
    return tmp_path / "pairs"


@pytest.fixture
def score(made, pairs):
    def run(*options, data="pairs"):
        return CliRunner().invoke(app, ["score", str(data), "--model", str(made), *options])

    return run


def test_what_the_model_has_seen_is_set_aside_and_the_rest_scored(score, pairs, tmp_path):
    """Against scikit-learn, over the pixels of pairs 2 to 5."""
    result = score("--out", "out")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1] == (
        "scored: 4; set aside: 1 that the model was trained on, 1 that its operating point was chosen on; refused: 0"
    )
    wanted = np.stack([truth(index) > 0 for index in range(2, 6)])
    found = np.stack([photo(index) < 100 for index in range(2, 6)])
    figures = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert figures["crack"]["pooled"]["iou"] == pytest.approx(jaccard_score(wanted.ravel(), found.ravel()), abs=1e-6)
    assert figures["crack"]["pooled"]["f1"] == pytest.approx(f1_score(wanted.ravel(), found.ravel()), abs=1e-6)
    assert figures["protocol"]["threshold_from"] == "valid, pooled_iou"
    table = pd.read_csv(tmp_path / "out/per_image.csv")
    assert list(table["stem"]) == ["CFD_002", "CFD_003", "wall_004", "wall_005"]


def test_a_table_by_source_ends_with_the_all_black_mask(score):
    """Of source wall, the pooled IoU.

    Pair 4 has rows 5 to 10, found are 6 to 11: 5 of 7 rows. Pair 5 has rows 5 and 6, found are 6 and 7 and a corner of
    9 px: 32 of 96 + 9 px. Together (5 * 32 + 32) / (7 * 32 + 96 + 9) = 192 / 329 = 0.584.
    """
    lines = score().stdout.partition("test pairs, crack class")[0].splitlines()
    rows = {cells[0]: cells[1:] for cells in (re.split(r"\s{2,}", line.strip()) for line in lines)}
    assert rows["wall"][:3] == ["2", "2", "0.584"]
    assert rows["CFD"][:2] == ["2", "1"]
    assert rows["all"][:2] == ["4", "3"]
    assert rows["all-black mask"][2] == "0.000"


def test_what_is_written(score, tmp_path):
    assert score("--out", "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evaluation.csv",
        "evaluation.json",
        "per_image.csv",
        "per_source.csv",
        "precision_recall.csv",
        "precision_recall.png",
        "predictions",
        "worst.png",
    ]
    assert cv2.imread(str(tmp_path / "out/worst.png")) is not None
    mask = cv2.imread(str(tmp_path / "out/predictions/wall_005.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask > 0, photo(5) < 100)


def test_scoring_again_replaces_what_was_written_and_gives_the_same(score, tmp_path):
    score("--out", "out")
    first = (tmp_path / "out/evaluation.json").read_bytes()
    # what a run leaves that is killed while it publishes: its work, some tables, and no figures, old or new
    (tmp_path / "out/.work/data").mkdir(parents=True)
    (tmp_path / "out/evaluation.json").unlink()
    assert score("--out", "out").exit_code == 0
    assert (tmp_path / "out/evaluation.json").read_bytes() == first
    assert not (tmp_path / "out/.work").exists()


def test_without_out_nothing_is_written(score, tmp_path):
    assert score().exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs"]


def test_a_zip_gives_the_same_figures_as_its_folder(score, pairs, tmp_path):
    with zipfile.ZipFile(tmp_path / "pairs.zip", "w") as archive:
        for path in sorted(pairs.rglob("*.png")):
            archive.write(path, path.relative_to(pairs))
    of = [json.loads(score("--json", data=name).stdout) for name in ("pairs", "pairs.zip")]
    assert of[0] == of[1]
    assert of[0]["by_source"][1]["source"] == "wall"


def test_a_pair_that_can_not_be_read_is_counted(score, pairs):
    (pairs / "images/wall_004.png").write_bytes(b"no picture")
    assert "scored: 3; " in score().stdout
    assert "refused: 1\n" in score().stdout


def test_nothing_left_is_one_line_and_exit_code_2(score, pairs, tmp_path):
    for path in pairs.rglob("*.png"):
        if path.stem not in ("CFD_000", "CFD_001"):
            path.unlink()
    result = score("--out", "out")
    assert result.exit_code == 2
    assert "error: nothing to score: the model knows all 2 pairs, 1 from training and 1 from choosing" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_left_alone(score, pairs):
    result = score("--out", "pairs")
    assert result.exit_code == 2
    assert "error: pairs is in use" in result.stderr
    assert sorted(path.name for path in pairs.iterdir()) == ["images", "masks"]


def test_pairs_that_are_not_there_are_told(score):
    result = score(data="nowhere")
    assert (result.exit_code, result.stderr) == (
        2,
        "error: no folder and no zip at nowhere; name one that holds images/ and masks/\n",
    )


def test_a_list_that_is_missing_is_told(made, pairs, tmp_path):
    """Without it, no one knows what may be scored."""
    shutil.copytree(made, tmp_path / "mine")
    (tmp_path / "mine/chosen_on.txt").unlink()
    result = CliRunner().invoke(app, ["score", "pairs", "--model", "mine"])
    assert result.exit_code == 2
    assert "chosen_on.txt" in result.stderr

"""pipelines/commands/predict.py and its command, with a model that calls every dark pixel a crack."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from crackflow.params import Params, render
from pipelines.cli import app


@pytest.fixture(scope="module")
def _model(tmp_path_factory):
    pixels = keras.Input((16, 16, 3))
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    # the crack's logit is 10 - 0.1 * level, the background's 0
    layer.set_weights([np.array([0, -0.1 / 3] * 3, np.float32).reshape(1, 1, 3, 2), np.array([0, 10], np.float32)])
    path = tmp_path_factory.mktemp("model") / "flexunet.keras"
    model.save(path)
    return path


@pytest.fixture
def checkout(_model, tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/flexunet.keras").write_bytes(_model.read_bytes())
    (tmp_path / "models/operating_point.json").write_text(json.dumps({"threshold": 0.5}))
    (tmp_path / "params.yaml").write_text(render(Params()))
    (tmp_path / "photos").mkdir()
    photo = np.full((40, 30, 3), 200, np.uint8)
    cv2.imwrite(str(tmp_path / "photos/plain.jpg"), photo)
    photo[:20] = 0
    cv2.imwrite(str(tmp_path / "photos/cracked.png"), photo)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(photos="photos", out="out", *options):
    return CliRunner().invoke(app, ["predict", photos, "--out", out, *options])


def test_masks_and_overlays_of_a_folder(checkout):
    result = predict()
    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        "model: the model trained here; crack above 0.5; no component removed; no flips\n"
        "photographs: 2, with cracks: 1, skipped: 0; see out/overlays, out/masks and out/summary.csv\n"
    )
    mask = cv2.imread("out/masks/cracked.png", cv2.IMREAD_UNCHANGED)
    assert mask.shape == (40, 30)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask[:18] == 255).all()
    assert (mask[22:] == 0).all()
    assert not cv2.imread("out/masks/plain.png", cv2.IMREAD_UNCHANGED).any()
    painted, photo = cv2.imread("out/overlays/cracked.png"), cv2.imread("photos/cracked.png")
    assert painted.shape == photo.shape
    assert (painted[:18] != photo[:18]).any(axis=-1).all()
    np.testing.assert_array_equal(painted[22:], photo[22:])
    rows = list(csv.DictReader(Path("out/summary.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["photo"] for row in rows] == ["cracked.png", "plain.jpg"]
    assert float(rows[0]["crack_share"]) == pytest.approx((mask == 255).mean(), abs=1e-6)
    assert float(rows[1]["crack_share"]) == 0


def test_folders_and_files_of_other_kinds_are_counted(checkout):
    assert "passed over" not in predict().stderr
    (checkout / "photos/more").mkdir()
    for name in ("more/a.png", "IMG_1.heic", "notes.txt", ".DS_Store"):
        (checkout / "photos" / name).write_bytes(b"")
    assert "passed over: 3 folders and files of other kinds in photos" in predict().stderr


@pytest.mark.parametrize("mode", ["letterbox", "crop"])
def test_the_mode_is_that_of_the_parameters(checkout, mode):
    """Rows 15 to 24 of 40 are dark: rows 6 to 9 of the model's 16, two and a half each."""
    (checkout / "params.yaml").write_text(render(Params.model_validate({"resize": {"mode": mode}})))
    photo = np.full((40, 30, 3), 200, np.uint8)
    photo[15:25] = 0
    cv2.imwrite(str(checkout / "photos/cracked.png"), photo)
    assert predict("photos/cracked.png").exit_code == 0
    mask = cv2.imread("out/masks/cracked.png", cv2.IMREAD_UNCHANGED)
    assert mask.shape == (40, 30)
    # columns too, up to both edges: the bars beside the photograph are not taken back
    assert (mask[18:22] == 255).all()
    assert (mask[:12] == 0).all()
    assert (mask[28:] == 0).all()


def test_without_parameters_there_is_one_line_and_exit_code_2(checkout):
    (checkout / "params.yaml").unlink()
    result = predict()
    assert result.exit_code == 2
    assert "no params.yaml in" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_trained_model_the_packaged_weights_are_used(checkout):
    """Outside a checkout too: no params.yaml, no model."""
    shutil.rmtree(checkout / "models")
    (checkout / "params.yaml").unlink()
    photo = np.random.default_rng(0).integers(150, 170, (60, 90, 3)).astype(np.uint8)
    cv2.imwrite(str(checkout / "wall.png"), photo)
    result = predict("wall.png")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("model: the packaged weights (")
    assert cv2.imread("out/masks/wall.png", cv2.IMREAD_UNCHANGED).shape == (60, 90)


def test_a_model_by_name_or_path(checkout):
    """The checkout's model from elsewhere gives the same mask as in it."""
    predict("photos/cracked.png", "here")
    result = predict("photos/cracked.png", "there", "--model", str(checkout))
    assert result.stdout.startswith(f"model: the model trained in {checkout};")
    assert (checkout / "here/masks/cracked.png").read_bytes() == (checkout / "there/masks/cracked.png").read_bytes()
    assert "no model at nowhere" in predict("photos", "out", "--model", "nowhere").stderr


def test_one_photograph(checkout):
    assert predict("photos/cracked.png").stdout.splitlines()[1].startswith("photographs: 1, with cracks: 1,")
    assert [path.name for path in (checkout / "out/masks").iterdir()] == ["cracked.png"]


def test_a_bad_photograph_is_told_and_skipped(checkout):
    (checkout / "photos/bad.png").write_bytes(b"no picture")
    result = predict()
    assert result.exit_code == 0
    assert "skipped: bad.png is truncated or not an image" in result.stderr
    assert "photographs: 2, with cracks: 1, skipped: 1" in result.stdout
    assert not (checkout / "out/masks/bad.png").exists()


def test_none_that_can_be_read_is_exit_code_2(checkout):
    (checkout / "photos/bad.png").write_bytes(b"no picture")
    result = predict("photos/bad.png")
    assert result.exit_code == 2
    assert "error: none of 1 photographs can be read; the first: bad.png is truncated" in result.stderr
    assert not (checkout / "out").exists()


@pytest.mark.parametrize("photos", ["out/masks", "out/overlays/cracked.png", "link"])
def test_photographs_are_not_written_over(checkout, photos):
    shutil.copytree("photos", "out/masks")
    shutil.copytree("photos", "out/overlays")
    Path("link").symlink_to("out/masks")
    before = Path("out/masks/cracked.png").read_bytes()
    result = predict(photos)
    assert result.exit_code == 2
    assert "is where predictions would be written over the photographs; name another --out" in result.stderr
    assert Path("out/masks/cracked.png").read_bytes() == before == Path("out/overlays/cracked.png").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "models/flexunet.keras").write_bytes(b"no model"), "is not a model that Keras"),
        (lambda root: (root / "models/operating_point.json").unlink(), "no operating point at"),
        (lambda root: (root / "models/operating_point.json").write_text("{}"), "operating_point.json can't be used"),
        (lambda root: (root / "models/operating_point.json").write_text('{"threshold": "x"}'), "can't be used"),
    ],
)
def test_a_model_that_can_not_be_used_is_one_line_and_exit_code_2(checkout, spoil, message):
    spoil(checkout)
    result = predict()
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1

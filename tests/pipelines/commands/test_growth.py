"""`crackflow growth` with the packaged weights, on made photographs whose crack grew by a known length."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from crackflow.imaging.images import read_image
from pipelines.cli import app

SIDE = 448


def surface(seed):
    rng = np.random.default_rng(seed)
    shape = (SIDE + 100, SIDE + 100)
    grain = sum(2 * sigma * cv2.GaussianBlur(rng.normal(0, 9, shape), (0, 0), sigma) for sigma in (0.7, 1.5, 6.0))
    return grain[..., None] + np.array([150.0, 145.0, 140.0])


def cracked(scene, end):
    """A winding line 5 px wide from column 110 to `end`, 60 px wide margins included."""
    x = np.arange(110, end)
    line = np.stack([x, 270 + 22 * np.sin(x / 31) + 6 * np.sin(x / 7)], axis=1)
    drawn = np.zeros(scene.shape[:2], np.uint8)
    cv2.polylines(drawn, [np.rint(line * 16).astype(np.int32)], False, 255, 5, cv2.LINE_AA, 4)
    return scene * (1 - 0.75 * drawn[..., None] / 255), float(np.hypot(*np.diff(line, axis=0).T).sum())


def photograph(scene, name, degrees=0.0, scale=1.0, light=1.0):
    turn = cv2.getRotationMatrix2D((SIDE / 2 + 50, SIDE / 2 + 50), degrees, scale)
    turn[:, 2] -= 50
    seen = cv2.warpAffine(scene, turn, (SIDE, SIDE), flags=cv2.INTER_CUBIC) * light
    seen += np.random.default_rng(1).normal(0, 2, seen.shape)
    cv2.imwrite(name, np.clip(seen, 0, 255).astype(np.uint8)[..., ::-1])


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scene = surface(0)
    short, length = cracked(scene, 300)
    grown, longer = cracked(scene, 400)
    photograph(short, "before.png")
    photograph(grown, "after.png", 4, 1.05, 0.9)
    photograph(surface(1), "elsewhere.png")
    return longer - length


def growth(*arguments):
    return CliRunner().invoke(app, ["growth", *arguments, "--model", "packaged"])


def rows(out="out"):
    return list(csv.DictReader(Path(out, "growth.csv").read_text(encoding="utf-8").splitlines()))


def test_a_crack_that_grew(photos):
    result = growth("before.png", "after.png", "--out", "out", "--mm-per-px", "0.5")
    assert result.exit_code == 0, result.stderr
    (row,) = rows()
    assert row["length_change"] == "longer"
    assert float(row["added_px"]) == pytest.approx(photos, rel=0.15)
    assert float(row["added_mm"]) == pytest.approx(float(row["added_px"]) / 2, abs=0.01)
    assert row["width_change"] == "not told apart"
    assert "cracks: 1; longer: 1; length added: " in result.stdout
    assert "registered: " in result.stdout
    found = json.loads(Path("out/growth.json").read_text(encoding="utf-8"))
    assert found["about"]["before"] == "before.png"
    assert found["about"]["registration"]["error_px"] < 1
    assert read_image(Path("out/growth.png")).shape[1] == SIDE
    aligned, before = read_image(Path("out/after-aligned.jpg")), read_image(Path("before.png"))
    inner = slice(60, -60), slice(60, -60)
    assert np.corrcoef(aligned[inner].ravel(), before[inner].ravel())[0, 1] > 0.8
    manifest = json.loads(Path("out/crackflow-manifest.json").read_text(encoding="utf-8"))
    assert (manifest["command"], manifest["state"]) == ("growth", "done")
    assert {file["path"] for file in manifest["files"]} == {
        "growth.png",
        "after-aligned.jpg",
        "growth.json",
        "growth.csv",
    }


def test_the_same_photograph_twice_shows_no_growth(photos):
    result = growth("before.png", "before.png", "--out", "out")
    assert result.exit_code == 0, result.stderr
    assert [(row["length_change"], row["width_change"]) for row in rows()] == [("not told apart", "not told apart")]
    assert [(row["added_px"], row["lost_px"], row["added_mm"]) for row in rows()] == [("0.0", "0.0", "")]
    assert "cracks: 1; no change told apart: 1; see out/growth.png and out/growth.csv\n" in result.stdout


def test_what_can_not_be_compared_is_rejected_and_nothing_written(photos):
    cv2.imwrite("large.png", np.zeros((600, 600), np.uint8))
    for arguments, words in (
        (["before.png", "elsewhere.png", "--out", "out"], "do not show one place ("),
        (["before.png", "nowhere.png", "--out", "out"], "no photograph at nowhere.png; expected a file"),
        (["before.png", ".", "--out", "out"], "no photograph at .; expected a file"),
        (["before.png", "after.png", "--out", "."], "holds the input"),
        (["before.png", "after.png", "--out", "out", "--mm-per-px", "0"], "scale 0.0 mm per px"),
        (["before.png", "after.png", "--out", "out", "--mm-per-px", "1e308"], "scale 1e+308 mm per px"),
        (["large.png", "after.png", "--out", "out", "--max-memory", "0.01"], "expected at most 0.27"),
    ):
        result = growth(*arguments)
        assert result.exit_code == 2
        assert words in result.stderr
        assert result.stderr.count("\n") == 1
        assert not Path("out").exists()


def test_a_comparison_of_other_photographs_stays(photos):
    assert growth("before.png", "after.png", "--out", "out").exit_code == 0
    before = rows()
    result = growth("before.png", "before.png", "--out", "out")
    assert (result.exit_code, result.stderr) == (
        2,
        "error: out holds a comparison of other photographs; name another --out, or add --force\n",
    )
    assert rows() == before
    assert growth("before.png", "before.png", "--out", "out", "--force").exit_code == 0
    assert rows() != before


def test_files_of_the_user_stay(photos):
    Path("out").mkdir()
    Path("out/growth.csv").write_text("mine")
    result = growth("before.png", "after.png", "--out", "out")
    assert result.exit_code == 2
    assert "add --force" in result.stderr
    assert Path("out/growth.csv").read_text() == "mine"

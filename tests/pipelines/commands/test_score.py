"""pipelines/commands/score.py and its command, with a model whose crack probability follows from a pixel's level."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
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
from tests.pages import Page

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
        "scored: 4; set aside: 1 that the model was trained on, 1 that its operating point was chosen on; rejected: 0"
    )
    wanted = np.stack([truth(index) > 0 for index in range(2, 6)])
    found = np.stack([photo(index) < 100 for index in range(2, 6)])
    figures = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert figures["crack"]["pooled"]["iou"] == pytest.approx(jaccard_score(wanted.ravel(), found.ravel()), abs=1e-6)
    assert figures["crack"]["pooled"]["f1"] == pytest.approx(f1_score(wanted.ravel(), found.ravel()), abs=1e-6)
    assert figures["protocol"]["threshold_from"] == "valid, pooled_iou"
    table = pd.read_csv(tmp_path / "out/per_image.csv")
    assert list(table["stem"]) == ["CFD_002", "CFD_003", "wall_004", "wall_005"]


@pytest.mark.parametrize(
    ("trained_on", "chosen_on", "aside", "of_both"),
    [
        # two sets shared these names when the model was trained, so crackflow put the set's name before them
        (["walls_CFD_000", "roads_CFD_002"], ["walls_CFD_001"], (1, 1), (1, 1)),
        # as they are, which is so in either set
        (["CFD_000", "walls_wall_004"], ["CFD_001"], (2, 1), (3, 2)),
        # of another set
        (["roads_CFD_000"], ["wall_CFD_001"], (0, 0), (0, 0)),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "zip", "one of two sets"])
def test_pairs_are_known_with_and_without_the_name_of_their_set(
    score, made, pairs, tmp_path, trained_on, chosen_on, aside, of_both, kind
):
    folder = tmp_path / "weights"
    shutil.copytree(made, folder)
    (folder / "trained_on.txt").write_text(seen_pairs.render(trained_on))
    (folder / "chosen_on.txt").write_text(packaged_weights.chosen_on_text(chosen_on))
    scored, data = 6, "walls"
    if kind == "zip":
        data = shutil.make_archive("walls", "zip", pairs)
    else:
        shutil.copytree(pairs, "both/walls" if kind == "one of two sets" else "walls")
    if kind == "one of two sets":
        # the same names, so all of them get their set's before them
        shutil.copytree(pairs, "both/bridges")
        data, scored, aside = "both", 12, of_both
    done = CliRunner().invoke(app, ["score", str(data), "--model", str(folder)])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[1] == (
        f"scored: {scored - sum(aside)}; set aside: {aside[0]} that the model was trained on, {aside[1]} that its "
        "operating point was chosen on; rejected: 0"
    )


def test_figures_of_other_pairs_stay_and_those_of_the_same_are_replaced(score, pairs, tmp_path):
    assert score("--out", "out").exit_code == 0
    before = (tmp_path / "out/evaluation.json").read_bytes()
    shutil.copytree(pairs, tmp_path / "others")
    result = score("--out", "out", data="others")
    assert result.exit_code == 2
    assert "error: out holds figures of other pairs; name another --out, or add --force\n" in result.stderr
    assert (tmp_path / "out/evaluation.json").read_bytes() == before
    # a mask that was corrected
    shutil.copy(pairs / "masks/CFD_002.png", pairs / "masks/CFD_003.png")
    assert score("--out", "out").exit_code == 0
    assert (tmp_path / "out/evaluation.json").read_bytes() != before
    assert score("--out", "out", "--force", data="others").exit_code == 0


def test_at_their_own_pixels(score, pairs, tmp_path):
    """A photograph of 80x48 px with a line of 1 px, whole and in place, which squares of 32 px would lose squeezed."""
    level, mask = np.full((48, 80), 180, np.uint8), np.zeros((48, 80), np.uint8)
    level[20], mask[20:22] = 30, 255
    for kind, pixels in (("images", level), ("masks", mask)):
        for path in (pairs / kind).iterdir():
            path.unlink()
        cv2.imwrite(str(pairs / kind / "wall_009.png"), pixels)
        cv2.imwrite(str(pairs / kind / "wall_010.png"), pixels[:16, :16])
    result = score("--out", "out", "--native")
    assert result.exit_code == 0, result.stderr
    figures = json.loads((tmp_path / "out/evaluation.json").read_text())
    # one row of two is found
    assert figures["crack"]["pooled"]["iou"] == 0.5
    assert figures["protocol"]["resolution"] == "16x16 to 80x48"
    assert "above 32 px in squares of 32x32 that overlap" in figures["protocol"]["pixels"]
    found = cv2.imread(str(tmp_path / "out/predictions/wall_009.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found > 0, level < 100)
    shown = gallery_rows(tmp_path / "out")
    assert {row["stem"]: row["size"] for row in shown} == {"wall_009": [80, 48], "wall_010": [16, 16]}
    # at the size of the training pairs it is another figure
    assert json.loads(score("--json").stdout)["crack"]["pooled"]["iou"] != 0.5


def test_on_the_runtime_that_predict_uses(score, tmp_path):
    """The model is converted for it, and gives the same masks."""
    result = score("--out", "out", "--runtime", "openvino", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads((tmp_path / "out/crackflow-manifest.json").read_text())["options"]["runtime"] == "openvino"
    assert json.loads(result.stdout)["crack"] == json.loads(score("--json").stdout)["crack"]
    assert score("--runtime", "abacus").stderr.endswith(
        "error: the runtime is abacus, expected one of openvino, onnx, keras; correct it\n"
    )


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


def test_near_duplicates_of_different_names_count_as_one_group(score, tmp_path):
    """Of three photographs one is a brighter copy of another: the intervals draw two groups, not three."""
    textures = [np.random.default_rng(seed).integers(40, 200, (SIDE, SIDE)).astype(np.uint8) for seed in range(2)]
    photographs = {"wall_a": textures[0], "floor_b": textures[1], "roof_c": textures[0] + 20}
    for index, (stem, level) in enumerate(photographs.items()):
        for kind, pixels in (("images", level), ("masks", truth(index))):
            (tmp_path / "three" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "three" / kind / f"{stem}.png"), pixels)
    figures = json.loads(score("--json", data="three").stdout)
    assert (figures["protocol"]["images"], figures["intervals"]["groups"]) == (3, 2)


def gallery_rows(folder):
    page = Page((folder / "gallery/index.html").read_text(encoding="utf-8"))
    data = json.loads(next(text for kind, text in page.scripts if kind == "application/json"))
    return [dict(zip(data["fields"], row, strict=True)) for row in data["rows"]]


def test_the_page_gives_the_answer_and_shows_every_scored_image(score, pairs, tmp_path):
    (pairs / "images/wall_004.png").write_bytes(b"no picture")
    assert score("--out", "out").exit_code == 0
    out = tmp_path / "out"
    found = Page((out / "index.html").read_text(encoding="utf-8"))
    assert found.faults == []
    text = found.text.replace("\N{NO-BREAK SPACE}", " ")
    figures = json.loads((out / "evaluation.json").read_text())
    assert f"both agree on {100 * figures['crack']['pooled']['iou']:.0f} %" in text
    assert (
        "The set has 3 images, 2 of them with cracks, 1 crack-free. No figure counts the background. As far as" in text
    )
    assert (
        "1 pair that it was trained on and 1 that its epoch or its operating point was chosen on were set aside" in text
    )
    assert "Crack above 0.5; no component removed; no flips. Chosen on valid by pooled IoU." in text
    assert "1 pair rejected" in text
    for link in found.links:
        path, _, place = link.partition("#")
        assert link.startswith("data:") or (place in found.ids if not path else (out / path).exists()), link
    rows = {row["stem"]: row for row in gallery_rows(out)}
    assert sorted(rows) == ["CFD_002", "CFD_003", "wall_005"]
    # bands of 4 and 2 rows, drawn in `truth`
    assert (rows["CFD_002"]["width"], rows["wall_005"]["width"], rows["CFD_003"]["width"]) == (4, 2, None)
    assert (out / "gallery/errors/wall_005.png").is_file()


@pytest.mark.parametrize("level", [180, 30])
def test_a_page_of_crack_free_pairs(score, pairs, tmp_path, level):
    """Of sound surfaces: nothing is marked, or all of it. Both pooled IoU and its curve are undefined, or 0."""
    folder = tmp_path / "sound"
    for stem in ("wall_1", "<b>wall & 2"):
        for kind, grey in (("images", level), ("masks", 0)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / kind / f"{stem}.png"), np.full((SIDE, SIDE), grey, np.uint8))
    result = score("--out", "out", data="sound")
    assert result.exit_code == 0, result.stderr
    found = Page((tmp_path / "out/index.html").read_text(encoding="utf-8"))
    assert found.faults == []
    assert "The set has 2 images, 0 of them with cracks, 2 crack-free." in found.text
    alarms = 0 if level == 180 else 2
    assert (
        f"No test image has a crack. The model marks something in {alarms} of 2 ; an all-black mask in none."
        in found.text
    )
    assert f"{alarms} of 2 crack-free images have a false alarm" in found.text
    assert "both agree on" not in found.text
    assert "No pair of this set has the name of one that it was trained on" in found.text
    assert len(gallery_rows(tmp_path / "out")) == 2


def test_what_is_written(score, tmp_path):
    assert score("--out", "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "calibration.csv",
        "calibration_by_source.csv",
        "crackflow-manifest.json",
        "evaluation.csv",
        "evaluation.json",
        "gallery",
        "index.html",
        "per_image.csv",
        "per_source.csv",
        "precision_recall.csv",
        "precision_recall.png",
        "predictions",
    ]
    mask = cv2.imread(str(tmp_path / "out/predictions/wall_005.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask > 0, photo(5) < 100)


def test_scoring_again_replaces_what_was_written_and_gives_the_same(score, tmp_path):
    score("--out", "out")
    first = (tmp_path / "out/evaluation.json").read_bytes()
    assert score("--out", "out").exit_code == 0
    assert (tmp_path / "out/evaluation.json").read_bytes() == first


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
    assert "rejected: 1\n" in score().stdout


def test_nothing_left_is_one_line_and_exit_code_2(score, pairs, tmp_path):
    for path in pairs.rglob("*.png"):
        if path.stem not in ("CFD_000", "CFD_001"):
            path.unlink()
    result = score("--out", "out")
    assert result.exit_code == 2
    assert (
        "error: nothing to score: the model has seen all 2 pairs, 1 in training and 1 when its operating"
        in result.stderr
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["pairs", "pairs/out", ".", "pairs/images"])
def test_an_out_that_overlaps_the_pairs_is_rejected(score, pairs, tmp_path, out):
    before = sorted(tmp_path.rglob("*"))
    result = score("--out", out, "--force")
    assert result.exit_code == 2
    assert f"error: --out {out} " in result.stderr
    assert "pairs; expected a folder apart from it; try --out " in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_files_of_the_user_are_kept(score, tmp_path):
    """The folders predictions/ and .work/ were once removed, whoever had made them."""
    for name in ("predictions/mine.png", "predictions/wall_004.png", ".work/mine.png", "evaluation.json"):
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("mine")
    result = score("--out", "out")
    assert result.exit_code == 2
    assert "error: out holds 3 files and folders that crackflow did not write; name another --out, or add --force" in (
        result.stderr
    )
    assert (tmp_path / "out/evaluation.json").read_text() == "mine"
    assert score("--out", "out", "--force").exit_code == 0
    assert (tmp_path / "out/predictions/mine.png").read_text() == "mine"
    assert (tmp_path / "out/.work/mine.png").read_text() == "mine"
    assert json.loads((tmp_path / "out/evaluation.json").read_text())["crack"]


def test_results_of_pairs_that_are_gone_do_not_stay(score, pairs, tmp_path):
    score("--out", "out")
    for kind in ("images", "masks"):
        (pairs / kind / "wall_005.png").unlink()
    score("--out", "out")
    assert sorted(path.stem for path in (tmp_path / "out/predictions").iterdir()) == ["CFD_002", "CFD_003", "wall_004"]


# A score that waits, with all that it makes before the model sees the pairs, until its standard input is closed.
HELD = """
import sys
from pathlib import Path
from pipelines.commands import score

load = score.load
def held(*given):
    Path("held").touch()
    sys.stdin.read()
    return load(*given)
score.load = held
from pipelines.cli import app
app()
"""


@contextlib.contextmanager
def running(made, tmp_path, *options):
    """A score in a process of its own, held once it has copied the pairs; yields it and its work folder."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HELD, "score", "pairs", "--model", str(made), *options],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 300
        while not (tmp_path / "held").exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (copy, *_) = (tmp_path / (options[1] if options else "tmp")).glob(".crackflow-work-*/data/raw/images/*.png")
        yield process, copy.parents[3]
        process.kill()


@pytest.mark.parametrize(
    ("stop", "options"),
    [
        (signal.SIGTERM, ()),
        (signal.SIGHUP, ("--out", "out")),
        pytest.param(signal.SIGINT, (), marks=pytest.mark.soak),
    ],
)
def test_a_score_that_is_stopped_leaves_no_copies(made, pairs, tmp_path, stop, options):
    with running(made, tmp_path, *options) as (process, work):
        process.send_signal(stop)
        said = process.communicate(timeout=300)[1].splitlines()[-1]
        assert (process.returncode, said) == (128 + stop, f"error: stopped by {stop.name}")
        assert not work.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held", "pairs", "tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("options", [pytest.param((), marks=pytest.mark.soak), ("--out", "out")])
def test_the_next_score_removes_what_a_killed_one_left(score, made, pairs, tmp_path, monkeypatch, options):
    with running(made, tmp_path, *options) as (process, work):
        process.kill()
    assert work.exists()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert score(*options).exit_code == 0
    assert not work.exists()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list(tmp_path.glob("out/.*"))


def test_a_second_score_into_the_same_folder_is_rejected_and_the_first_keeps_its_figures(score, made, pairs, tmp_path):
    """The first once printed the figures of the second, which had taken its work folder."""
    alone = json.loads(score("--json").stdout)
    with running(made, tmp_path, "--out", "out", "--json") as (process, _):
        second = score("--out", "out")
        assert second.exit_code == 2
        assert "error: another run writes to out; wait until it has ended, or name another --out\n" in second.stderr
        assert json.loads(process.communicate(timeout=120)[0]) == alone
        assert process.returncode == 0
    assert json.loads((tmp_path / "out/evaluation.json").read_text())["crack"] == alone["crack"]


@pytest.mark.soak
def test_two_scores_without_a_folder_do_not_meet(score, made, pairs, tmp_path):
    alone = json.loads(score("--json").stdout)
    with running(made, tmp_path) as (process, _):
        (tmp_path / "less/images").mkdir(parents=True)
        (tmp_path / "less/masks").mkdir()
        for kind in ("images", "masks"):
            shutil.copy(pairs / kind / "wall_004.png", tmp_path / "less" / kind)
        assert json.loads(score("--json", data="less").stdout)["protocol"]["images"] == 1
        out = process.communicate(timeout=120)[0]
        assert "scored: 4; " in out
        assert alone["protocol"]["images"] == 4


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

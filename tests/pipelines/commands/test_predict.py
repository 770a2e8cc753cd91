"""pipelines/commands/predict.py and its command, with a model that calls every dark pixel a crack."""

import csv
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image
from typer.testing import CliRunner

from crackflow.output import manifest
from crackflow.output.claim import claim
from crackflow.output.folder import OutputFolder
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


def predict(photos="photos", out="out", *options, **given):
    return CliRunner().invoke(app, ["predict", photos, "--out", out, *options], **given)


def test_masks_and_overlays_of_a_folder(checkout):
    result = predict()
    assert result.exit_code == 0, result.stderr
    assert "terms:" not in result.stderr
    assert result.stdout == (
        "model: the model trained here; crack above 0.5; no component removed; no flips\n"
        "photographs: 2 done; with cracks: 1; empty: 1; skipped: 0; see out/index.html and out/summary.csv\n"
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


def test_masks_given_for_photographs_are_marked_and_told(checkout):
    grey = np.random.default_rng(1).integers(90, 200, (40, 30, 3)).astype(np.uint8)
    cv2.imwrite("photos/plain.png", grey)
    Path("photos/plain.jpg").unlink()
    said = "note: 1 of 2 pictures, the first cracked.png, have a few colours or black and white alone, as masks have; "
    for options in ([], ["--resume"]):
        result = predict("photos", "out", *options)
        assert result.exit_code == 0, result.stderr
        assert said in result.stderr
    assert "masks have" not in predict("photos/plain.png", "other").stderr


def test_a_thin_line_in_a_large_photograph_is_found_unless_it_is_squeezed(checkout):
    photo = np.full((160, 160, 3), 200, np.uint8)
    photo[:, 80:82] = 0
    cv2.imwrite("photos/cracked.png", photo)
    assert "with cracks: 1;" in predict("photos/cracked.png").stdout
    assert "with cracks: 0;" in predict("photos/cracked.png", "out", "--scale", "fit").stdout
    # half the size leaves a dark pixel
    assert "with cracks: 1;" in predict("photos/cracked.png", "out", "--scale", "0.5").stdout


def test_photographs_from_everywhere(checkout):
    """A folder in a folder, a file, a pattern, a zip and a list, each once."""
    plain = Path("photos/plain.jpg").read_bytes()
    for name in ("tree/deep/one.jpg", "two.jpg", "row/3a.jpg", "row/3b.jpg", "four.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(plain)
    with zipfile.ZipFile("set.zip", "w") as archive:
        archive.write("photos/cracked.png", "road/five.png")
    Path("tree/notes.txt").touch()
    given = ["two.jpg", "row/*.jpg", "set.zip", "-"]
    result = predict("tree", "out", "--recursive", *given, input=b"four.jpg\nnowhere.jpg\n")
    assert result.exit_code == 3, result.stderr
    assert "photographs: 6 done; with cracks: 1; empty: 5; skipped: 1 (nowhere.jpg is not there" in result.stdout
    assert "skipped: nowhere.jpg is not there; it was on the list of standard input" in result.stderr
    assert "passed over: 1 folders and files of other kinds\n" in result.stderr
    masks = [path.relative_to("out/masks").as_posix() for path in sorted(Path("out/masks").rglob("*.png"))]
    assert masks == ["3a.png", "3b.png", "four.png", "set/road/five.png", "tree/deep/one.png", "two.png"]
    rows = list(csv.DictReader(Path("out/summary.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["photo"] for row in rows if row["status"] == "cracked"} == {"set/road/five.png"}


def test_an_out_beside_one_input_and_in_another_is_rejected(checkout):
    Path("more").mkdir()
    result = predict("photos", "more/out", "more", "--recursive")
    assert result.exit_code == 2
    assert "error: --out more/out lies in the input more;" in result.stderr


def test_a_photograph_that_needs_too_much_memory_is_skipped_and_the_others_are_done(checkout):
    cv2.imwrite("photos/large.png", np.full((600, 600, 3), 200, np.uint8))
    result = predict("photos", "out", "--max-memory", "0.01")
    assert result.exit_code == 3
    # 0.01 GiB at 55 bytes a pixel
    assert "skipped: large.png has 600x600 px, 0.36 megapixels, expected at most 0.2; allow" in result.stderr
    assert "photographs: 2 done;" in result.stdout


def test_a_larger_copy_counts_as_memory(checkout):
    """At scale 8 a pixel takes 323 bytes and 48 more, so that 0.01 GiB are room for 28,942."""
    cv2.imwrite("photos/large.png", np.full((200, 200, 3), 200, np.uint8))
    assert predict("photos/large.png", "out", "--max-memory", "0.01").exit_code == 0
    result = predict("photos", "out", "--max-memory", "0.01", "--scale", "8")
    assert result.exit_code == 3
    assert "skipped: large.png has 200x200 px, 0.04 megapixels, expected at most 0.029; allow" in result.stderr


def test_views_that_are_asked_for_are_noted(checkout):
    result = predict("photos/cracked.png", "out", "--views", "8")
    assert "; mean over eight views, flips and quarter turns\n" in result.stdout
    found = json.loads(Path("out/crackflow-manifest.json").read_text())
    assert found["options"]["views"] == 8
    assert predict("photos/cracked.png", "other", "--views", "3").stderr == (
        "error: --views 3, expected one of 1, 2, 4, 8; correct it\n"
    )


@pytest.mark.parametrize("scale", ["large", "0", "-1", "nan", "100"])
def test_a_scale_that_is_none_is_rejected(checkout, scale):
    result = predict("photos", "out", "--scale", scale)
    assert result.exit_code == 2
    assert f"error: the scale is {scale}, expected auto, fit, several, or a number from 0.01 to 8:" in result.stderr
    assert not Path("out").exists()


def test_folders_and_files_of_other_kinds_are_counted(checkout):
    assert "passed over" not in predict().stderr
    (checkout / "photos/more").mkdir()
    for name in ("more/a.png", "IMG_1.dng", "notes.txt", ".DS_Store"):
        (checkout / "photos" / name).write_bytes(b"")
    assert "passed over: 3 folders and files of other kinds in photos" in predict().stderr


@pytest.mark.parametrize("mode", ["letterbox", "crop"])
def test_the_mode_is_that_of_the_parameters(checkout, mode):
    """Rows 15 to 24 of 40 are dark: rows 6 to 9 of the model's 16, two and a half each."""
    (checkout / "params.yaml").write_text(render(Params.model_validate({"resize": {"mode": mode}})))
    photo = np.full((40, 30, 3), 200, np.uint8)
    photo[15:25] = 0
    cv2.imwrite(str(checkout / "photos/cracked.png"), photo)
    assert predict("photos/cracked.png", "out", "--scale", "fit").exit_code == 0
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
    assert result.stderr.splitlines()[-1].startswith("terms: these weights are for research only, since some of their")
    assert result.stderr.count("terms:") == 1
    assert cv2.imread("out/masks/wall.png", cv2.IMREAD_UNCHANGED).shape == (60, 90)


def test_a_model_by_name_or_path(checkout):
    """The checkout's model from elsewhere gives the same mask as in it."""
    predict("photos/cracked.png", "here")
    result = predict("photos/cracked.png", "there", "--model", str(checkout))
    assert result.stdout.startswith(f"model: the model trained in {checkout};")
    assert (checkout / "here/masks/cracked.png").read_bytes() == (checkout / "there/masks/cracked.png").read_bytes()
    assert "no model at nowhere" in predict("photos", "out", "--model", "nowhere").stderr


def test_one_photograph(checkout):
    assert (
        predict("photos/cracked.png")
        .stdout.splitlines()[1]
        .startswith("photographs: 1 done; with cracks: 1; empty: 0;")
    )
    assert [path.name for path in (checkout / "out/masks").iterdir()] == ["cracked.png"]


def test_a_bad_photograph_is_told_and_skipped(checkout):
    (checkout / "photos/bad.png").write_bytes(b"no picture")
    result = predict()
    assert result.exit_code == 3
    assert "skipped: bad.png is truncated or not an image" in result.stderr
    last = result.stdout.splitlines()[-1]
    assert last.startswith("photographs: 2 done; with cracks: 1; empty: 1; skipped: 1 (bad.png is truncated or not an")
    assert not (checkout / "out/masks/bad.png").exists()
    rows = list(csv.DictReader(Path("out/summary.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["photo"], row["status"]) for row in rows] == [
        ("cracked.png", "cracked"),
        ("plain.jpg", "empty"),
        ("bad.png", "skipped"),
    ]


def test_none_that_can_be_read_is_exit_code_2(checkout):
    (checkout / "photos/bad.png").write_bytes(b"no picture")
    result = predict("photos/bad.png")
    assert result.exit_code == 2
    assert "error: none of 1 photographs can be read; the first: bad.png is truncated" in result.stderr
    assert not (checkout / "out").exists()


def hashes(folder):
    """The SHA-256 of each file below a folder; links are not followed."""
    found = [path for path in sorted(Path(folder).rglob("*")) if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize(
    ("photos", "out", "suggested"),
    [
        ("set/images", "set", "set-predict"),
        ("set/images", "set/images", "set/images-predict"),
        ("set", "set/marked", "set-predict"),
        ("set/masks/cracked.png", "set", "set-predict"),
        ("link", "set", "set-predict"),
    ],
)
def test_an_out_that_overlaps_the_photographs_is_rejected(checkout, photos, out, suggested, force):
    """`predict SET/images --out SET` once wrote over the masks that somebody had drawn."""
    for kind in ("images", "masks"):
        shutil.copytree("photos", f"set/{kind}")
    shutil.copy("photos/cracked.png", "set/cracked.png")
    Path("link").symlink_to("set/masks")
    before = hashes("set")
    result = predict(photos, out, *force)
    assert result.exit_code == 2
    assert f"error: --out {out} " in result.stderr
    assert f"try --out {suggested}\n" in result.stderr
    assert hashes("set") == before
    assert not Path("set/marked").exists()
    assert predict(photos, suggested).exit_code == 0


def test_files_of_the_user_are_kept(checkout):
    shutil.copytree("photos", "set/masks")
    Path("set/notes.txt").write_text("mine")
    before = hashes("set")
    result = predict(out="set")
    assert result.exit_code == 2
    assert "error: set holds 2 files and folders that crackflow did not write; name another --out, or add --force" in (
        result.stderr
    )
    assert "which replaces 1 of them, the first masks/cracked.png\n" in result.stderr
    assert hashes("set") == before
    assert predict("photos", "set", "--force").exit_code == 0
    after = hashes("set")
    assert {name for name in before if after[name] != before[name]} == {"masks/cracked.png"}
    # from now on, the folder is known
    assert predict(out="set").exit_code == 0
    assert {name: after[name] for name in before} == {name: hashes("set")[name] for name in before}


def test_one_photograph_after_the_other_into_one_folder(checkout):
    """As a loop of a shell does it; the summary is that of the last run."""
    predict("photos/cracked.png", "out")
    Path("out/masks/mine.png").write_text("mine")
    assert predict("photos/plain.jpg", "out").exit_code == 0
    of_each = {
        f"{kind}/{name}.{ending}"
        for kind, ending in (("masks", "png"), ("overlays", "png"), ("thumbnails", "jpg"), ("records", "json"))
        for name in ("cracked", "plain")
    }
    of_all = {"crackflow-manifest.json", "cracks.csv", "index.html", "results.json", "summary.csv"}
    assert set(hashes("out")) == of_each | of_all | {"masks/mine.png"}
    assert [line.split(",")[0] for line in Path("out/summary.csv").read_text().splitlines()] == ["photo", "plain.jpg"]
    assert predict("photos", "out").exit_code == 0


def test_results_of_other_photographs_that_are_called_alike_are_kept(checkout):
    """Another day's photographs of a camera that counts from 1 again."""
    shutil.copytree("photos", "copies")
    shutil.copytree("photos", "tuesday")
    cv2.imwrite("tuesday/cracked.png", np.full((40, 30, 3), 200, np.uint8))
    assert predict("photos", "out").exit_code == 0
    before = hashes("out")
    result = predict("tuesday", "out")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: out holds results of another photograph called cracked.png; name another --out, or add --resume or "
        "--force to replace them\n"
    )
    assert hashes("out") == before
    # the same photographs elsewhere, and others at the same place
    assert predict("copies", "out").exit_code == 0
    shutil.copy("tuesday/cracked.png", "copies/cracked.png")
    assert "with cracks: 0;" in predict("copies", "out").stdout
    for option in ("--resume", "--force"):
        assert predict("photos", "two", "--force").exit_code == 0
        assert "with cracks: 0;" in predict("tuesday", "two", option).stdout


def test_a_mask_that_was_corrected_by_hand_is_kept(checkout):
    predict("photos", "out")
    mask = Path("out/masks/plain.png")
    mask.write_bytes(b"corrected")
    result = predict("photos", "out")
    assert result.exit_code == 2
    assert (
        "error: out/masks/plain.png was not written by crackflow, or was changed since; name another" in result.stderr
    )
    assert mask.read_bytes() == b"corrected"
    # where this run does not write it, it is no obstacle, and stays
    assert predict("photos/cracked.png", "out").exit_code == 0
    assert mask.read_bytes() == b"corrected"
    assert predict("photos", "out", "--force").exit_code == 0
    assert mask.read_bytes() != b"corrected"


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_that_is_a_link_is_not_followed(checkout, force):
    shutil.copytree("photos", "theirs")
    Path("out").mkdir()
    Path("out/masks").symlink_to(Path("theirs").resolve())
    before = hashes("theirs")
    result = predict("photos", "out", *force)
    assert result.exit_code == 2
    assert "error: out/masks is a link, expected a folder; remove the link or name another --out\n" in result.stderr
    assert hashes("theirs") == before


@pytest.mark.parametrize("name", ["masks/plain.png", "masks/.plain.png.part", "summary.csv", ".crackflow.lock"])
def test_a_link_in_place_of_a_file_is_not_written_through(checkout, name):
    Path("theirs").write_text("theirs")
    Path("out/masks").mkdir(parents=True)
    Path("out", name).symlink_to(Path("theirs").resolve())
    predict("photos", "out", "--force")
    assert Path("theirs").read_text() == "theirs"


def test_the_manifest_says_what_was_written_and_with_what(checkout):
    predict("photos", "out")
    found = json.loads(Path("out/crackflow-manifest.json").read_text())
    files = hashes("out")
    del files["crackflow-manifest.json"]
    assert {one["path"]: one["sha256"] for one in found["files"]} == files
    assert [one["path"] for one in found["files"]][-1] == "summary.csv"
    assert found["model_sha256"] == hashlib.sha256(Path("models/flexunet.keras").read_bytes()).hexdigest()
    assert (found["format"], found["command"], found["state"]) == (1, "predict", "done")
    assert found["options"]["operating_point"]["threshold"] == 0.5
    assert found["options"]["scale"] == "auto"
    assert found["options"]["outputs"][:2] == ["masks", "overlays"]
    assert found["options"]["outputs"][-1] == "summary"


def test_results_of_another_command_are_kept(checkout):
    predict("photos", "out")
    path = Path("out/crackflow-manifest.json")
    path.write_text(path.read_text().replace('"command": "predict"', '"command": "score"'))
    before = hashes("out")
    result = predict("photos", "out", "--force")
    assert result.exit_code == 2
    assert (
        "error: out holds the results of `crackflow score`; name another --out for `crackflow predict`" in result.stderr
    )
    assert hashes("out") == before


OF_CRACKED = [
    "out/masks/cracked.png",
    "out/overlays/cracked.png",
    "out/thumbnails/cracked.jpg",
    "out/records/cracked.json",
]

KILLED = """
import os, signal, sys
from pathlib import Path
from crackflow.output.folder import OutputFolder

written = OutputFolder.write
def write(folder, name, *content):
    written(folder, name, *content)
    if name == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
OutputFolder.write = write
from pipelines.cli import app
app(["predict", "photos", "--out", "out"])
"""


def test_a_killed_run_leaves_no_old_summary_and_the_next_one_goes_on(checkout):
    predict("photos", "out")
    whole = hashes("out")
    Path("out/notes.txt").write_text("mine")
    killed = subprocess.run([sys.executable, "-c", KILLED, "records/cracked.json"], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(hashes("out")) == [
        ".crackflow-manifest.journal",
        ".crackflow.lock",
        "crackflow-manifest.json",
        "masks/cracked.png",
        "notes.txt",
        "overlays/cracked.png",
        "records/cracked.json",
        "thumbnails/cracked.jpg",
    ]
    found = manifest.read_manifest(Path("out"))
    assert found.state == "writing"
    assert [one.path for one in found.files] == [name.removeprefix("out/") for name in OF_CRACKED]
    assert all(manifest.unchanged(Path("out"), one) for one in found.files)
    assert "2 done, 1 of them by an earlier run" in predict("photos", "out", "--resume").stdout
    after = hashes("out")
    assert after.pop("notes.txt")
    assert after == whole


STOPPED = KILLED.replace("signal.SIGKILL", "signal.SIGINT")


def test_a_run_that_is_stopped_says_what_it_has_done(checkout):
    run = subprocess.run(
        [sys.executable, "-c", STOPPED, "overlays/cracked.png"], check=False, capture_output=True, text=True
    )
    said = run.stderr.splitlines()[-1]
    # the signal comes when its last file is written, before the photograph counts
    assert said == "error: stopped by SIGINT; 0 of 2 photographs are marked in out, without a summary; --resume goes on"
    assert run.returncode == 128 + signal.SIGINT
    assert not Path("out/.crackflow.lock").exists()
    assert predict("photos", "out").exit_code == 0


def states():
    """Number and time of each file in out; a new file may get the number of one that was removed."""
    files = [path for path in Path("out").rglob("*") if path.is_file()]
    return {path.as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def stopped(checkout, monkeypatch):
    """A run that was stopped when it had written the mask of the second of two photographs."""
    written = OutputFolder.write

    def write(folder, name, *content):
        written(folder, name, *content)
        if name == "masks/plain.png":
            raise KeyboardInterrupt

    monkeypatch.setattr(OutputFolder, "write", write)
    assert predict().exit_code != 0
    monkeypatch.setattr(OutputFolder, "write", written)
    assert Path("out/records/cracked.json").is_file()
    assert not Path("out/records/plain.json").exists()
    return states()


def same(before):
    """Which of these files are still the same files."""
    now = states()
    return {path for path, state in before.items() if now.get(path) == state}


def test_a_stopped_run_goes_on_where_it_was(stopped):
    result = predict("photos", "out", "--resume")
    assert result.exit_code == 0, result.stderr
    assert "photographs: 2 done, 1 of them by an earlier run; with cracks: 1; empty: 1;" in result.stdout
    assert same(stopped) == set(OF_CRACKED)
    resumed = hashes("out")
    assert predict("photos", "whole").exit_code == 0
    whole = hashes("whole")
    assert resumed == whole


def test_without_resume_all_is_done_again(stopped):
    assert "photographs: 2 done; with" in predict("photos", "out").stdout
    assert not same(stopped) & set(OF_CRACKED)


def test_when_all_is_done_only_the_tables_are_written_again(checkout):
    predict("photos", "out")
    before = states()
    labels = predict("photos", "out", "--resume", "--format", "labelme")
    assert "2 done, 2 of them by an earlier run" in labels.stdout
    assert {Path(name).parent.name for name in same(before)} == {"masks", "overlays", "thumbnails", "records"}
    assert Path("out/labelme/plain.json").is_file()


@pytest.mark.parametrize("change", ["photograph", "mask", "scale", "point"])
def test_what_follows_from_something_else_is_done_again(checkout, change):
    predict("photos", "out")
    options = ["--resume"]
    if change == "photograph":
        Path("photos/cracked.png").write_bytes(Path("photos/plain.jpg").read_bytes())
    elif change == "mask":
        Path("out/masks/cracked.png").unlink()
    elif change == "scale":
        Path("scales.csv").write_text("photograph,mm_per_px\ncracked.png,0.5\n")
        options += ["--mm-per-px-file", "scales.csv"]
    else:
        (checkout / "models/operating_point.json").write_text(json.dumps({"threshold": 0.6}))
    result = predict("photos", "out", *options)
    assert result.exit_code == 0, result.stderr
    assert (", 1 of them by an earlier run" in result.stdout) == (change != "point")


def test_probabilities_of_an_earlier_photograph_are_not_taken_for_those_of_the_new_one(checkout):
    predict("photos/cracked.png", "out", "--probability")
    Path("photos/cracked.png").write_bytes(Path("photos/plain.jpg").read_bytes())
    predict("photos/cracked.png", "out")
    assert not Path("out/probability").exists()
    assert "done by an" not in predict("photos/cracked.png", "out", "--resume", "--probability").stdout
    probability = cv2.imread("out/probability/cracked.png", cv2.IMREAD_UNCHANGED)
    assert not (probability > 0.5 * 65536).any()
    # as right as before, so they need not be made again
    predict("photos/cracked.png", "out", "--resume")
    before = states()
    assert "1 of them by an earlier run" in predict("photos/cracked.png", "out", "--resume", "--probability").stdout
    assert "out/probability/cracked.png" in same(before)


def test_labels_of_an_earlier_run_do_not_stay_beside_new_tables(checkout):
    labels = {"coco.json", "cvat.xml"}
    labels |= {f"geojson/{name}.geojson" for name in ("cracked", "plain")}
    labels |= {f"labelme/{name}.json" for name in ("cracked", "plain")}
    asked = ("--mm-per-px", "1", "--format", "geojson,coco,labelme,cvat", "--probability")
    predict("photos", "out", *asked)
    assert labels <= set(hashes("out"))
    Path("out/labelme/plain.json").write_text("corrected by hand")
    Path("out/labelme/mine.json").write_text("mine")
    assert predict("photos/cracked.png", "out", "--mm-per-px", "100").exit_code == 0
    left = {name for name in hashes("out") if name in labels or name.startswith(("labelme/", "probability/"))}
    # of the photograph that this run does not have, and of the user
    assert left == {"geojson/plain.geojson", "labelme/plain.json", "labelme/mine.json", "probability/plain.png"}
    assert predict("photos", "out", "--mm-per-px", "100").exit_code == 0
    assert {name for name in hashes("out") if name in labels} == {"labelme/plain.json"}
    assert Path("out/labelme/plain.json").read_text() == "corrected by hand"


def test_labels_and_probabilities_on_request(checkout):
    result = predict("photos", "out", "--format", "coco, CVAT,labelme,geojson", "--probability")
    assert result.exit_code == 0, result.stderr
    assert {"coco.json", "cvat.xml", "labelme/cracked.json", "geojson/plain.geojson"} <= set(hashes("out"))
    labelled = json.loads(Path("out/labelme/cracked.json").read_text())
    assert (Path("out/labelme") / labelled["imagePath"]).resolve() == Path("photos/cracked.png").resolve()
    probability = cv2.imread("out/probability/cracked.png", cv2.IMREAD_UNCHANGED)
    mask = cv2.imread("out/masks/cracked.png", cv2.IMREAD_UNCHANGED)
    assert probability.dtype == np.uint16
    np.testing.assert_array_equal(probability > 0.5 * 65536, mask > 0)
    refused = predict("photos", "other", "--format", "coco,yolo")
    assert refused.exit_code == 2
    assert "--format yolo, expected one or more of geojson, coco, labelme, cvat" in refused.stderr


def test_millimetres_by_photograph(checkout):
    Path("scales.csv").write_text("photograph,mm_per_px\ncracked.png,0.5\n")
    assert predict("photos", "out", "--mm-per-px-file", "scales.csv").exit_code == 0
    rows = list(csv.DictReader(Path("out/summary.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["mm_per_px"] for row in rows] == ["0.5", ""]
    assert rows[0]["total_length_mm"]
    assert predict("photos", "out", "--mm-per-px-file", "scales.csv", "--mm-per-px", "2").exit_code == 0
    rows = list(csv.DictReader(Path("out/summary.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["mm_per_px"] for row in rows] == ["0.5", "2.0"]


def test_width_classes_are_those_of_a_standard_where_there_is_a_scale(checkout):
    Path("scales.csv").write_text("photograph,mm_per_px\ncracked.png,0.5\n")

    def classes(*options):
        result = predict("photos/cracked.png", "out", "--mm-per-px-file", "scales.csv", *options)
        assert result.exit_code == 0, result.stderr
        rows = csv.DictReader(Path("out/cracks.csv").read_text(encoding="utf-8").splitlines())
        return [(float(row["width_p95_mm"]), row["width_class"]) for row in rows]

    assert all(name == ("hairline" if width < 0.1 else "fine" if width < 1 else "medium" if width < 2 else "wide")
               for width, name in classes())  # fmt: skip
    assert {name for _, name in classes("--width-classes-mm", "50,60,70")} == {"hairline"}
    # another bound is another result
    assert {name for _, name in classes("--width-classes-mm", "0.001,0.002,0.003", "--resume")} == {"wide"}
    found = json.loads(Path("out/results.json").read_text(encoding="utf-8"))
    assert found["about"]["width_classes_mm"] == [0.001, 0.002, 0.003]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--width-classes-mm", "0.1,0.3,1"), "--width-classes-mm is given, but no photograph has a scale"),
        (("--width-classes-mm", "0.3,0.1,1", "--mm-per-px", "1"), "width classes 0.3,0.1,1, expected from which"),
    ],
)
def test_width_classes_that_can_not_be_used(checkout, options, message):
    result = predict("photos", "out", *options)
    assert result.exit_code == 2
    assert f"error: {message}" in result.stderr
    assert not Path("out").exists()


def scales_of(out):
    rows = csv.DictReader(Path(out, "summary.csv").read_text(encoding="utf-8").splitlines())
    return {row["photo"]: row["mm_per_px"] for row in rows}


def test_a_row_names_one_photograph(checkout):
    """By the name that tables have; by the file's name alone only where no other photograph has the same."""
    plain = Path("photos/plain.jpg").read_bytes()
    for name in ("photos/deck/plain.jpg", "photos/deck/low.jpg", "photos/deck/x.jpg", "photos/pier/x.jpg"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(plain)
    how = ("--recursive", "--mm-per-px-file", "scales.csv")
    Path("scales.csv").write_text("photograph,mm_per_px\nplain.jpg,2\nlow.jpg,3\npier/x.jpg,4\nelse.jpg,5\n")
    result = predict("photos", "out", *how)
    assert result.exit_code == 0, result.stderr
    assert scales_of("out") == {
        "cracked.png": "", "deck/low.jpg": "3.0", "deck/plain.jpg": "", "deck/x.jpg": "", "pier/x.jpg": "4.0",
        "plain.jpg": "2.0",
    }  # fmt: skip
    assert "note: 1 of 4 rows of scales.csv name none of the photographs; the first, line 5: else.jpg" in result.stderr
    assert (
        "note: 3 of 6 photographs have no scale, their lengths are in px alone; the first, cracked.png: scales.csv "
        "does not name it\n"
    ) in result.stderr
    for text, message in (
        ("x.jpg,1\n", "scales.csv, line 2: x.jpg can be deck/x.jpg or pier/x.jpg; write which, with the folders"),
        ("low.jpg,1\ndeck/low.jpg,2\n", "scales.csv, lines 2 and 3 both name deck/low.jpg; remove one of the two"),
    ):
        Path("scales.csv").write_text(f"photograph,mm_per_px\n{text}")
        result = predict("photos", "other", *how)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert message in result.stderr


def test_a_row_names_a_photograph_as_other_systems_and_tables_write_it(checkout):
    """Accents as macOS writes them, on either side, and cells that summary.csv keeps from being computed."""
    plain = Path("photos/plain.jpg").read_bytes()
    composed, apart = "caf\u00e9.jpg", "e\u0301te.jpg"
    for name in (composed, apart, "=a.jpg", "-b/c.jpg"):
        Path("photos", name).parent.mkdir(exist_ok=True)
        Path("photos", name).write_bytes(plain)
    Path("scales.csv").write_text(
        "photograph,mm_per_px\ncafe\u0301.jpg,2\n\u00e9te.jpg,3\n'=a.jpg,4\n'-b/c.jpg,5\n", encoding="utf-8"
    )
    result = predict("photos", "out", "--recursive", "--mm-per-px-file", "scales.csv")
    assert result.exit_code == 0, result.stderr
    assert "rows of scales.csv" not in result.stderr
    found = scales_of("out")
    assert [found[name] for name in (composed, apart, "'=a.jpg", "'-b/c.jpg")] == ["2.0", "3.0", "4.0", "5.0"]
    # a photograph that is spelled as the row has it comes first
    Path("photos/'=a.jpg").write_bytes(plain)
    Path("scales.csv").write_text("photograph,mm_per_px\n'=a.jpg,4\n")
    assert predict("photos", "both", "--recursive", "--mm-per-px-file", "scales.csv").exit_code == 0
    records = [json.loads(path.read_text()) for path in Path("both/records").rglob("*=a.json")]
    assert {one["photo"]: one["mm_per_px"] for one in records} == {"=a.jpg": None, "'=a.jpg": 4.0}


def test_a_geotiff_whose_map_is_not_true_to_scale_is_measured_on_the_ground_or_stays_in_px(checkout):
    """Web Mercator at 60 degrees: a metre of the map is half a metre. Equidistant there: no squares."""
    rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")
    shape = {"count": 3, "height": 40, "width": 30, "dtype": "uint8", "photometric": "RGB"}
    for name, crs, north in (("web", "EPSG:3857", 8_399_738), ("equal", "EPSG:4087", 6_679_169)):
        lies = {"crs": crs, "transform": rasterio.Affine(0.002, 0, 0, 0, -0.002, north)}
        with rasterio.open(f"photos/{name}.tif", "w", driver="GTiff", **shape, **lies) as file:
            file.write(np.moveaxis(cv2.imread("photos/cracked.png"), -1, 0))
    result = predict("photos", "out")
    assert result.exit_code == 0, result.stderr
    found = scales_of("out")
    assert float(found.pop("web.tif")) == pytest.approx(1, rel=0.004)
    assert found == {"cracked.png": "", "equal.tif": "", "plain.jpg": ""}
    assert "note: 1 of 4 photographs have no scale, their lengths are in px alone; the first, equal.tif: its coor" in (
        result.stderr
    )


def test_millimetres_by_distance(checkout):
    """A sensor of 6.923 mm and 40 px at 5 mm: 1 m away a pixel measures 6.923 / 40 * 199 mm."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.FocalLength: 5.0, ExifTags.Base.FocalLengthIn35mmFilm: 25})
    Image.open("photos/cracked.png").save("photos/phone.jpg", exif=exif)
    result = predict("photos", "out", "--distance-m", "1")
    assert result.exit_code == 3, result.stderr
    assert "scale: 34.44 mm per px; phone.jpg: 1 m from the lens, focal length 5 mm, sensor 6.923 mm wide" in (
        result.stdout
    )
    assert "skipped: cracked.png has no focal length in its EXIF; give its scale in --mm-per-px-file" in result.stderr
    far = "note: 1 of 1 photographs, the first phone.jpg, have pixels of more than 20 mm, as 34.44; is --distance-m in "
    assert far in result.stderr
    found = json.loads(Path("out/results.json").read_text())
    assert found["counts"] == {"done": 1, "cracked": 1, "empty": 0, "skipped": 2}
    assert found["photographs"][0]["scale_origin"].endswith("pixel pitch 173 um")
    # a scale from the file is not asked of EXIF
    Path("mm.csv").write_text("photograph,mm_per_px\ncracked.png,0.5\nplain.jpg,0.5\n")
    assert predict("photos", "out", "--distance-m", "1", "--mm-per-px-file", "mm.csv").exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--distance-m", "1", "--mm-per-px", "1"), "both --mm-per-px and --distance-m are given"),
        (("--sensor-width-mm", "36"), "--sensor-width-mm is given without --distance-m"),
        (
            ("--distance-m", "1"),
            "--distance-m gives none of 2 photographs a scale; the first: cracked.png has no",
        ),
    ],
)
def test_a_distance_that_gives_no_scale(checkout, options, message):
    result = predict("photos", "out", *options)
    assert result.exit_code == 2
    assert f"error: {message}" in result.stderr
    assert not Path("out").exists()


def test_a_scale_that_is_none_is_said_before_any_work(checkout):
    Path("scales.csv").write_text("photograph,mm_per_px\nelse.png,0.5\n")
    result = predict("photos", "out", "--mm-per-px-file", "scales.csv")
    assert result.exit_code == 2
    assert "scales.csv names none of the photographs, such as cracked.png; correct its first column" in result.stderr
    assert "expected a number above 0" in predict("photos", "out", "--mm-per-px", "-1").stderr
    for text in ("1_25", "0,25", "nan", "inf"):  # the first is 125 to Python
        result = predict("photos", "out", "--mm-per-px", text)
        assert f"{text} is not a number, expected one such as 0.25" in result.stderr
    assert not Path("out").exists()


def test_a_run_into_a_folder_in_use_is_rejected(checkout):
    with claim(Path("out"), Path("photos"), [], command="predict"):
        result = predict("photos", "out")
    assert result.exit_code == 2
    assert "error: another run writes to out; wait until it has ended, or name another --out\n" in result.stderr
    assert predict("photos", "out").exit_code == 0


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


def test_a_geotiff_that_is_too_large_for_memory_gives_the_same_on_the_disk(checkout):
    """Pixels of 2 mm; a dark band of 30 px from row 100. Its area ends at 5,400,000 - 0.2 and - 0.26 m."""
    rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")
    photo = np.full((3, 300, 1020), 200, np.uint8)
    photo[:, 100:130] = 0
    shape = {"count": 3, "height": 300, "width": 1020, "dtype": "uint8", "photometric": "RGB"}
    lies = {"crs": "EPSG:25832", "transform": rasterio.Affine(0.002, 0, 500_000, 0, -0.002, 5_400_000)}
    with rasterio.open("photos/road.tif", "w", driver="GTiff", tiled=True, **shape, **lies) as file:
        file.write(photo)
    how = ("--format", "geojson", "--scale", "0.1")
    assert predict("photos/road.tif", "whole", *how).exit_code == 0
    result = predict("photos/road.tif", "parts", *how, "--max-memory", "0.016")
    assert result.exit_code == 0, result.stderr
    assert "scale: 2.001 mm per px; road.tif: transform of the GeoTIFF, urn:ogc:def:crs:EPSG::25832" in result.stdout
    for name in ("masks/road.png", "overlays/road.png", "cracks.csv", "geojson/road.geojson"):
        assert Path("whole", name).read_bytes() == Path("parts", name).read_bytes()
    found = json.loads(Path("parts/geojson/road.geojson").read_text())
    assert found["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::25832"
    area = next(one["geometry"] for one in found["features"] if one["properties"]["kind"] == "area")
    (y_low, y_high) = (extreme(y for x, y in area["coordinates"][0][0]) for extreme in (min, max))
    # to two pixels: the band is looked at at a tenth of its size
    assert (y_low, y_high) == pytest.approx((5_400_000 - 0.26, 5_400_000 - 0.2), rel=0, abs=0.004)
    # the user's own scale counts for more
    predict("photos/road.tif", "own", *how, "--mm-per-px", "7")
    (row,) = csv.DictReader(Path("own/summary.csv").read_text(encoding="utf-8").splitlines())
    assert float(row["mm_per_px"]) == 7


def test_without_the_extra_a_geotiff_is_done_and_one_line_says_what_is_missing(checkout, monkeypatch):
    tifffile.imwrite("photos/road.tif", np.full((40, 30, 3), 200, np.uint8), extratags=[(34735, "H", 4, (1, 1, 0, 0))])
    monkeypatch.setitem(sys.modules, "rasterio", None)
    result = predict("photos/road.tif", "out")
    assert result.exit_code == 0, result.stderr
    assert (
        "note: where 1 photographs lie on the ground is not read; the first, road.tif: install crackflow with its "
        "extra geo: pip install 'crackflow[geo]'\n"
    ) in result.stderr

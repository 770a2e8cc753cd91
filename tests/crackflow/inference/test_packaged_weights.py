"""crackflow/inference/packaged_weights.py, and the weights that come with the package."""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.inference import packaged_weights
from crackflow.inference.card import CARD, card_values
from crackflow.inference.operating_point_file import read_operating_point
from crackflow.models import seen_pairs
from crackflow.runtimes import topology
from crackflow.splitting.foreign import CHOSEN_ON

ROOT = Path(__file__).parents[3]
FILES = {
    packaged_weights.MODEL,
    packaged_weights.POINT,
    packaged_weights.TRAINED_ON,
    packaged_weights.CHOSEN_ON,
    CARD,
    packaged_weights.PAGE,
    packaged_weights.LICENSE,
    topology.FILE,
}


@pytest.fixture
def card():
    return card_values(packaged_weights.FOLDER)


def test_the_folder_holds_what_it_should_and_no_more():
    assert {path.name for path in packaged_weights.FOLDER.iterdir()} == FILES


def test_the_model_is_the_one_of_the_card_and_small_enough(card):
    content = (packaged_weights.FOLDER / packaged_weights.MODEL).read_bytes()
    assert len(content) == card["bytes"] <= 10_000_000
    assert hashlib.sha256(content).hexdigest() == card["sha256"]


def test_the_topology_is_of_the_model(card):
    assert topology.read(packaged_weights.FOLDER / topology.FILE, packaged_weights.FOLDER / packaged_weights.MODEL)
    assert (packaged_weights.FOLDER / topology.FILE).stat().st_size + card["bytes"] <= 12_000_000


def test_plain_keras_opens_the_model_and_it_predicts_probabilities(card):
    model = keras.saving.load_model(packaged_weights.FOLDER / packaged_weights.MODEL)
    assert model.count_params() == card["parameters"] <= 5_000_000
    side = card["resize"]["size"]
    assert model.output_shape == (None, side, side, len(card["classes"]))
    found = model.predict_on_batch(np.full((1, side, side, 3), 128, np.float32))
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_the_lists_are_as_long_as_the_card_says_and_share_no_pair(card):
    seen = packaged_weights.seen(packaged_weights.FOLDER)
    subsets = card["data"]["subsets"]
    chosen_on = sum(subsets.get(name, 0) for name in CHOSEN_ON)
    assert (len(seen.trained_on), len(seen.chosen_on)) == (subsets["train"], chosen_on)
    assert not seen.trained_on & seen.chosen_on


def test_the_operating_point_is_the_one_that_the_figures_are_at(card):
    point = read_operating_point(packaged_weights.FOLDER / packaged_weights.POINT, 512)
    assert point.threshold == pytest.approx(card["figures"]["protocol"]["threshold"], abs=1e-6)
    assert json.loads((packaged_weights.FOLDER / packaged_weights.POINT).read_text())["model_sha256"] == card["sha256"]


def test_nothing_names_a_place_of_the_machine_that_wrote_it():
    for path in packaged_weights.FOLDER.iterdir():
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                assert b"/tmp" not in archive.read("model.xml")
        elif path.suffix != ".keras":
            text = path.read_text(encoding="utf-8")
            # a path below the root, a drive, or a way out of the folder
            assert not re.findall(r"(?<![\w/:.)\]}])/\w+|[A-Z]:\\|\.\./", text), path


def test_a_wheel_holds_the_folder(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if name.startswith("crackflow/weights/")}
        assert names == {f"crackflow/weights/{name}" for name in FILES}
        assert (
            wheel.read(f"crackflow/weights/{packaged_weights.MODEL}")
            == (packaged_weights.FOLDER / packaged_weights.MODEL).read_bytes()
        )
        assert [name for name in wheel.namelist() if name.endswith("dist-info/licenses/LICENSE")]


VALUES = {
    "revision": "abc",
    "classes": {"background": [0, 0, 0], "crack": [255, 0, 0]},
    "resize": {"size": 64, "mode": "crop"},
    "figures": {"protocol": {"tolerance_px": 3}},
}


def test_a_folder_tells_how_its_model_was_fed_and_judged(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps(VALUES))
    weights = packaged_weights.open_folder(tmp_path, "mine")
    assert weights.name == "mine (abc)"
    assert (weights.model, weights.point_file) == (tmp_path / "flexunet.keras", tmp_path / "operating_point.json")
    assert (weights.params.resize.size, weights.params.resize.mode) == (64, "crop")
    assert weights.params.classes == {"background": (0, 0, 0), "crack": (255, 0, 0)}
    assert weights.params.evaluate.tolerance_px == 3


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("research", "these weights are for research only, since some of their data are: "),
        ("unstated", "the terms of some data that these weights were trained on are not stated: "),
        ("any", ""),
        (None, ""),
    ],
)
def test_what_the_terms_of_the_data_mean(tmp_path, use, words):
    (tmp_path / "card.json").write_text(json.dumps({**VALUES, **({"use": use} if use else {})}))
    said = packaged_weights.open_folder(tmp_path, "mine").terms()
    assert said == (words and f"{words}{tmp_path / 'LICENSE-WEIGHTS.md'}")


def test_an_operating_point_of_another_model_is_rejected(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps(VALUES))
    (tmp_path / "flexunet.keras").write_bytes(b"one model")
    own = {"threshold": 0.3, "model_sha256": hashlib.sha256(b"one model").hexdigest()}
    (tmp_path / "operating_point.json").write_text(json.dumps(own))
    assert packaged_weights.open_folder(tmp_path, "mine").point().threshold == 0.3
    (tmp_path / "flexunet.keras").write_bytes(b"another one")
    with pytest.raises(ModelError, match=r"operating_point\.json was chosen for another model than flexunet\.keras"):
        packaged_weights.open_folder(tmp_path, "mine")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no weights in .*: card.json is not there"),
        ("{", "can't be used"),
        ("[1]", "can't be used"),
        (json.dumps({**VALUES, "resize": {"size": 0, "mode": "crop"}}), "can't be used"),
        (json.dumps({**VALUES, "resize": {"size": "64", "mode": "crop"}}), r"can't be used \(resize.size: .* '64'\)"),
        (json.dumps({**VALUES, "figures": {}}), r"can't be used \(figures.protocol: Field required"),
        (json.dumps({**VALUES, "revison": "abc"}), "revison: Extra inputs are not permitted"),
        (json.dumps({**VALUES, "use": "all"}), r"can't be used \(use: .*'all'"),
        (json.dumps({**VALUES, "format": 2}), "format: Input should be 1"),
    ],
)
def test_a_card_that_can_not_be_used_is_told(tmp_path, content, message):
    if content:
        (tmp_path / "card.json").write_text(content)
    with pytest.raises(ModelError, match=message) as told:
        packaged_weights.open_folder(tmp_path, "mine")
    assert "\n" not in str(told.value)


def test_chosen_on_is_read_as_trained_on_is(tmp_path):
    for name, text in (
        ("trained_on.txt", seen_pairs.render(["a"])),
        ("chosen_on.txt", packaged_weights.chosen_on_text(["b"])),
    ):
        (tmp_path / name).write_text(text)
    assert (
        (tmp_path / "chosen_on.txt").read_text().startswith("# Pairs that this model's operating point was chosen on")
    )
    seen = packaged_weights.seen(tmp_path)
    assert (seen_pairs.known(["a", "b"], seen.trained_on), seen_pairs.known(["a", "b"], seen.chosen_on)) == (
        ["a"],
        ["b"],
    )

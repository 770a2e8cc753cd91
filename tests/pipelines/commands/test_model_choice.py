"""pipelines/commands/model_choice.py: which model is taken, and what it has seen."""

import hashlib
import json
import os

import pytest

from crackflow.errors import CrackflowError, ModelError
from crackflow.inference import packaged_weights
from crackflow.inference.operating_point import OperatingPoint
from crackflow.models import seen_pairs
from crackflow.params import Params, render
from pipelines.commands import model_choice
from pipelines.commands.model_choice import choose

CARD = {
    "revision": "abc",
    "classes": {"background": [0, 0, 0], "crack": [255, 255, 255]},
    "resize": {"size": 64, "mode": "letterbox"},
    "figures": {"protocol": {"tolerance_px": 2}},
}


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a model of its own, whose pairs a, b, c are of train, valid, test."""
    root = tmp_path / "checkout"
    (root / "models").mkdir(parents=True)
    (root / "models/flexunet.keras").write_bytes(b"a model")
    (root / "models/operating_point.json").write_text('{"threshold": 0.5}')
    (root / "params.yaml").write_text(render(Params.model_validate({"resize": {"mode": "crop"}})))
    (root / "data").mkdir()
    (root / "data/split.csv").write_text(
        "stem,photograph,source,subset\na_tile0_0,a,s,train\nb,b,s,valid\nc,c,s,test\n"
    )
    return root


@pytest.fixture
def folder(tmp_path):
    """A folder of weights as packed ones lie."""
    made = tmp_path / "weights"
    made.mkdir()
    (made / "flexunet.keras").write_bytes(b"a model")
    (made / "operating_point.json").write_text('{"threshold": 0.5}')
    (made / "card.json").write_text(json.dumps(CARD))
    (made / "trained_on.txt").write_text(seen_pairs.render(["a"]))
    (made / "chosen_on.txt").write_text(packaged_weights.chosen_on_text(["b"]))
    return made


def test_without_a_trained_model_it_is_the_packaged_one(tmp_path):
    found = choose(tmp_path)
    assert found.model == packaged_weights.FOLDER / "flexunet.keras"
    assert found.name.startswith("the packaged weights (")


def test_a_trained_model_comes_first(checkout):
    found = choose(checkout)
    assert (found.model, found.name) == (checkout / "models/flexunet.keras", "the model trained here")
    assert found.point_file == checkout / "models/operating_point.json"
    assert found.params.resize.mode == "crop"
    assert choose(checkout, "trained") == found


def test_an_operating_point_of_another_model_is_rejected(checkout):
    point = {"threshold": 0.5, "model_sha256": hashlib.sha256(b"a model").hexdigest()}
    (checkout / "models/operating_point.json").write_text(json.dumps(point))
    assert choose(checkout).point() == OperatingPoint(0.5)
    (checkout / "models/flexunet.keras").write_bytes(b"trained again")
    with pytest.raises(ModelError, match=r"chosen for another model than flexunet.keras.*rebuild evaluate"):
        choose(checkout)


def test_a_model_without_its_operating_point_says_how_to_get_one(checkout):
    (checkout / "models/operating_point.json").unlink()
    with pytest.raises(ModelError, match=r"no operating point at .*\.json; `crackflow rebuild evaluate`"):
        choose(checkout)


def test_the_trained_one_must_be_there(tmp_path):
    with pytest.raises(ModelError, match=r"no model at .*flexunet.keras; train one.*--model packaged"):
        choose(tmp_path, "trained")


def test_another_file_beside_packaged_weights_is_taken_alone(folder, tmp_path):
    (folder / "best.keras").write_bytes(b"another model")
    found = choose(tmp_path, "weights/best.keras")
    assert (found.model, found.point_file, found.lists) == (folder / "best.keras", None, None)
    assert choose(tmp_path, "weights/flexunet.keras").lists == folder


def test_the_packaged_one_by_name(checkout):
    assert choose(checkout, "packaged").model.parent == packaged_weights.FOLDER


@pytest.mark.parametrize("path", ["checkout", "checkout/models/flexunet.keras"])
def test_another_checkout_by_path(checkout, tmp_path, path):
    found = choose(tmp_path, path)
    assert (found.model, found.params.resize.mode) == (checkout / "models/flexunet.keras", "crop")


@pytest.mark.parametrize("path", ["weights", "weights/flexunet.keras"])
def test_a_folder_of_weights_by_path(folder, tmp_path, path):
    found = choose(tmp_path, path)
    assert (found.model, found.params.resize.mode) == (folder / "flexunet.keras", "letterbox")
    assert found.name == f"the weights in {path} (abc)"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("nowhere", "no model at nowhere; expected packaged, trained, a checkout"),
        ("empty", "no weights in .*empty: card.json is not there"),
        ("trained", "no model at .*flexunet.keras; train one"),
    ],
)
def test_what_is_not_there_is_told(tmp_path, choice, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CrackflowError, match=message):
        choose(tmp_path, choice)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="pipe is no regular file and no folder"):
        choose(tmp_path, "pipe")


def test_a_model_file_alone_has_no_operating_point_and_is_not_scored(checkout):
    """The best epoch of a training that was stopped."""
    best = checkout / ".crackflow/state/train/key/best.keras"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"a model")
    found = choose(checkout, ".crackflow/state/train/key/best.keras")
    assert (found.model, found.point(), found.params.resize.mode) == (best, OperatingPoint(0.5), "crop")
    with pytest.raises(ModelError, match=r"no list beside .*best\.keras tells what it was trained on"):
        model_choice.seen(found)


def stems(hashes):
    return seen_pairs.known(["a", "b", "c", "d"], hashes)


def test_a_folder_has_seen_what_its_lists_say(folder, tmp_path):
    seen = model_choice.seen(choose(tmp_path, "weights"))
    assert (stems(seen.trained_on), stems(seen.chosen_on)) == (["a"], ["b"])


def test_a_checkout_has_seen_what_its_split_says(checkout):
    (checkout / "models/trained_on.txt").write_text(seen_pairs.render(["a"]))
    seen = model_choice.seen(choose(checkout))
    assert (stems(seen.trained_on), stems(seen.chosen_on)) == (["a"], ["b"])


def test_a_split_made_again_after_training_is_rejected(checkout):
    """It no longer tells which pairs were valid."""
    (checkout / "models/trained_on.txt").write_text(seen_pairs.render(["b"]))
    with pytest.raises(ModelError, match=r"split\.csv was made again after the model was trained"):
        model_choice.seen(choose(checkout))


def test_a_checkout_without_a_split_is_told(checkout):
    (checkout / "data/split.csv").unlink()
    with pytest.raises(ModelError, match=r"no split at .*split\.csv, which tells what the model was trained on"):
        model_choice.seen(choose(checkout))

import json

import keras
import numpy as np
import pandas as pd
import pytest

from crackflow.errors import CrackflowError, DataError
from crackflow.imaging.images import encode_classes, write_png
from crackflow.inference import packaged_weights
from crackflow.inference.card import card_values
from crackflow.models import seen_pairs
from crackflow.params import Params, dump
from pipelines.commands.score import score
from scripts import pack
from tasks import evaluate, resize
from tasks.workspace import Workspace

SIDE = 32
SUBSETS = ("train", "train", "valid", "valid", "test", "test")
STEMS = [f"CFD_{number:03d}" for number in range(6)]


def made_pair(number):
    """A dark band, which the label has a row higher up."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[6 : 9 + number % 3] = 1
    level = np.where(np.roll(mask, 1, axis=0) > 0, 40, 170) + np.random.default_rng(number).normal(0, 30, mask.shape)
    return np.repeat(np.clip(level, 0, 255).astype(np.uint8)[..., None], 3, axis=2), mask


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A work tree of six pairs after resize and evaluate, and what benchmarks.accuracy.real wrote of it."""
    workspace = Workspace(tmp_path_factory.mktemp("run"))
    values = dump(Params())
    values["resize"]["size"] = values["train"]["crop"] = SIDE
    values["model"].update(num_layers=3, widths=[])
    params = Params.model_validate(values)
    for number, stem in enumerate(STEMS):
        image, mask = made_pair(number)
        write_png(workspace.raw / f"images/{stem}.png", image)
        write_png(workspace.raw / f"masks/{stem}.png", encode_classes(mask, 2))
    names = [f"{stem}.png" for stem in STEMS]
    pairs = pd.DataFrame({"stem": STEMS, "image": names, "mask": names, "given": "", "set": ""})
    pairs.to_csv(workspace.raw / "pairs.csv", index=False)
    workspace.raw_json.write_text(json.dumps({"rejected": []}))
    resize.run(workspace, params)
    split = pd.DataFrame({"stem": STEMS, "photograph": STEMS, "source": "CFD", "group": STEMS, "subset": SUBSETS})
    split.to_csv(workspace.split_csv, index=False)
    workspace.model.parent.mkdir()
    workspace.trained_on.write_text(seen_pairs.render(STEMS[:2]))
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layer])
    # the crack's logit is 10 - 0.1 * level, the background's 0
    layer.set_weights([np.array([0, -0.1 / 3] * 3, np.float32).reshape(1, 1, 3, 2), np.array([0, 10], np.float32)])
    model.save(workspace.model)
    evaluate.run(workspace, params)
    results = {
        "revision": "abc",
        "machine": {"cores": 2},
        "pairs": 6,
        "pairs_sha256": "0" * 64,
        "stage_s": {"train": 60.0},
        "stage_peak_mib": {"train": 100},
        "figures": json.loads(workspace.metrics_json.read_text()),
        "params": dump(params),
    }
    return workspace, results


def test_a_run_becomes_weights_whose_figures_score_gives_again(run, tmp_path):
    workspace, results = run
    pack.write(workspace, results, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "card.json",
        "chosen_on.txt",
        "flexunet.keras",
        "openvino.zip",
        "operating_point.json",
        "trained_on.txt",
    ]
    card = card_values(tmp_path)
    assert card["data"]["subsets"] == {"train": 2, "valid": 2, "test": 2}
    assert card["data"]["by_source"] == {"CFD": {"train": 2, "valid": 2, "test": 2}}
    assert card["parameters"] == 8
    assert card["use"] == "research"
    assert sum(one["images"] for one in card["leave_out"]["places"].values()) > 0
    again = score(packaged_weights.open_folder(tmp_path, "mine"), workspace.raw)
    assert (again.figures, again.rows()) == (card["figures"], card["by_source"])
    assert again.words() == (
        "scored: 2; set aside: 2 that the model was trained on, 2 that its operating point was chosen on; rejected: 0"
    )
    # of the run itself, but for the rounding of the weights
    reached = results["figures"]["crack"]["pooled"]["iou"]
    assert card["figures"]["crack"]["pooled"]["iou"] == pytest.approx(reached, abs=1e-3)


def test_packed_weights_are_scored_again_without_the_run(run, tmp_path):
    """From the folder of weights and the pairs alone; the card keeps all but the figures."""
    workspace, results = run
    pack.write(workspace, results, tmp_path)
    card = card_values(tmp_path)
    old = {name: block for name, block in card["figures"].items() if name != "intervals"}
    (tmp_path / "card.json").write_text(json.dumps({**card, "figures": old}))
    pack.score_again(tmp_path, workspace.raw)
    assert card_values(tmp_path) == card


def test_scores_of_other_pairs_or_of_another_prediction_are_not_written(run, tmp_path):
    workspace, results = run
    pack.write(workspace, results, tmp_path)
    card = card_values(tmp_path)
    more = json.loads(json.dumps(card))
    more["figures"]["protocol"]["images"] = 3
    better = json.loads(json.dumps(card))
    better["figures"]["crack"]["pooled"]["iou"] += 0.01
    for changed, words in ((more, "holds 2 pairs to score, expected 3"), (better, "pooled IoU is .* expected")):
        (tmp_path / "card.json").write_text(json.dumps(changed))
        with pytest.raises(CrackflowError, match=words):
            pack.score_again(tmp_path, workspace.raw)
        assert card_values(tmp_path) == changed


def test_figures_of_another_run_are_rejected_and_nothing_is_written(run, tmp_path):
    workspace, results = run
    with pytest.raises(DataError, match="hold different figures"):
        pack.write(workspace, {**results, "figures": {}}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_training_whose_time_is_not_known_is_rejected(run, tmp_path):
    workspace, results = run
    with pytest.raises(DataError, match="no time for the training, whose model DVC took from its cache"):
        pack.write(workspace, {**results, "stage_s": {"train": None}}, tmp_path)
    assert list(tmp_path.iterdir()) == []

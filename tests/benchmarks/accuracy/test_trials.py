import json
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.accuracy import real, trials
from crackflow.atomic import write_text
from crackflow.evaluation.thresholds import levels
from crackflow.imaging.images import write_png
from tasks.code_closure import closure


def test_a_result_is_keyed_by_all_code_that_trains_and_scores():
    code = set(closure("benchmarks.accuracy.trials"))
    assert set(closure("crackflow.training.loop")) < code
    scores = (
        "inference/predictor",
        "inference/network",
        "evaluation/metrics",
        "evaluation/thresholds",
        "inference/operating_point",
    )
    assert {f"crackflow/{name}.py" for name in scores} <= code


@pytest.mark.parametrize("module", ["benchmarks/accuracy/trials.py", "crackflow/training/loop.py"])
def test_the_key_is_another_when_the_code_is(tmp_path, monkeypatch, copied_code, module):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw.json").write_text('{"sha256": "0"}')
    monkeypatch.setattr(real, "TREE", tmp_path)
    trial = trials.Trial((), ("CFD_001",), ("CFD_002",), ("CFD_003",))
    before = trials.key(trial)
    (copied_code / "scripts/pack.py").write_text("")
    assert trials.key(trial) == before
    with (copied_code / module).open("a") as file:
        file.write("# changed\n")
    assert trials.key(trial) != before


def of_two(crack, background):
    """Levels of an image of two pixels, the second a crack, with these probabilities."""
    probabilities = np.array([[background, crack]], np.float32)
    return levels(np.stack([1 - probabilities, probabilities], -1), np.array([[0, 1]], np.uint8))


def test_figures_by_source_follow_the_rules_that_the_training_had():
    """Two pairs of one name prefix, which a rule of the parameters takes apart."""
    trial = trials.Trial((), (), ("kerb_1",), ("kerb_1", "kerb_2"))
    known = dict.fromkeys(("kerb_1", "kerb_2"), of_two(0.9, 0.1))
    found = trials.scored(known, trial, {"kerb_1": "old", "kerb_2": "new"}.__getitem__)
    assert list(found["by_source"]) == ["new", "old"]
    assert [one["images"] for one in found["by_source"].values()] == [1, 1]


def test_figures_are_pooled_and_per_image_by_hand():
    """At one half: tp 2, fp 1, fn 1, and 2 px of alarm in a crack-free image: 2 in 6 pooled, 2 in 4 of the first."""
    truth = np.array([[[1, 1, 1, 0]], [[0, 0, 0, 0]]], np.uint8)
    crack = np.array([[[0.9, 0.9, 0.1, 0.9]], [[0.9, 0.9, 0.1, 0.1]]], np.float32)
    known = {
        name: levels(np.stack([1 - probabilities, probabilities], -1), mask)
        for name, probabilities, mask in zip("ab", crack, truth, strict=True)
    }
    found = trials.figures(known, ["a", "b"], 0.5)
    assert found == {"images": 2, "pooled_iou": 0.333333, "positives_iou": 2 / 4, "false_alarms": 1.0}


@pytest.mark.parametrize(("weight", "threshold"), [(0.0, 0.75), (1.0, 0.25)])
def test_pairs_of_places_never_seen_help_to_choose_the_threshold(monkeypatch, weight, threshold):
    """The crack has 1 at home and 65/256 abroad, the background .75 and .25: there .75 is right, here .25."""
    known = {"home": of_two(1.0, 0.75), "abroad": of_two(65 / 256, 0.25)}
    trial = trials.Trial((), (), ("home",), ("abroad",), ("abroad",))
    assert trials.scored(known, trial, str, weight)["threshold"] == threshold


def test_a_training_keeps_the_levels_of_each_image_that_it_is_scored_on(tmp_path, monkeypatch):
    """A real training of two steps on six pairs; the second call trains nothing."""
    tree = tmp_path / "tree"
    random = np.random.default_rng(0)
    names = [f"kerb_{number}" for number in range(6)]
    for name in names:
        mask = np.zeros((64, 64), np.uint8)
        mask[30:34] = 255
        write_png(tree / f"data/resized/images/{name}.png", random.integers(0, 256, (64, 64, 3), np.uint8))
        write_png(tree / f"data/resized/masks/{name}.png", mask)
    write_text(tree / "data/raw.json", '{"sha256": "0"}')
    monkeypatch.setattr(real, "TREE", tree)
    monkeypatch.setattr(trials, "TRIALS", tmp_path / "trials")
    small = ("resize.size=64", "train.crop=32", "train.epochs=1", "train.steps_per_epoch=2", "train.batch_size=2")
    network = ("model.architecture=flexunet", "model.widths=[4, 8]", "model.num_layers=2", "model.base_kernels=[3, 3]")
    settings = (*small, *network, "train.precision=float32", "train.warmup_steps=1")
    trial = trials.Trial(settings, tuple(names[:3]), (names[3],), (names[3],), unseen=tuple(names[4:]))
    assert not trials.finished(trial)
    folder = tmp_path / "trials" / trials.key(trial)
    write_text(folder / "trial.json", json.dumps(asdict(trial)))
    trials.main(folder)
    assert trials.finished(trial)
    found = trials.levels_by_stem(trial)
    assert list(found) == names[3:]
    assert all(one.shape == (2, 257) and one.sum(axis=1).tolist() == [60 * 64, 4 * 64] for one in found.values())
    result = trials.carry_out("again", trial)
    assert result["steps"] == 2
    assert result["all"] == trials.figures(found, [names[3]], result["threshold"])

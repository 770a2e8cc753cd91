import pytest

from benchmarks.accuracy import real, trials
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


def test_figures_by_source_follow_the_rules_that_the_training_had():
    """Two pairs of one name prefix, which a rule of the parameters takes apart."""
    import keras
    import numpy as np

    class Pairs:
        def image(self, stem):
            return np.zeros((1, 2, 3), np.uint8)

        def mask(self, stem):
            return np.array([[1, 0]], np.uint8)

    layer = keras.layers.Conv2D(2, 1, activation="softmax", kernel_initializer="zeros")
    halves = keras.Sequential([keras.Input((1, 2, 3)), layer])
    trial = trials.Trial((), (), ("kerb_1",), ("kerb_1", "kerb_2"))
    found = trials.scored(halves, Pairs(), trial, {"kerb_1": "old", "kerb_2": "new"}.__getitem__)
    assert list(found["by_source"]) == ["new", "old"]
    assert [one["images"] for one in found["by_source"].values()] == [1, 1]


def test_figures_are_pooled_and_per_image_by_hand():
    """At one half: tp 2, fp 1, fn 1, and 2 px of alarm in a crack-free image: 2 in 6 pooled, 2 in 4 of the first."""
    import numpy as np

    from crackflow.evaluation.thresholds import levels

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
    import numpy as np

    from crackflow.evaluation.thresholds import levels

    truth = np.array([[0, 1]], np.uint8)
    known = {"home": [0.75, 1.0], "abroad": [0.25, 65 / 256]}

    def levels_of(_model, _pairs, stem):
        crack = np.array([known[stem]], np.float32)
        return levels(np.stack([1 - crack, crack], -1), truth)

    monkeypatch.setattr(trials, "levels_of", levels_of)
    trial = trials.Trial((), (), ("home",), ("abroad",), ("abroad",))
    assert trials.scored(None, None, trial, str, weight)["threshold"] == threshold

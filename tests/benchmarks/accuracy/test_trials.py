from benchmarks.accuracy import trials
from tasks.code_closure import closure


def test_a_result_is_keyed_by_all_code_that_trains_and_scores():
    code = set(closure("benchmarks.accuracy.trials"))
    assert set(closure("crackflow.training.loop")) < code
    scores = ("inference/predictor", "evaluation/metrics", "evaluation/thresholds", "inference/operating_point")
    assert {f"crackflow/{name}.py" for name in scores} <= code


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

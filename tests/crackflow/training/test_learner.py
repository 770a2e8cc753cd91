import numpy as np

from crackflow.models import registry
from crackflow.params import FlexUNetParams, TrainParams
from crackflow.training import deep_supervision
from crackflow.training.learner import build_learner, copy_weights, objectives

MODEL = FlexUNetParams(base_filters=2, max_filters=4, num_layers=4)


def test_without_deep_supervision_the_learner_is_the_network_itself():
    learner = build_learner(2, MODEL, TrainParams())
    assert type(learner) is type(registry.build(MODEL, None, 2, seed=0))
    assert learner.input_shape == (None, None, None, 3)


def test_the_learner_starts_from_the_seed_and_in_the_precision_of_the_recipe():
    learner = build_learner(2, MODEL, TrainParams(seed=3, precision="mixed_bfloat16", deep_supervision=0.5))
    assert isinstance(learner, deep_supervision.Supervised)
    assert learner.get_layer("down0a_conv").compute_dtype == "bfloat16"
    plain = registry.build(MODEL, None, 2, seed=3)
    np.testing.assert_array_equal(
        learner.get_layer("down0a_conv").get_weights()[0], plain.get_layer("down0a_conv").get_weights()[0]
    )


def test_weights_are_copied_without_those_of_the_lower_resolutions():
    learner = build_learner(2, MODEL, TrainParams(seed=3, deep_supervision=0.5))
    target = registry.build(MODEL, 32, 2, seed=0)
    copy_weights(learner, target)
    for one, two in zip(target.get_weights(), registry.build(MODEL, 32, 2, seed=3).get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_objectives_are_what_keras_compiles_with():
    model = registry.build(MODEL, 32, 2, seed=0)
    model.compile(**objectives(TrainParams(metrics=("crack_iou", "crack_recall"))))
    logs = model.evaluate(np.zeros((1, 32, 32, 3)), np.ones((1, 32, 32, 2)) / 2, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "crack_iou", "crack_recall"}

import numpy as np
import pytest

from crackflow.params import FlexUNetParams, TrainParams
from crackflow.training import losses
from crackflow.training.deep_supervision import truth_at
from crackflow.training.learner import build_learner, compile_learner

pytestmark = [pytest.mark.backend, pytest.mark.usefixtures("eager")]
# four levels, of which two are supervised
MODEL = FlexUNetParams(widths=(4, 4, 6, 6), base_kernels=(3, 3), num_layers=4, decoder_convs=1, normalization="none")
PARAMS = TrainParams(deep_supervision=0.5, loss={"categorical_crossentropy": 1.0}, crack_weight=2.0, optimizer="sgd")


def test_truth_of_a_level_is_the_mean_by_hand():
    """One crack pixel among four is a quarter."""
    truth = np.eye(2, dtype="float32")[np.array([[[0, 1], [0, 0]]])]
    np.testing.assert_allclose(np.asarray(truth_at(truth, np.zeros((1, 1, 1, 2)))), [[[[0.75, 0.25]]]])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 32, 32, 3)).astype("float32"), np.eye(2, dtype="float32")[
        rng.integers(0, 2, (2, 32, 32))
    ]


def test_levels_count_by_their_weight_in_training_and_not_on_valid(batch):
    pixels, truth = batch
    model = build_learner(2, MODEL, PARAMS)
    compile_learner(model, PARAMS, 1)
    full, *levels = model(pixels)
    own = losses.total(PARAMS.loss, 2.0)
    parts = [own(truth, full), *(own(truth_at(truth, level), level) for level in levels)]
    whole = model.compute_loss(pixels, truth, [full, *levels], training=True)
    assert float(whole) == pytest.approx(float(parts[0]) + 0.5 * (float(parts[1]) + float(parts[2])), abs=1e-5)
    assert float(model.compute_loss(pixels, truth, [full, *levels], training=False)) == pytest.approx(float(parts[0]))


def test_metrics_see_the_full_size_and_every_level_learns(batch):
    model = build_learner(2, MODEL, PARAMS)
    compile_learner(model, PARAMS, 2)
    before = {layer.name: [w.copy() for w in layer.get_weights()] for layer in model.layers}
    logs = model.fit(*batch, batch_size=1, epochs=1, verbose=0).history
    assert set(logs) == {"loss", *PARAMS.metrics}
    for name in ("level1_probabilities", "level2_probabilities", "probabilities"):
        assert (model.get_layer(name).get_weights()[0] != before[name][0]).any()
    seen = model.evaluate(*batch, batch_size=1, verbose=0, return_dict=True)
    assert set(seen) == {"loss", *PARAMS.metrics}

import keras
import numpy as np

from crackflow.checkpoints import Checkpoints


def make_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    model.compile(keras.optimizers.Adam(0.1), loss="mse")
    return model


def fit(model, steps):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        model.train_on_batch(rng.random((4, 3)), rng.random((4, 2)))


def test_nothing_kept_changes_nothing(tmp_path):
    model = make_model()
    before = model.get_weights()
    assert Checkpoints(tmp_path / "new").restore(model) == []
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_optimizer_and_step_counter_come_back(tmp_path):
    model = make_model()
    fit(model, 3)
    kept = Checkpoints(tmp_path)
    kept.save(model, [{"epoch": 1.0, "loss": 0.5}])
    again = make_model()
    assert kept.restore(again) == [{"epoch": 1.0, "loss": 0.5}]
    assert int(again.optimizer.iterations) == 3
    fit(model, 2)
    fit(again, 2)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_best_is_replaced_only_when_told(tmp_path):
    model, kept = make_model(), Checkpoints(tmp_path)
    kept.save_best(model)
    kept.save(model, [{"epoch": 1.0}])
    best = model.get_weights()
    fit(model, 1)
    kept.save(model, [{"epoch": 1.0}, {"epoch": 2.0}])
    model.load_weights(kept.best)
    assert all((a == b).all() for a, b in zip(best, model.get_weights(), strict=True))


def test_only_the_last_epoch_is_kept(tmp_path):
    model, kept = make_model(), Checkpoints(tmp_path)
    for epochs in (1, 2, 3):
        kept.save_best(model)
        kept.save(model, [{"epoch": float(i)} for i in range(epochs)])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best.weights.h5", "epoch-0003.weights.h5", "history.json"]


def test_weights_written_without_their_history_are_not_believed(tmp_path):
    """Killed between the two: the history still names the epoch before, whose weights are still there."""
    model, kept = make_model(), Checkpoints(tmp_path)
    kept.save(model, [{"epoch": 1.0}])
    expected = model.get_weights()
    (tmp_path / "epoch-0002.weights.h5").write_bytes(b"half")
    (tmp_path / "part-best.weights.h5").write_bytes(b"half")
    again = make_model()
    assert len(kept.restore(again)) == 1
    assert all((a == b).all() for a, b in zip(expected, again.get_weights(), strict=True))

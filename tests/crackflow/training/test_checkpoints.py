import keras
import numpy as np
import pytest

from crackflow.errors import TrainingError
from crackflow.training import checkpoints
from crackflow.training.checkpoints import Checkpoints, Place


def make_model(units=2):
    layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1)]
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(units)])
    model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.9), loss="mse", metrics=["mae"])
    return model


def fit(model, steps, first=0):
    for step in range(first, first + steps):
        rng = np.random.default_rng(step)
        model.train_on_batch(rng.random((4, 3)), rng.random((4, 2)))


def everything(model):
    return [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]


def assert_same(one, two):
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_kept_changes_nothing(tmp_path):
    model = make_model()
    before = model.get_weights()
    assert Checkpoints(tmp_path / "new").restore(model) == Place([])
    assert_same(before, model.get_weights())


def test_weights_optimizer_average_dropout_and_statistics_come_back(tmp_path):
    model = make_model()
    fit(model, 3)
    kept = Checkpoints(tmp_path)
    kept.save_best(model)
    kept.save(model, [{"epoch": 1.0, "loss": 0.5}])
    again = make_model()
    assert kept.restore(again) == Place([{"epoch": 1.0, "loss": 0.5}])
    assert int(again.optimizer.iterations) == 3
    fit(model, 2, 3)
    fit(again, 2, 3)
    assert_same(everything(model), everything(again))


def test_another_worker_takes_the_state_from_bytes_and_writes_nothing(tmp_path):
    model = make_model()
    fit(model, 2)
    kept, other = Checkpoints(tmp_path / "chief"), Checkpoints(tmp_path / "other")
    assert kept.packed() == b""
    kept.save(model, [{"epoch": 1.0}])
    again = make_model()
    assert other.restore_from(b"", again) == Place([])
    assert other.restore_from(kept.packed(), again) == Place([{"epoch": 1.0}])
    assert_same(everything(model), everything(again))
    assert not [*other.folder.iterdir()]


def test_a_place_within_an_epoch_brings_the_metrics_sums(tmp_path):
    model = make_model()
    fit(model, 2)
    Checkpoints(tmp_path).save(model, [], batch=2)
    history, batch, sums = Checkpoints(tmp_path).restore(make_model())
    assert (history, batch) == ([], 2)
    assert_same(sums, [np.asarray(v) for v in model.metrics_variables])
    assert any(value.any() for value in sums)


def test_the_best_model_is_opened_by_keras_alone(tmp_path):
    model, kept = make_model(), Checkpoints(tmp_path)
    assert not kept.best.exists()
    kept.save_best(model)
    assert_same(keras.saving.load_model(kept.best).get_weights(), model.get_weights())


def test_a_finished_training_keeps_its_rows_and_no_weights(tmp_path):
    model, kept = make_model(), Checkpoints(tmp_path)
    fit(model, 1)
    kept.save_best(model)
    kept.save(model, [{"epoch": 1.0}])
    large = kept.folder.joinpath("state.npz").stat().st_size
    kept.finish([{"epoch": 1.0}])
    assert kept.folder.joinpath("state.npz").stat().st_size < large / 2
    again = make_model()
    before = everything(again)
    assert kept.restore(again) == Place([{"epoch": 1.0}])
    assert_same(before, everything(again))


def test_what_a_killed_write_left_is_not_read(tmp_path):
    model, kept = make_model(), Checkpoints(tmp_path)
    fit(model, 1)
    kept.save_best(model)
    kept.save(model, [{"epoch": 1.0}])
    (tmp_path / ".state.npz.part").write_bytes(b"half")
    assert kept.restore(make_model()) == Place([{"epoch": 1.0}])
    kept.save(model, [{"epoch": 1.0}, {"epoch": 2.0}])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.keras", "state.npz"]


def test_finished_epochs_whose_best_model_is_gone_are_no_start(tmp_path):
    """Trained on to an end without a better epoch, there would be nothing to keep."""
    model, kept = make_model(), Checkpoints(tmp_path)
    kept.save_best(model)
    kept.save(model, [{"epoch": 1.0}])
    kept.best.unlink()
    with pytest.raises(TrainingError, match=r"state\.npz can't be used \(best\.keras .*is no longer.*; delete it"):
        kept.restore(make_model())


@pytest.mark.parametrize("damage", ["cut", "bit", "text", "other network"])
def test_a_damaged_file_is_said_and_not_used(tmp_path, damage):
    model, kept = make_model(), Checkpoints(tmp_path)
    kept.save_best(model)
    kept.save(model, [{"epoch": 1.0}])
    state = tmp_path / "state.npz"
    data = bytearray(state.read_bytes())
    if damage == "cut":
        state.write_bytes(data[: len(data) // 2])
    elif damage == "bit":
        # behind the second member's header of npy; the zip's checksum finds it
        data[data.index(b"NUMPY", data.index(b"NUMPY") + 1) + 125] ^= 1
        state.write_bytes(data)
    elif damage == "text":
        state.write_text("half")
    else:
        kept.save(make_model(units=3), [{"epoch": 1.0}])
    with pytest.raises(TrainingError, match=r"state\.npz can't be used .*; delete it"):
        kept.restore(make_model())


def test_within_an_epoch_it_is_time_after_a_while_that_grows_with_the_time_it_takes(tmp_path, monkeypatch):
    """Every 30 s, but where a write takes 2 s, a thirtieth of the time is 60 s."""
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    kept = Checkpoints(tmp_path)
    model = make_model()
    assert not kept.due()
    now[0] += 30
    assert kept.due()
    kept.save(model, [])
    assert not kept.due()

    def slow(*_, **__):
        now[0] += 2

    monkeypatch.setattr(kept, "_write", slow)
    kept.save(model, [])
    now[0] += 59
    assert not kept.due()
    now[0] += 1
    assert kept.due()

import keras
import numpy as np
import pytest

from crackflow.params import TrainParams
from crackflow.training import schedule


def test_reduced_rate_by_hand():
    values = [5.0, 4.0, 4.0, 4.0, 3.0, 3.5, 3.5]
    rates = [schedule.reduced_rate(values[:n], 1.0, 0.5, 2) for n in range(len(values) + 1)]
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_reduced_rate_does_what_the_keras_callback_does():
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = rng.integers(0, 6, 30).astype(float)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.5))
        callback = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=3, min_delta=0, min_lr=0)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, value in enumerate(values):
            callback.on_epoch_end(epoch, {"val_loss": value})
            ours = schedule.reduced_rate(values[: epoch + 1], 0.5, 0.5, 3)
            assert ours == pytest.approx(float(model.optimizer.learning_rate), rel=1e-6)


def test_training_ends_at_the_last_epoch_or_without_progress():
    params = TrainParams(epochs=5, early_stopping=2)
    assert not schedule.finished([], params)
    assert not schedule.finished([3, 2, 2], params)
    assert schedule.finished([3, 2, 2, 2], params)
    assert schedule.finished([5, 4, 3, 2, 1], params)
    assert not schedule.finished([3, 4, 5, 6], params.model_copy(update={"early_stopping": 0}))


def test_the_first_of_equal_epochs_is_the_best():
    assert schedule.best_epoch([3, 1, 2, 1]) == 1


def test_cosine_rises_to_the_rate_and_falls_to_nothing():
    rate = schedule.learning_rate(TrainParams(schedule="cosine", learning_rate=0.01, warmup_steps=10), 110)
    assert [float(rate(step)) for step in (0, 5, 10, 60, 110)] == pytest.approx([0, 0.005, 0.01, 0.005, 0], abs=1e-7)


def test_warmup_takes_at_most_half_of_a_short_training():
    rate = schedule.learning_rate(TrainParams(schedule="cosine", learning_rate=0.01, warmup_steps=1000), 10)
    assert float(rate(5)) == pytest.approx(0.01)
    assert float(rate(10)) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("name", ["plateau", "constant"])
def test_other_schedules_start_at_the_rate(name):
    assert schedule.learning_rate(TrainParams(schedule=name, learning_rate=0.3), 10) == 0.3

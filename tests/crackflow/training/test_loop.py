import keras
import numpy as np
import pytest

from crackflow.errors import DataError, TrainingError
from crackflow.models import registry
from crackflow.params import ArchitectureParams, FlexUNetParams, TrainParams
from crackflow.training import loop
from crackflow.training.checkpoints import Checkpoints

MODEL = FlexUNetParams(base_filters=4, max_filters=8, base_kernels=(3, 3), num_layers=2, dropout_rate=0.1)
SIZE = 32
PARAMS = TrainParams(
    epochs=4,
    steps_per_epoch=3,
    batch_size=4,
    crop=16,
    warmup_steps=2,
    learning_rate=0.01,
    early_stopping=0,
    num_infer_images=0,
)


class Killed(BaseException):
    """Stands for a process that ends: nothing catches it."""


class Mortal(Checkpoints):
    """Keeps every batch, and ends the process after the one that is named."""

    def __init__(self, folder, last=None):
        super().__init__(folder)
        self.last = last
        self.places = []

    def due(self):
        return True

    def save(self, model, history, batch=0):
        super().save(model, history, batch)
        self.places.append((len(history), batch))
        if self.places[-1] == self.last:
            raise Killed


def run(pairs, kept, params=PARAMS, model=MODEL, epoch_done=lambda model, history: None):
    data, stems = pairs
    kept = kept if isinstance(kept, Checkpoints) else Checkpoints(kept)
    return loop.train(data, stems[:7], stems[7:], SIZE, model, params, kept, epoch_done)


def best(folder):
    return keras.saving.load_model(Checkpoints(folder).best).get_weights()


def test_a_row_an_epoch(pairs, tmp_path):
    history = run(pairs, tmp_path / "a")
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert set(history[0]) == {"epoch", "learning_rate", "loss", "val_loss"} | {
        f"{prefix}{name}" for prefix in ("", "val_") for name in PARAMS.metrics
    }
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize(("schedule", "averaging"), [("cosine", 0.9), ("plateau", 0.0)])
def test_a_killed_training_ends_as_an_undisturbed_one(pairs, tmp_path, schedule, averaging):
    params = PARAMS.model_copy(update={"schedule": schedule, "averaging": averaging})
    undisturbed = run(pairs, tmp_path / "a", params)

    def kill(model, history):
        if len(history) == 3:
            raise Killed

    with pytest.raises(Killed):
        run(pairs, tmp_path / "b", params, epoch_done=kill)
    assert len(Checkpoints(tmp_path / "b").history()) == 2
    assert run(pairs, tmp_path / "b", params) == undisturbed
    assert Checkpoints(tmp_path / "a").best.read_bytes() == Checkpoints(tmp_path / "b").best.read_bytes()


@pytest.mark.parametrize(
    ("optimizer", "normalization", "steps_per_epoch", "averaging"),
    [("adamw", "batch", 3, 0.9), ("sgd", "group", 0, 0.0), ("muon", "batch", 3, 0.9)],
)
def test_killed_within_an_epoch_it_ends_as_an_undisturbed_one(
    pairs, tmp_path, optimizer, normalization, steps_per_epoch, averaging
):
    """With 0 an epoch is 7 pairs: a batch of four and one of three. Each run below dies at another batch."""
    model = MODEL.model_copy(update={"normalization": normalization})
    changes = {"optimizer": optimizer, "steps_per_epoch": steps_per_epoch, "averaging": averaging, "epochs": 2}
    params = PARAMS.model_copy(update=changes)
    undisturbed = run(pairs, tmp_path / "a", params, model)
    steps = steps_per_epoch or 2
    places = [(epoch, batch) for epoch in range(2) for batch in (*range(1, steps), 0)]
    places = [(epoch + (batch == 0), batch) for epoch, batch in places]
    for number, last in enumerate(places):
        kept = Mortal(tmp_path / "b", last)
        with pytest.raises(Killed):
            run(pairs, kept, params, model)
        assert kept.places == [last], number
    assert run(pairs, tmp_path / "b", params, model) == undisturbed
    assert Checkpoints(tmp_path / "a").best.read_bytes() == Checkpoints(tmp_path / "b").best.read_bytes()


def test_killed_within_an_epoch_of_all_that_the_recipe_knows_it_ends_the_same(pairs, tmp_path):
    """bfloat16, deep supervision, uneven draws, weights of crack pixels; of four levels two are supervised."""
    model = FlexUNetParams(widths=(4, 4, 6, 6), num_layers=4, decoder_convs=1, base_kernels=(3, 3))
    changes = {
        "precision": "mixed_bfloat16",
        "deep_supervision": 0.5,
        "crack_free": 2.0,
        "crack_weight": 2.0,
        "averaging": 0.9,
        "epochs": 2,
    }
    params = PARAMS.model_copy(update=changes)
    undisturbed = run(pairs, tmp_path / "a", params, model)
    for last in ((0, 2), (1, 1)):
        with pytest.raises(Killed):
            run(pairs, Mortal(tmp_path / "b", last), params, model)
    assert run(pairs, tmp_path / "b", params, model) == undisturbed
    assert Checkpoints(tmp_path / "a").best.read_bytes() == Checkpoints(tmp_path / "b").best.read_bytes()


def test_a_finished_training_is_not_trained_again(pairs, tmp_path):
    history = run(pairs, tmp_path / "a")
    called = []
    assert run(pairs, tmp_path / "a", epoch_done=lambda model, rows: called.append(rows)) == history
    assert called == []


def test_the_best_epoch_is_the_monitored_figures(pairs, tmp_path):
    weights = []
    history = run(
        pairs,
        tmp_path / "a",
        PARAMS.model_copy(update={"monitor": "val_loss"}),
        epoch_done=lambda model, rows: weights.append(model.get_weights()),
    )
    number = int(np.argmin([row["val_loss"] for row in history]))
    for one, two in zip(best(tmp_path / "a"), weights[number], strict=True):
        np.testing.assert_array_equal(one, two)


def test_early_stopping_ends_it(pairs, tmp_path):
    """A rate of almost nothing never improves: the first epoch is the best, one epoch of patience follows."""
    params = PARAMS.model_copy(update={"early_stopping": 1, "schedule": "constant", "learning_rate": 1e-12})
    frozen = MODEL.model_copy(update={"normalization": "none"})
    assert len(run(pairs, tmp_path / "a", params, frozen)) == 2


def test_the_plateau_lowers_the_rate(pairs, tmp_path):
    reducer = PARAMS.reducer.model_copy(update={"patience": 1})
    params = PARAMS.model_copy(update={"schedule": "plateau", "learning_rate": 1e-12, "reducer": reducer})
    frozen = MODEL.model_copy(update={"normalization": "none"})
    rates = [row["learning_rate"] for row in run(pairs, tmp_path / "a", params, frozen)]
    assert rates == pytest.approx([1e-12, 1e-12, 5e-13, 2.5e-13], rel=1e-5)


def test_a_loss_that_is_not_finite_stops_with_the_cause_and_keeps_what_was(pairs, tmp_path):
    plain = MODEL.model_copy(update={"normalization": "none"})
    sgd = PARAMS.model_copy(update={"epochs": 1, "optimizer": "sgd", "schedule": "constant"})
    wild = sgd.model_copy(update={"epochs": 4, "learning_rate": 1e30, "clipvalue": 0.0})
    kept = Checkpoints(tmp_path / "a")
    message = (
        r"(loss is nan|no longer finite).*epoch 2/4.*lower train.learning_rate.*the best model before is .*best.keras"
    )
    with pytest.raises(Killed):
        run(pairs, Mortal(tmp_path / "a", (1, 0)), sgd.model_copy(update={"epochs": 4}), plain)
    was = kept.best.read_bytes()
    with pytest.raises(TrainingError, match=message):
        run(pairs, tmp_path / "a", wild, plain)
    assert len(kept.history()) == 1
    assert kept.best.read_bytes() == was


def test_a_loss_that_is_never_finite_says_that_nothing_is_kept(pairs, tmp_path):
    wild = PARAMS.model_copy(update={"optimizer": "sgd", "schedule": "constant", "learning_rate": 1e30, "clipvalue": 0})
    plain = MODEL.model_copy(update={"normalization": "none"})
    with pytest.raises(TrainingError, match=r"epoch 1/4.*lower train.learning_rate.*; no epoch was finished"):
        run(pairs, tmp_path / "a", wild, plain)


def test_averaging_looks_at_the_mean_of_the_weights_and_trains_on_unchanged(pairs, tmp_path):
    """Momentum 0.5, and the first step starts the average: after w1, w2, w3 it is w1/4 + w2/4 + w3/2."""
    steps = PARAMS.model_copy(update={"epochs": 1, "steps_per_epoch": 1, "schedule": "constant", "averaging": 0.5})

    def trained(epochs, averaging, folder):
        seen = []
        params = steps.model_copy(update={"epochs": epochs, "averaging": averaging})
        run(pairs, folder, params, epoch_done=lambda model, history: seen.append(model.trainable_variables[0].numpy()))
        return seen

    one, two, three = trained(3, 0.0, tmp_path / "plain")
    averaged = trained(3, 0.5, tmp_path / "averaged")
    np.testing.assert_allclose(averaged[0], one, atol=1e-6)
    np.testing.assert_allclose(averaged[2], one / 4 + two / 4 + three / 2, atol=1e-6)


def test_no_pairs_is_said(pairs, tmp_path):
    data, stems = pairs
    with pytest.raises(DataError, match="7 train and 0 valid"):
        loop.train(data, stems[:7], [], SIZE, MODEL, PARAMS, Checkpoints(tmp_path / "a"), lambda *_: None)


def test_grey_images_train_with_adam(pairs, tmp_path):
    from crackflow.imaging.pairs import ResizedPairs

    data, stems = pairs
    grey = ResizedPairs(data.root, 2, channels=1)
    params = PARAMS.model_copy(update={"optimizer": "adam", "epochs": 1})
    model = MODEL.model_copy(update={"image_channels": 1})
    kept = Checkpoints(tmp_path / "a")
    assert len(loop.train(grey, stems[:7], stems[7:], SIZE, model, params, kept, lambda m, h: None)) == 1


class TinyParams(ArchitectureParams):
    """Two convolutions and a dropout, whose layers have the names that Keras gives them."""

    architecture: str = "tiny"
    filters: int = 3


def tiny(size, num_classes, params, seed):
    first, second = (keras.initializers.GlorotUniform(seed=2 * seed + n) for n in range(2))
    pixels = keras.Input((size, size, params.image_channels))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(params.filters, 3, padding="same", activation="relu", kernel_initializer=first)(x)
    x = keras.layers.Dropout(0.1, seed=seed)(x)
    head = keras.layers.Conv2D(num_classes, 1, activation="softmax", kernel_initializer=second, dtype="float32")
    return keras.Model(pixels, head(x), name="tiny")


def test_an_architecture_that_only_this_test_knows_is_trained_killed_and_kept(pairs, tmp_path, monkeypatch):
    """Training asks the registry: it names no network."""
    monkeypatch.setitem(registry.ARCHITECTURES, "tiny", registry.Architecture(tiny))
    params = PARAMS.model_copy(update={"epochs": 1, "steps_per_epoch": 2})
    model = TinyParams()
    start = tiny(SIZE, 2, model, params.seed).get_weights()
    history = run(pairs, tmp_path / "a", params, model)
    assert [row["epoch"] for row in history] == [1]
    kept = keras.saving.load_model(Checkpoints(tmp_path / "a").best)
    assert kept.count_params() == (3 * 3 * 3 * 3 + 3) + (3 * 2 + 2)
    assert all((one != two).any() for one, two in zip(kept.get_weights(), start, strict=True))
    with pytest.raises(Killed):
        run(pairs, Mortal(tmp_path / "b", (0, 1)), params, model)
    assert run(pairs, tmp_path / "b", params, model) == history
    again = keras.saving.load_model(Checkpoints(tmp_path / "b").best)
    for one, two in zip(kept.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_best_epoch_is_judged_on_places_never_seen_too(pairs, tmp_path):
    data, stems = pairs
    history = loop.train(
        data, stems[:6], stems[6:7], SIZE, MODEL, PARAMS, Checkpoints(tmp_path), lambda *_: None, {}, stems[7:]
    )
    assert {f"foreign_{name}" for name in ("loss", *PARAMS.metrics)} <= set(history[0])


def test_the_monitored_value_weighs_valid_and_foreign_valid():
    row = {"val_crack_iou": 0.6, "foreign_crack_iou": 0.2}
    assert loop.monitored(row, TrainParams(foreign_weight=0.25)) == pytest.approx(0.5)
    assert loop.monitored({"val_crack_iou": 0.6}, TrainParams()) == 0.6

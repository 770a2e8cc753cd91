import keras
import numpy as np
import pytest

from crackflow.errors import DataError, TrainingError
from crackflow.models import registry
from crackflow.params import ArchitectureParams, FlexUNetParams, TrainParams
from crackflow.training import loop
from crackflow.training.checkpoints import Checkpoints
from crackflow.training.dataset import smallest_batch
from crackflow.training.workers import Workers

SIZE = 32


class TinyParams(ArchitectureParams):
    """Two convolutions, a normalization and a dropout."""

    architecture: str = "tiny"
    named: bool = True
    # as many as Muon asks for
    filters: int = 16
    normalized: bool = True


def tiny(size, num_classes, params, seed):
    first, second = (keras.initializers.GlorotUniform(seed=2 * seed + n) for n in range(2))
    layers = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(params.filters, 3, padding="same", kernel_initializer=first),
        *([keras.layers.BatchNormalization()] if params.normalized else []),
        keras.layers.Activation("relu"),
        keras.layers.Dropout(0.1, seed=seed),
        keras.layers.Conv2D(num_classes, 1, activation="softmax", kernel_initializer=second, dtype="float32"),
    ]
    x = pixels = keras.Input((size, size, params.image_channels), name="pixels" if params.named else None)
    for number, layer in enumerate(layers):
        if params.named:
            layer.name = f"layer{number}"
        x = layer(x)
    return keras.Model(pixels, x, name="tiny")


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    """A network of six weights trains in a tenth of FlexUNet's time; `train` asks the registry and names no network."""
    monkeypatch.setitem(registry.ARCHITECTURES, "tiny", registry.Architecture(tiny))


MODEL = TinyParams()
PLAIN = TinyParams(normalized=False)
PARAMS = TrainParams(
    epochs=4,
    steps_per_epoch=2,
    batch_size=4,
    crop=16,
    optimizer="sgd",
    warmup_steps=2,
    learning_rate=0.01,
    metrics=("crack_iou",),
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


@pytest.mark.parametrize(("batch_size", "steps_per_epoch", "rows"), [(2, 2, 2), (5, 0, 2), (7, 0, None)])
def test_each_worker_needs_a_row_of_each_batch(pairs, tmp_path, batch_size, steps_per_epoch, rows):
    """Of seven pairs, or of five and two."""
    data, stems = pairs
    params = PARAMS.model_copy(update={"batch_size": batch_size, "steps_per_epoch": steps_per_epoch})
    assert smallest_batch(7, params) == (rows or 7)
    if rows:
        workers = Workers(["a:1", "b:1", "c:1"])
        with pytest.raises(TrainingError, match=f"smallest batch has {rows} rows"):
            loop.train(data, stems[:7], stems[7:], SIZE, MODEL, params, Checkpoints(tmp_path), print, workers=workers)


def test_a_row_an_epoch(pairs, tmp_path):
    history = run(pairs, tmp_path / "a", PARAMS.model_copy(update={"steps_per_epoch": 3, "optimizer": "muon"}))
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert set(history[0]) == {"epoch", "learning_rate", "loss", "val_loss"} | {
        f"{prefix}{name}" for prefix in ("", "val_") for name in PARAMS.metrics
    }
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(("schedule", "averaging", "optimizer"), [("cosine", 0.9, "adamw"), ("plateau", 0.0, "sgd")])
def test_a_killed_training_ends_as_an_undisturbed_one(pairs, tmp_path, schedule, averaging, optimizer):
    params = PARAMS.model_copy(update={"schedule": schedule, "averaging": averaging, "optimizer": optimizer})
    undisturbed = run(pairs, tmp_path / "a", params)

    def kill(model, history):
        if len(history) == 3:
            raise Killed

    with pytest.raises(Killed):
        run(pairs, tmp_path / "b", params, epoch_done=kill)
    assert len(Checkpoints(tmp_path / "b").history()) == 2
    assert run(pairs, tmp_path / "b", params) == undisturbed
    assert Checkpoints(tmp_path / "a").best.read_bytes() == Checkpoints(tmp_path / "b").best.read_bytes()


EVERY_BATCH = ((0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("optimizer", "steps_per_epoch", "averaging", "places"),
    [
        ("adamw", 3, 0.9, ((0, 2), (1, 1))),
        # 0 steps are 7 pairs: a batch of four and one of three
        ("sgd", 0, 0.0, ((0, 1), (1, 0))),
        ("muon", 3, 0.9, ((1, 2),)),
        pytest.param("adamw", 3, 0.9, EVERY_BATCH, marks=pytest.mark.soak),
        pytest.param("muon", 3, 0.9, EVERY_BATCH, marks=pytest.mark.soak),
    ],
)
def test_killed_within_an_epoch_it_ends_as_an_undisturbed_one(
    pairs, tmp_path, optimizer, steps_per_epoch, averaging, places
):
    """Each run but the last dies after another batch: (epochs, batches after them)."""
    changes = {"optimizer": optimizer, "steps_per_epoch": steps_per_epoch, "averaging": averaging, "epochs": 2}
    params = PARAMS.model_copy(update=changes)
    undisturbed = run(pairs, tmp_path / "a", params)
    for last in places:
        kept = Mortal(tmp_path / "b", last)
        with pytest.raises(Killed):
            run(pairs, kept, params)
        assert kept.places[-1] == last
    assert run(pairs, tmp_path / "b", params) == undisturbed
    assert Checkpoints(tmp_path / "a").best.read_bytes() == Checkpoints(tmp_path / "b").best.read_bytes()


@pytest.mark.usefixtures("eager")
def test_killed_within_an_epoch_of_all_that_the_recipe_knows_it_ends_the_same(pairs, tmp_path):
    """FlexUNet, bfloat16, deep supervision, uneven draws, crack pixels weighed; two levels of four supervised."""
    model = FlexUNetParams(widths=(4, 4, 6, 6), num_layers=4, decoder_convs=1, base_kernels=(3, 3), dropout_rate=0.1)
    changes = {
        "precision": "mixed_bfloat16",
        "deep_supervision": 0.5,
        "crack_free": 2.0,
        "crack_weight": 2.0,
        "averaging": 0.9,
        "epochs": 2,
        "optimizer": "muon",
    }
    params = PARAMS.model_copy(update=changes)
    undisturbed = run(pairs, tmp_path / "a", params, model)
    with pytest.raises(Killed):
        run(pairs, Mortal(tmp_path / "b", (1, 1)), params, model)
    assert run(pairs, tmp_path / "b", params, model) == undisturbed
    assert Checkpoints(tmp_path / "a").best.read_bytes() == Checkpoints(tmp_path / "b").best.read_bytes()


@pytest.mark.usefixtures("eager")
def test_a_finished_training_is_not_trained_again(pairs, tmp_path):
    history = run(pairs, tmp_path / "a")
    called = []
    assert run(pairs, tmp_path / "a", epoch_done=lambda model, rows: called.append(rows)) == history
    assert called == []


@pytest.mark.usefixtures("eager")
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


@pytest.mark.usefixtures("eager")
def test_early_stopping_ends_it(pairs, tmp_path):
    """A rate of almost nothing never improves: the first epoch is the best, one epoch of patience follows."""
    params = PARAMS.model_copy(update={"early_stopping": 1, "schedule": "constant", "learning_rate": 1e-12})
    assert len(run(pairs, tmp_path / "a", params, PLAIN)) == 2


@pytest.mark.usefixtures("eager")
def test_the_plateau_lowers_the_rate(pairs, tmp_path):
    reducer = PARAMS.reducer.model_copy(update={"patience": 1})
    params = PARAMS.model_copy(update={"schedule": "plateau", "learning_rate": 1e-12, "reducer": reducer})
    rates = [row["learning_rate"] for row in run(pairs, tmp_path / "a", params, PLAIN)]
    assert rates == pytest.approx([1e-12, 1e-12, 5e-13, 2.5e-13], rel=1e-5)


@pytest.mark.usefixtures("eager")
def test_a_loss_that_is_not_finite_stops_with_the_cause_and_keeps_what_was(pairs, tmp_path):
    sgd = PARAMS.model_copy(update={"epochs": 1, "optimizer": "sgd", "schedule": "constant"})
    wild = sgd.model_copy(update={"epochs": 4, "learning_rate": 1e30, "clipvalue": 0.0})
    kept = Checkpoints(tmp_path / "a")
    message = (
        r"(loss is nan|no longer finite).*epoch 2/4.*lower train.learning_rate.*the best model before is .*best.keras"
    )
    with pytest.raises(Killed):
        run(pairs, Mortal(tmp_path / "a", (1, 0)), sgd.model_copy(update={"epochs": 4}), PLAIN)
    was = kept.best.read_bytes()
    with pytest.raises(TrainingError, match=message):
        run(pairs, tmp_path / "a", wild, PLAIN)
    assert len(kept.history()) == 1
    assert kept.best.read_bytes() == was


@pytest.mark.usefixtures("eager")
def test_a_loss_that_is_never_finite_says_that_nothing_is_kept(pairs, tmp_path):
    wild = PARAMS.model_copy(update={"optimizer": "sgd", "schedule": "constant", "learning_rate": 1e30, "clipvalue": 0})
    with pytest.raises(TrainingError, match=r"epoch 1/4.*lower train.learning_rate.*; no epoch was finished"):
        run(pairs, tmp_path / "a", wild, PLAIN)


@pytest.mark.usefixtures("eager")
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


@pytest.mark.usefixtures("eager")
def test_grey_images_train_with_adam(pairs, tmp_path):
    from crackflow.imaging.pairs import ResizedPairs

    data, stems = pairs
    grey = ResizedPairs(data.root, 2, channels=1)
    params = PARAMS.model_copy(update={"optimizer": "adam", "epochs": 1})
    model = MODEL.model_copy(update={"image_channels": 1})
    kept = Checkpoints(tmp_path / "a")
    assert len(loop.train(grey, stems[:7], stems[7:], SIZE, model, params, kept, lambda m, h: None)) == 1


@pytest.mark.usefixtures("eager")
def test_what_is_kept_is_the_network_of_the_registry_with_every_weight_trained(pairs, tmp_path):
    """Also where layers have the names that Keras gives them, which count up from one network to the next."""
    model = TinyParams(named=False)
    params = PARAMS.model_copy(update={"epochs": 1, "steps_per_epoch": 2})
    start = tiny(SIZE, 2, model, params.seed).get_weights()
    history = run(pairs, tmp_path / "a", params, model)
    assert [row["epoch"] for row in history] == [1]
    kept = keras.saving.load_model(Checkpoints(tmp_path / "a").best)
    assert kept.count_params() == (3 * 3 * 3 * 16 + 16) + 4 * 16 + (16 * 2 + 2)
    assert all((one != two).any() for one, two in zip(kept.get_weights(), start, strict=True))


@pytest.mark.usefixtures("eager")
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

"""The training loop, epoch by epoch.

A training that was killed goes on from the last checkpoint, also within an epoch, and ends with the same weights as
one that was not. Weights, optimizer, dropout's seeds, sums of the metrics and history come from the checkpoint. Order,
crops and augmentation depend on (seed, epoch, batch) only.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from crackflow.errors import DataError, TrainingError
from crackflow.imaging.pairs import ResizedPairs
from crackflow.models import registry
from crackflow.params import ModelParams, TrainParams
from crackflow.progress import bar
from crackflow.training import schedule
from crackflow.training.checkpoints import Checkpoints, Place, Row
from crackflow.training.dataset import (
    TrainingCrops,
    WholeImages,
    frequencies,
    smallest_batch,
    spread,
    steps_per_epoch,
)
from crackflow.training.learner import build_learner, compile_learner, copy_weights, objectives
from crackflow.training.random_streams import Purpose, state
from crackflow.training.shared_step import share_steps
from crackflow.training.workers import ALONE, Workers

VALID_BATCH = 4
ADVICE = "lower train.learning_rate, or set train.clipvalue to a smaller value above 0"

EpochDone = Callable[[keras.Model, list[Row]], None]


def train(
    folder: ResizedPairs,
    train_stems: Sequence[str],
    valid_stems: Sequence[str],
    size: int,
    model_params: ModelParams,
    params: TrainParams,
    checkpoints: Checkpoints,
    epoch_done: EpochDone,
    sources: Mapping[str, str] = MappingProxyType({}),
    foreign_stems: Sequence[str] = (),
    workers: Workers = ALONE,
) -> list[Row]:
    """Train from the last checkpoint until `params` end it.

    Args:
        folder: the resized pairs.
        train_stems: pairs to learn from.
        valid_stems: pairs that pick the best epoch.
        size: side of the input of the model that is saved, px.
        model_params: the architecture and its parameters.
        params: the recipe.
        checkpoints: where checkpoints are written; its `best` holds the best model afterwards.
        epoch_done: called after each epoch, before its checkpoint, with the network for inference that the epoch was
            validated with, and the history so far.
        sources: source by stem of the training pairs; needed where `params.draw` names any.
        foreign_stems: pairs of places that are in no other subset; they help to pick the best epoch.
        workers: who trains together. `epoch_done` is called and files are written by the chief alone; after each epoch
            all others take its state.

    Returns:
        The history, one row per epoch: epoch (from 1), learning_rate, loss, val_loss, each metric and val_metric; with
        `foreign_stems` also foreign_loss and each foreign_metric.

    Raises:
        DataError: when there is nothing to train or to validate on, or `draw` names a source that no pair has.
        ModelError: when the architecture can't be built.
        TrainingError: when the loss or a weight is not finite, or a batch has fewer rows than there are workers.
            Earlier checkpoints stay.
    """
    _check(train_stems, valid_stems, params, workers)
    often = frequencies(folder, train_stems, params, sources)
    keras.utils.set_random_seed(params.seed)
    steps = steps_per_epoch(len(train_stems), params)
    model = build_learner(folder.num_classes, model_params, params)
    compile_learner(model, params, steps)
    share_steps(model, workers, params.batch_size)
    # What is validated and saved is a second network: plain Keras, float32, never compiled, for any reader.
    judged = registry.build(model_params, size, folder.num_classes, params.seed)
    judge = keras.Model(judged.input, judged.output)
    judge.compile(**objectives(params))
    place = _first_place(model, checkpoints, workers)
    valid, foreign = (
        WholeImages(folder, spread(stems, params.valid_images or len(stems)), VALID_BATCH)
        for stems in (valid_stems, foreign_stems)
    )
    if place.sums:
        # Keras makes the variables of metrics at the first batch; they must exist before sums are loaded
        model.test_on_batch(*valid[0])
    done = len(place.history) * steps + place.batch
    with bar("train", total=params.epochs * steps, initial=done, unit="step", even=True) as progress:
        while not schedule.finished(_values(place.history, params), params):
            history = place.history
            epoch = len(history)
            if place.batch == 0:
                _begin_epoch(model, params, epoch, _values(history, params))
            watch = _Watch(progress, f"epoch {epoch + 1}/{params.epochs}", steps, checkpoints, place, workers.chief)
            logs = model.fit(
                TrainingCrops(folder, train_stems, params, epoch, place.batch, often, workers),
                shuffle=False,  # TrainingCrops has its own order; Keras's would depend on the epochs before
                initial_epoch=epoch,
                epochs=epoch + 1,
                verbose=0,
                callbacks=[watch],
            ).history
            _check_finite(model, watch.label, checkpoints)
            if not workers.chief:
                place = _chiefs_place(model, checkpoints, workers)
                continue
            row = {"epoch": float(epoch + 1), "learning_rate": float(model.optimizer.learning_rate)}
            row |= {name: float(values[-1]) for name, values in logs.items()}
            # with train.averaging, fit has left the average in the place of the weights
            copy_weights(model, judged)
            seen = judge.evaluate(valid, verbose=0, return_dict=True, callbacks=[watch])
            row |= {f"val_{name}": float(value) for name, value in seen.items()}
            if foreign_stems:
                seen = judge.evaluate(foreign, verbose=0, return_dict=True, callbacks=[watch])
                row |= {f"foreign_{name}": float(value) for name, value in seen.items()}
            history.append(row)
            epoch_done(judged, history)
            if schedule.best_epoch(_values(history, params)) == epoch:
                checkpoints.save_best(judged)
            watch.put_trained_back(model)
            checkpoints.save(model, history)
            workers.from_chief(checkpoints.packed)
            place = Place(history)
    if workers.chief:
        checkpoints.finish(place.history)
    return place.history


def _check(train_stems: Sequence[str], valid_stems: Sequence[str], params: TrainParams, workers: Workers) -> None:
    if not train_stems or not valid_stems:
        raise DataError(
            f"received {len(train_stems)} train and {len(valid_stems)} valid pairs, expected at least one of each; "
            "add pairs or change split.shares"
        )
    if smallest_batch(len(train_stems), params) < workers.count:
        raise TrainingError(
            f"an epoch's smallest batch has {smallest_batch(len(train_stems), params)} rows, expected at least one for "
            f"each of {workers.count} workers; raise train.batch_size, or set train.steps_per_epoch above 0"
        )


def _first_place(model: keras.Model, checkpoints: Checkpoints, workers: Workers) -> Place:
    """Load the last checkpoint, the chief's own or what it gives."""
    if not workers.chief:
        return _chiefs_place(model, checkpoints, workers)
    place = checkpoints.restore(model)
    workers.from_chief(checkpoints.packed)
    return place


def _chiefs_place(model: keras.Model, checkpoints: Checkpoints, workers: Workers) -> Place:
    """Load the checkpoint that the chief has just read or written: the other workers have none of their own."""
    return checkpoints.restore_from(workers.from_chief(checkpoints.packed), model)


def _begin_epoch(model: keras.Model, params: TrainParams, epoch: int, values: Sequence[float]) -> None:
    if params.schedule != "cosine":
        factor = params.reducer.factor if params.schedule == "plateau" else 1.0
        model.optimizer.learning_rate = schedule.reduced_rate(
            values, params.learning_rate, factor, params.reducer.patience
        )
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    for number, layer in enumerate(dropouts):
        words = state(params.seed, Purpose.DROPOUT, epoch, number)
        layer.seed_generator.state.assign(words.astype(layer.seed_generator.state.dtype))


def _check_finite(model: keras.Model, where: str, checkpoints: Checkpoints) -> None:
    """The loss alone is not enough: cross-entropy clips probabilities, and on some backends that hides a NaN."""
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise TrainingError(f"weights are no longer finite after {where}; {_advice(checkpoints)}")


def _advice(checkpoints: Checkpoints) -> str:
    kept = f"the best model before is {checkpoints.best}" if checkpoints.best.is_file() else "no epoch was finished"
    return f"{ADVICE}; {kept}"


def _values(history: Sequence[Row], params: TrainParams) -> list[float]:
    """The monitored value of each epoch, negated where higher is better."""
    sign = 1 if params.monitor == "val_loss" else -1
    return [sign * monitored(row, params) for row in history]


def monitored(row: Row, params: TrainParams) -> float:
    """Give the value by which epochs are compared.

    Args:
        row: an epoch's row of the history.
        params: monitor and foreign_weight are read.

    Returns:
        The value of `monitor` on valid, or where there is a foreign_valid the mean of both, weighed by foreign_weight.
    """
    home = row[params.monitor]
    foreign = row.get(f"foreign_{params.monitor.removeprefix('val_')}")
    return home if foreign is None else (1 - params.foreign_weight) * home + params.foreign_weight * foreign


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Follows one epoch: moves the progress bar, writes checkpoints, stops at the first loss that is not finite.

    With `train.averaging` it also keeps the trained weights, which Keras replaces by their average.
    """

    def __init__(
        self, progress: "tqdm[None]", label: str, steps: int, checkpoints: Checkpoints, place: Place, keeps: bool
    ) -> None:
        super().__init__()
        self.progress = progress
        self.label = label
        self.steps = steps
        self.checkpoints = checkpoints
        self.place = place
        self.keeps = keeps
        self.trained: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 Keras's signature
        """Load the sums of the metrics from the checkpoint: `fit` has just set them to 0."""
        if self.place.sums:
            for variable, value in zip(self.model.metrics_variables, self.place.sums, strict=True):
                variable.assign(value)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        done = self.place.batch + batch + 1
        loss = float((logs or {})["loss"])
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} in {self.label}, step {done}; {_advice(self.checkpoints)}")
        self.progress.set_postfix_str(f"{self.label} loss {loss:.4f}", refresh=False)
        self.progress.update()
        # not after the last batch: `fit` can't start an epoch that has no batches left
        if self.keeps and done < self.steps and self.checkpoints.due():
            self.checkpoints.save(self.model, self.place.history, done)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 Keras's signature
        if self.model.optimizer.use_ema:
            self.trained = [keras.ops.convert_to_numpy(weight) for weight in self.model.trainable_variables]

    def put_trained_back(self, model: keras.Model) -> None:
        """Put back the trained weights: with averaging, `fit` ends with the average in their place."""
        if self.trained:
            for variable, value in zip(model.trainable_variables, self.trained, strict=True):
                variable.assign(value)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 Keras's signature
        self.progress.set_postfix_str(f"{self.label} validating", refresh=True)

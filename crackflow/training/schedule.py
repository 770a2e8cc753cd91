"""When the learning rate falls and when training ends, as functions of the history.

They read the whole history each time and keep no count, so a resumed training decides as one that never stopped.
"""

from collections.abc import Sequence

import keras

from crackflow.params import TrainParams


def learning_rate(params: TrainParams, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate to compile with.

    Args:
        params: schedule, learning_rate and warmup_steps are read.
        steps: batches of a training that is not stopped early.

    Returns:
        For cosine a schedule over steps (Loshchilov and Hutter 2017, arXiv 1608.03983), else the first epoch's rate.
    """
    if params.schedule != "cosine":
        return params.learning_rate
    warmup = min(params.warmup_steps, steps // 2)
    if warmup == 0:
        return keras.optimizers.schedules.CosineDecay(params.learning_rate, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=params.learning_rate, warmup_steps=warmup
    )


def reduced_rate(values: Sequence[float], rate: float, factor: float, patience: int) -> float:
    """The learning rate after these epochs: lowered each time `patience` of them in a row brought no improvement.

    The rule of `keras.callbacks.ReduceLROnPlateau` with `min_delta` 0. By hand: values 5 4 4 4, patience 2: nothing
    better in epochs 3 and 4, so the fifth runs at rate * factor.

    Args:
        values: the monitored value of each epoch; lower is better.
        rate: the first epoch's rate.
        factor: what the rate is multiplied by.
        patience: epochs to wait.
    """
    best, waited = float("inf"), 0
    for value in values:
        if value < best:
            best, waited = value, 0
            continue
        waited += 1
        if waited >= patience:
            rate, waited = rate * factor, 0
    return rate


def best_epoch(values: Sequence[float]) -> int:
    """Index of the first epoch with the lowest value."""
    return min(range(len(values)), key=values.__getitem__)


def finished(values: Sequence[float], params: TrainParams) -> bool:
    """Whether training ends after the epochs with these values (lower is better)."""
    if len(values) >= params.epochs:
        return True
    return bool(values) and 0 < params.early_stopping <= len(values) - 1 - best_epoch(values)

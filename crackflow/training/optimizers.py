"""Optimizers by name: what `train.optimizer` picks."""

from collections.abc import Callable
from typing import Any

import keras

from crackflow.params import OptimizerName, TrainParams
from crackflow.training.muon import ConvMuon

# Weight decay pulls weights towards 0. A normalization's scale and an offset have no reason to be there.
NOT_DECAYED = ["bias", "beta", "gamma"]


def adam(rate: Any, params: TrainParams, **common: Any) -> keras.optimizers.Optimizer:  # noqa: ARG001 one signature
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), without weight decay."""
    return keras.optimizers.Adam(rate, **common)


def adamw(rate: Any, params: TrainParams, **common: Any) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101)."""
    optimizer = keras.optimizers.AdamW(rate, weight_decay=params.weight_decay, **common)
    optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def muon(rate: Any, params: TrainParams, **common: Any) -> keras.optimizers.Optimizer:
    """Muon for convolutions (crackflow/training/muon.py)."""
    optimizer = ConvMuon(rate, weight_decay=params.weight_decay, encoder_rate=params.encoder_rate, **common)
    optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def sgd(rate: Any, params: TrainParams, **common: Any) -> keras.optimizers.Optimizer:  # noqa: ARG001 one signature
    """Gradient descent with Nesterov momentum."""
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **common)


OPTIMIZERS: dict[OptimizerName, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": adam,
    "adamw": adamw,
    "muon": muon,
    "sgd": sgd,
}


def make(params: TrainParams, rate: Any) -> keras.optimizers.Optimizer:
    """Make the optimizer of a training.

    Args:
        params: optimizer, weight_decay, clipvalue and averaging are read.
        rate: the learning rate, a number or a schedule.
    """
    return OPTIMIZERS[params.optimizer](
        rate,
        params,
        clipvalue=params.clipvalue or None,
        use_ema=params.averaging > 0,
        ema_momentum=params.averaging,
        # None: Keras puts the average in the weights' place at the end of `fit` alone
        ema_overwrite_frequency=None,
    )

"""The network while it is trained: built by name, compiled with its optimizer, loss and metrics."""

from typing import Any

import keras

from crackflow.models import registry
from crackflow.params import ModelParams, TrainParams
from crackflow.training import losses, metrics, optimizers, schedule
from crackflow.training.deep_supervision import Supervised
from crackflow.training.precision import resolve

# XLA takes 1.7 times as long for FlexUNet on a CPU under TensorFlow, and torch's compiler needs a C++ compiler.
JIT = keras.backend.backend() == "jax"


def build_learner(num_classes: int, model_params: ModelParams, params: TrainParams) -> keras.Model:
    """Build the network that is trained.

    Args:
        num_classes: number of classes, the background included.
        model_params: the architecture and its parameters.
        params: seed, precision, crop, deep_supervision and crack_weight are read.

    Returns:
        A model for inputs of any size, or of `params.crop` where the architecture has a fixed size. Under deep
        supervision it has outputs at lower resolutions besides.

    Raises:
        ModelError: when the architecture can't be built so.
    """
    supervised = params.deep_supervision > 0
    size = params.crop or None if registry.has_fixed_size(model_params) else None
    model = registry.build(model_params, size, num_classes, params.seed, resolve(params.precision), supervised)
    if not supervised:
        return model
    model = Supervised(model.input, model.outputs, name=model.name)
    model.level_weight = params.deep_supervision
    model.level_loss = losses.total({"categorical_crossentropy": 1.0}, params.crack_weight)
    return model


def compile_learner(model: keras.Model, params: TrainParams, steps: int) -> None:
    """Give the model its optimizer, loss and metrics.

    Args:
        model: as `build_learner` gives it.
        params: the recipe.
        steps: batches per epoch.
    """
    rate = schedule.learning_rate(params, steps * params.epochs)
    model.compile(optimizer=optimizers.make(params, rate), **objectives(params))


def objectives(params: TrainParams) -> dict[str, Any]:
    """What to compile a network with so that it is judged by the recipe's loss and metrics."""
    return {
        "loss": losses.total(params.loss, params.crack_weight),
        "metrics": metrics.make(params.metrics),
        "jit_compile": JIT,
    }


def copy_weights(learner: keras.Model, target: keras.Model) -> None:
    """Copy the learner's weights into a network built of the same parameters without deep supervision.

    Layers are matched by their order and not by name: names that Keras gives count up from one build to the next.
    """
    own = keras.Model(learner.input, learner.outputs[0])
    for layer, source in zip(target.layers, own.layers, strict=True):
        layer.set_weights(source.get_weights())

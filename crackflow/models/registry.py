"""Architectures by name: `model.architecture` names one, and training builds it from here.

An architecture is a class of parameters in crackflow/params/model.py, a builder, and an entry in `ARCHITECTURES`.
docs/how-to/extend.md shows all three.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import keras

from crackflow.errors import ModelError
from crackflow.models.efficient_cracknet import efficient_cracknet
from crackflow.models.ega_unet import ega_unet
from crackflow.models.flexunet import flexunet
from crackflow.models.pretrained_unet import pretrained_unet
from crackflow.params import ArchitectureParams, Precision


class Builder(Protocol):
    """Builds a network that turns pixels into class probabilities.

    The model is functional, holds no other model, and has Keras's own layers alone, so that the saved file opens in
    plain Keras. Layers take the precision from Keras's dtype policy, except the output, which is float32.
    """

    def __call__(self, size: int | None, num_classes: int, params: Any, seed: int) -> keras.Model:
        """Build the network.

        Args:
            size: side of the square input, px. None accepts any multiple of `params.stride`.
            num_classes: number of classes, the background included.
            params: the architecture's own class of parameters.
            seed: the initial weights and dropout follow from it.

        Returns:
            A model from (N, H, W, params.image_channels) float32 pixels in 0..255 to (N, H, W, num_classes) float32
            probabilities.
        """


@dataclass(frozen=True)
class Architecture:
    """How to build an architecture.

    Attributes:
        build: builds the network.
        build_supervised: builds the same network for deep supervision, or None where there is no such network. Its
            outputs are a list: the probabilities at full size, then some of (N, H/k, W/k, num_classes) for whole k.
            Without the layers of these it has the layers of `build`, in their order.
        fixed_size: whether the network is built for one size of picture alone, and not for None. Its weights fit every
            size all the same.
    """

    build: Builder
    build_supervised: Builder | None = None
    fixed_size: bool = False


# FlexUNet's levels for deep supervision: level 0 is the output's own; below level 2 a thin crack is too faint.
ARCHITECTURES: dict[str, Architecture] = {
    "flexunet": Architecture(flexunet, partial(flexunet, supervised=(1, 2))),
    "pretrained_unet": Architecture(pretrained_unet),
    "efficient_cracknet": Architecture(efficient_cracknet),
    "ega_unet": Architecture(ega_unet, fixed_size=True),
}


def build(
    params: ArchitectureParams,
    size: int | None,
    num_classes: int,
    seed: int,
    precision: Precision = "float32",
    supervised: bool = False,
) -> keras.Model:
    """Build the network that `params.architecture` names.

    Args:
        params: the architecture's parameters.
        size: side of the square input, px. None accepts any multiple of `params.stride`, but for an architecture of
            fixed size.
        num_classes: number of classes, the background included.
        seed: the initial weights and dropout follow from it.
        precision: what the layers calculate with; weights and probabilities are float32 either way.
        supervised: add outputs at lower resolutions, for deep supervision.

    Returns:
        A model as `Builder` describes; with `supervised`, one as `Architecture.build_supervised` describes.

    Raises:
        ModelError: when the name is not registered, the architecture can't be supervised, or its builder gives
            something else than described.
    """
    name = params.architecture
    if name not in ARCHITECTURES:
        raise ModelError(
            f"no architecture {name}, expected one of {', '.join(ARCHITECTURES)}; "
            "add it to ARCHITECTURES in crackflow/models/registry.py"
        )
    entry = ARCHITECTURES[name]
    builder = entry.build_supervised if supervised else entry.build
    if builder is None:
        raise ModelError(f"architecture {name} has no network for deep supervision; set train.deep_supervision to 0")
    with _dtype_policy(precision):
        model = builder(size, num_classes, params, seed)
    _check(model, name, num_classes)
    return model


def has_fixed_size(params: ArchitectureParams) -> bool:
    """Whether the network that `params.architecture` names is built for one size of picture alone."""
    return params.architecture in ARCHITECTURES and ARCHITECTURES[params.architecture].fixed_size


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check(model: keras.Model, name: str, num_classes: int) -> None:
    shape = model.outputs[0].shape
    if len(shape) != 4 or shape[-1] != num_classes:
        raise ModelError(
            f"architecture {name} gives {shape}, expected (N, H, W, {num_classes}); "
            "end its builder with a softmax over the classes"
        )
    if inner := [layer.name for layer in model.layers if isinstance(layer, keras.Model)]:
        raise ModelError(
            f"architecture {name} holds the model {inner[0]}, expected layers alone; "
            "call its layers on the input instead (keras.applications: input_tensor=)"
        )

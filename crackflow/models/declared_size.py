"""The size of a network that a .keras file declares, found without taking the memory for it."""

import json
import math
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras

from crackflow.errors import ModelError
from crackflow.models.compression import CONFIG
from crackflow.models.keras_file import MOST_VALUES


def check(path: Path, held: int) -> None:
    """Check that a network is no larger than its weights, before Keras makes it.

    Keras makes all weights, and fills them with random numbers, before it reads those of the file.

    Args:
        path: a .keras file that crackflow.models.keras_file.check found to be one.
        held: what that gave: the numbers that its weights hold.

    Raises:
        ModelError: when the network has more weights, or a layer gives more than MOST_VALUES.
        Exception: as Keras raises it where the file describes no network.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read(CONFIG))
    # Keras notes what was not made in the state of its thread, and would make it at the next occasion
    with ThreadPoolExecutor(1) as thread:
        weights, largest, layer = thread.submit(_declared, config).result()
    if weights > held:
        raise ModelError(
            f"{path} describes a network of {weights:,} weights and holds {held:,}; expected as many as it describes: "
            "save the model again"
        )
    if largest > MOST_VALUES:
        raise ModelError(
            f"in the model in {path} layer {layer} gives {largest:,} numbers for a picture, expected at most "
            f"{MOST_VALUES:,}; name a model of smaller pictures"
        )


def _declared(config: Any) -> tuple[int, int, str]:
    """Number of weights, and the largest output of a layer for one picture with the layer's name."""
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(config)
        outputs = [(math.prod(shape), name) for name, shape in _outputs(model)]
    return sum(math.prod(one.shape) for one in model.weights), *max(outputs, default=(0, ""))


def _outputs(model: Any) -> Iterator[tuple[str, list[int]]]:
    """Name and shape of what each layer gives; sides that are left open count 1."""
    for layer in getattr(model, "layers", ()):
        yield from _outputs(layer)
        # a layer that is called twice has no one output
        for tensor in keras.tree.flatten(getattr(layer, "output", None)):
            yield layer.name, [side or 1 for side in getattr(tensor, "shape", ())[1:]]

"""Fold batch normalization into the convolution before it: the same output with fewer operations and less memory.

At inference a batch normalization multiplies each channel by gamma / sqrt(variance + epsilon) and adds an offset (Ioffe
and Szegedy 2015, arXiv 1502.03167). A convolution can do both in its kernel and bias, if no other layer reads its
output. Keras's backends then run it and the activation as one operation.
"""

from typing import Any

import keras
import numpy as np


def fold(model: keras.Model) -> keras.Model:
    """Remove the batch normalizations that follow a convolution, and keep what the network predicts.

    Args:
        model: functional, with Keras's own layers only.

    Returns:
        A model whose layers keep their names, not compiled. Its outputs differ by rounding only. It is `model` itself
        where there is nothing to fold.
    """
    pairs = normalizations(model)
    if not pairs:
        return model
    norms = {norm.name for norm in pairs.values()}

    def with_bias(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        return type(layer).from_config(config | {"use_bias": True} if layer.name in pairs else config)

    def without_norms(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if layer.name in norms else layer(*args, **kwargs)

    folded = keras.models.clone_model(model, clone_function=with_bias, call_function=without_norms)
    for layer in model.layers:
        weights = layer.get_weights()
        if layer.name in pairs:
            weights = _folded(layer, pairs[layer.name])
        if weights and layer.name not in norms:
            folded.get_layer(layer.name).set_weights(weights)
    return folded


def normalizations(model: keras.Model) -> dict[str, keras.layers.BatchNormalization]:
    """Give the normalizations that `fold` removes, by the names of the convolutions that they follow.

    None where a layer is called more than once, since it is not told there what such a layer reads.
    """
    if not all(hasattr(layer, "input") and hasattr(layer, "output") for layer in model.layers):
        return {}
    readers: dict[int, list[keras.layers.Layer]] = {}
    for layer in model.layers:
        for tensor in layer.input if isinstance(layer.input, list) else [layer.input]:
            readers.setdefault(id(tensor), []).append(layer)
    found = {}
    for layer in model.layers:
        # another layer that reads the convolution's output would miss what the normalization does
        read_by = readers.get(id(layer.output), [])
        linear = isinstance(layer, keras.layers.Conv2D) and layer.activation is keras.activations.linear
        if linear and len(read_by) == 1 and isinstance(read_by[0], keras.layers.BatchNormalization):
            found[layer.name] = read_by[0]
    return found


def _folded(conv: keras.layers.Conv2D, norm: keras.layers.BatchNormalization) -> list[np.ndarray]:
    kernel, *rest = conv.get_weights()
    bias = rest[0] if rest else 0.0
    values = iter(norm.get_weights())
    gamma = next(values) if norm.scale else 1.0
    beta = next(values) if norm.center else 0.0
    mean, variance = values
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return [(kernel * factor).astype(np.float32), ((bias - mean) * factor + beta).astype(np.float32)]

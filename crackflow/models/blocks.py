"""Layers that the networks of the papers share: convolutions with normalization, channel attention."""

from collections.abc import Iterator
from typing import Any

import keras


class Blocks:
    """Makes layers with a seed of their own each, in one precision."""

    def __init__(self, precision: str, seed: int) -> None:
        """Begin a network.

        Args:
            precision: the dtype policy of the layers, by name.
            seed: initial weights follow from it.
        """
        self.precision = precision
        self._seeds: Iterator[int] = iter(range(seed * 10_000, (seed + 1) * 10_000))

    def glorot(self) -> keras.initializers.Initializer:
        """Keras's default initializer, with a seed."""
        return keras.initializers.GlorotUniform(seed=next(self._seeds))

    def act(self, x: Any, activation: str, name: str) -> Any:
        """An activation by Keras's name."""
        return keras.layers.Activation(activation, name=f"{name}_{activation}", dtype=self.precision)(x)

    def norm(self, x: Any, name: str) -> Any:
        """A batch normalization; its moving averages follow the last ten batches, as those of FlexUNet do."""
        return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm", dtype=self.precision)(x)

    def pointwise(self, x: Any, filters: int, name: str, bias: bool = True, **settings: Any) -> Any:
        """A convolution, 1x1 unless `kernel_size` says otherwise.

        Args:
            x: (N, H, W, C).
            filters: channels out.
            name: of the layer.
            bias: whether it has an offset; not where a normalization follows.
            settings: of keras.layers.Conv2D.
        """
        settings = {"kernel_size": 1, "padding": "same", **settings}
        return keras.layers.Conv2D(
            filters, use_bias=bias, kernel_initializer=self.glorot(), name=name, dtype=self.precision, **settings
        )(x)

    def separable(self, x: Any, filters: int, name: str) -> Any:
        """A depthwise 3x3 and a 1x1 convolution, a normalization, ReLU (arXiv 1704.04861)."""
        x = keras.layers.SeparableConv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            depthwise_initializer=self.glorot(),
            pointwise_initializer=self.glorot(),
            name=f"{name}_separable",
            dtype=self.precision,
        )(x)
        return self.act(self.norm(x, name), "relu", name)

    def depthwise(self, x: Any, kernel: int, name: str, **settings: Any) -> Any:
        """A depthwise convolution."""
        settings = {"use_bias": False, "depthwise_initializer": self.glorot(), **settings}
        return keras.layers.DepthwiseConv2D(kernel, padding="same", name=name, dtype=self.precision, **settings)(x)

    def squeeze_excite(self, x: Any, reduction: int, name: str, bias: bool = True) -> Any:
        """Weigh the channels by what all of the picture shows (squeeze and excitation, arXiv 1709.01507).

        Args:
            x: (N, H, W, C).
            reduction: C is divided by it in between.
            name: what the names of its layers begin with.
            bias: whether its two layers have offsets.

        Returns:
            (N, H, W, C).
        """
        channels = x.shape[-1]
        share = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean", dtype=self.precision)(x)
        share = self.pointwise(share, channels // reduction, f"{name}_squeeze", bias, activation="relu")
        share = self.pointwise(share, channels, f"{name}_excite", bias, activation="sigmoid")
        return keras.layers.Multiply(name=f"{name}_weighed", dtype=self.precision)([x, share])

    def add(self, parts: list[Any], name: str) -> Any:
        """The sum of tensors of one shape."""
        return keras.layers.Add(name=name, dtype=self.precision)(parts)

    def concatenate(self, parts: list[Any], name: str) -> Any:
        """Channels of one beside those of the other."""
        return keras.layers.Concatenate(name=name, dtype=self.precision)(parts)

    def pool(self, x: Any, name: str) -> Any:
        """Halve height and width by the largest of 2x2."""
        return keras.layers.MaxPooling2D(2, name=f"{name}_pool", dtype=self.precision)(x)

    def double(self, x: Any, name: str) -> Any:
        """Double height and width, by the nearest."""
        return keras.layers.UpSampling2D(2, name=f"{name}_nearest", dtype=self.precision)(x)

    def probabilities(self, x: Any, num_classes: int) -> Any:
        """A softmax over the classes, float32."""
        x = self.pointwise(x, num_classes, "logits")
        return keras.layers.Activation("softmax", name="probabilities", dtype="float32")(x)

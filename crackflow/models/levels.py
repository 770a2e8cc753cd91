"""The layers that the networks share: a level's convolutions, the way up, and the head that gives probabilities."""

import math
from typing import Any

import keras

from crackflow.params import FlexUNetParams

GROUPS = 8  # of group normalization, as its paper (Wu and He 2018) finds enough for narrow layers
HEAD = -1  # the level above the first, at full size


class LevelBuilder:
    """Makes the layers of one level after another from the parameters."""

    def __init__(self, params: FlexUNetParams, seed: int, num_classes: int, precision: str) -> None:
        """Begin a network.

        Args:
            params: widths, kernels and the rest.
            seed: initial weights and dropout follow from it.
            num_classes: number of classes, the background included.
            precision: the dtype policy of the layers, by name.
        """
        self.params = params
        self.num_classes = num_classes
        self.precision = precision
        self.seeds = iter(range(seed * 10_000, (seed + 1) * 10_000))

    def filters(self, level: int) -> int:
        """Filters of a level; `HEAD` has half of the first level's."""
        if level == HEAD:
            return max(1, self.filters(0) // 2)
        if self.params.widths:
            return int(self.params.widths[level])
        return min(self.params.base_filters << level, self.params.max_filters)

    def he_normal(self) -> keras.initializers.Initializer:
        """He's normal initializer, with a seed."""
        return keras.initializers.HeNormal(seed=next(self.seeds))

    def glorot(self) -> keras.initializers.Initializer:
        """Keras's default, with a seed. The original uses it for transposed convolutions and the last one."""
        return keras.initializers.GlorotUniform(seed=next(self.seeds))

    def conv(
        self,
        x: Any,
        level: int,
        name: str,
        kernel: tuple[int, int] | None = None,
        stride: int = 1,
        filters: int | None = None,
    ) -> keras.KerasTensor:
        """A convolution with normalization and activation.

        Args:
            x: (N, H, W, C).
            level: whose filters, kernel and dilation it has.
            name: what the names of its layers begin with.
            kernel: instead of the level's.
            stride: of the convolution.
            filters: instead of the level's.
        """
        first = self.params.base_kernels
        plain = self.params.normalization == "none"
        filters = filters or self.filters(level)
        x = keras.layers.Conv2D(
            filters,
            kernel or tuple(max(side - 2 * level, min(side, 3)) for side in first),
            strides=stride,
            padding="same",
            dilation_rate=1 if stride > 1 else tuple(max(rate - level, 1) for rate in self.params.dilation),
            use_bias=plain,
            kernel_initializer=self.he_normal(),
            name=f"{name}_conv",
            dtype=self.precision,
        )(x)
        if not plain:
            x = self.normalization(filters, f"{name}_norm")(x)
        activation = self.params.activation
        return keras.layers.Activation(activation, name=f"{name}_{activation}", dtype=self.precision)(x)

    def normalization(self, filters: int, name: str) -> keras.layers.Layer:
        """The normalization that the parameters name."""
        if self.params.normalization == "batch":
            return keras.layers.BatchNormalization(momentum=0.9, name=name, dtype=self.precision)
        if self.params.normalization == "layer":
            return keras.layers.LayerNormalization(name=name, dtype=self.precision)
        groups = math.gcd(GROUPS, filters)
        return keras.layers.GroupNormalization(groups, name=name, dtype=self.precision)

    def convs(self, x: Any, level: int, name: str, count: int, stride: int = 1) -> keras.KerasTensor:
        """One or two convolutions of a level, with dropout after the first."""
        x = self.conv(x, level, f"{name}a", stride=stride)
        rate = self.params.dropout_rate * level
        if rate > 0:
            x = keras.layers.Dropout(rate, seed=next(self.seeds), name=f"{name}_dropout", dtype=self.precision)(x)
        return self.conv(x, level, f"{name}b") if count == 2 else x

    def upsample(self, x: Any, level: int, factor: int, name: str) -> keras.KerasTensor:
        """A transposed convolution that makes the picture `factor` times as large, with the filters of a level."""
        return keras.layers.Conv2DTranspose(
            self.filters(level),
            factor,
            strides=factor,
            padding="same",
            kernel_initializer=self.glorot(),
            name=name,
            dtype=self.precision,
        )(x)

    def head(self, x: Any, scaled: Any) -> keras.KerasTensor:
        """Go from the first level to probabilities at full size."""
        stride = self.params.stem_stride
        if stride > 1 and self.params.head == "packed":
            # A strided convolution brings the pixels down to the first level. Each output pixel depends on as many
            # input pixels as with `refine`, and only the last layer works at full size.
            pixels = keras.layers.Conv2D(
                max(1, self.filters(0) // 2),
                2 * stride,
                strides=stride,
                padding="same",
                kernel_initializer=self.he_normal(),
                name="head_pixels",
                dtype=self.precision,
            )(scaled)
            x = keras.layers.Concatenate(name="head_skip", dtype=self.precision)([x, pixels])
            x = self.conv(x, 0, "head", kernel=(3, 3), filters=self.filters(0) + self.filters(HEAD))
            return self.unpacked(x, stride, stride)
        if stride > 1 and self.params.head == "subpixel":
            # Each output pixel is computed from the nearest 2x2 positions, as in bilinear interpolation.
            return self.unpacked(x, 2 * stride, stride)
        if stride > 1:
            # The first convolution skipped pixels, and a crack may be 1 px wide: see the pixels themselves again.
            # Layers at full size cost most, so this one has half the filters of the first level.
            x = self.upsample(x, HEAD, stride, "head_transposed")
            x = keras.layers.Concatenate(name="head_skip", dtype=self.precision)([x, scaled])
            x = self.conv(x, HEAD, "head", kernel=(3, 3))
        return self.probabilities(x, "probabilities")

    def unpacked(self, x: Any, kernel: int, stride: int) -> keras.KerasTensor:
        """Probabilities of the pixels that each position stands for (sub-pixel convolution, arXiv 1609.05158)."""
        return keras.layers.Conv2DTranspose(
            self.num_classes,
            kernel,
            strides=stride,
            padding="same",
            activation="softmax",
            kernel_initializer=self.glorot(),
            name="probabilities",
            dtype="float32",
        )(x)

    def probabilities(self, x: Any, name: str) -> keras.KerasTensor:
        """Class probabilities at the size of `x`, in float32."""
        return keras.layers.Conv2D(
            self.num_classes, 1, activation="softmax", kernel_initializer=self.glorot(), name=name, dtype="float32"
        )(x)

"""FlexUNet: a U-Net whose depth, widths, kernels, dilations and scaling are parameters.

The profile `original` builds the network of the original experiment exactly (124,996,866 parameters). The default is
compact: a first convolution with a stride, a limit on the widths, small kernels, batch normalization.

Sources: U-Net, Ronneberger et al. 2015 (arXiv 1505.04597); the flexible levels, kernels and dilations are
TensorFlow-FlexUNet's, antillia.com 2025. It has Keras's own layers only, so a saved model loads in plain Keras.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras

from crackflow.params import FlexUNetParams

GROUPS = 8  # of group normalization, as its paper (Wu and He 2018) finds enough for narrow layers
HEAD = -1  # the level above the first, at full size
SCALING = {"unit": (1 / 255, 0.0), "centered": (2 / 255, -1.0)}


def flexunet(
    size: int | None, num_classes: int, params: FlexUNetParams, seed: int = 0, supervised: Sequence[int] = ()
) -> keras.Model:
    """Build the network.

    Args:
        size: side of the square input, px; a multiple of `params.stride`. None accepts any such size.
        num_classes: number of classes, the background included.
        params: depth, widths, kernels and the rest.
        seed: initial weights and dropout follow from it.
        supervised: levels of the decoder that give probabilities of their own, for deep supervision (Lee et al. 2015,
            arXiv 1409.5185). Only the layers of these outputs are added to the network.

    Returns:
        A model from (N, H, W, image_channels) pixels in 0..255 to (N, H, W, num_classes) float32 probabilities. With
        `supervised`, its output is a list: these, then (N, h, w, num_classes) of each of those levels, the lowest
        resolution first. The layers use Keras's dtype policy.
    """
    # Named in each layer, and not left to Keras: layers that share the policy itself are saved as sharing an object.
    precision = keras.config.dtype_policy().name
    build = _Builder(params, seed, num_classes, precision)
    pixels = keras.Input((size, size, params.image_channels), name="pixels")
    x = pixels
    if params.input_scaling in SCALING:
        scale, offset = SCALING[params.input_scaling]
        x = keras.layers.Rescaling(scale, offset, name="scaling", dtype=precision)(pixels)
    scaled = x

    skips = []
    for level in range(params.num_layers):
        x = build.convs(x, level, f"down{level}", 2, stride=params.stem_stride if level == 0 else 1)
        if level < params.num_layers - 1:
            skips.append(x)
            x = keras.layers.MaxPooling2D(2, name=f"pool{level}", dtype=precision)(x)
    levels = {}
    for level in reversed(range(params.num_layers - 1)):
        x = build.upsample(x, level, 2, f"up{level}_transposed")
        x = keras.layers.Concatenate(name=f"up{level}_skip", dtype=precision)([x, skips[level]])
        x = levels[level] = build.convs(x, level, f"up{level}", params.decoder_convs)
    outputs = build.head(x, scaled)
    if not supervised:
        return keras.Model(pixels, outputs, name="flexunet")
    extra = [build.probabilities(levels[level], f"level{level}_probabilities") for level in sorted(supervised)[::-1]]
    return keras.Model(pixels, [outputs, *extra], name="flexunet")


class _Builder:
    """Makes the layers of one level after another from the parameters."""

    def __init__(self, params: FlexUNetParams, seed: int, num_classes: int, precision: str) -> None:
        self.params = params
        self.num_classes = num_classes
        self.precision = precision
        self.seeds = iter(range(seed * 10_000, (seed + 1) * 10_000))

    def filters(self, level: int) -> int:
        if level == HEAD:
            return max(1, self.filters(0) // 2)
        if self.params.widths:
            return int(self.params.widths[level])
        return min(self.params.base_filters << level, self.params.max_filters)

    def he_normal(self) -> keras.initializers.Initializer:
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
        if self.params.normalization == "batch":
            return keras.layers.BatchNormalization(momentum=0.9, name=name, dtype=self.precision)
        if self.params.normalization == "layer":
            return keras.layers.LayerNormalization(name=name, dtype=self.precision)
        groups = math.gcd(GROUPS, filters)
        return keras.layers.GroupNormalization(groups, name=name, dtype=self.precision)

    def convs(self, x: Any, level: int, name: str, count: int, stride: int = 1) -> keras.KerasTensor:
        x = self.conv(x, level, f"{name}a", stride=stride)
        rate = self.params.dropout_rate * level
        if rate > 0:
            x = keras.layers.Dropout(rate, seed=next(self.seeds), name=f"{name}_dropout", dtype=self.precision)(x)
        return self.conv(x, level, f"{name}b") if count == 2 else x

    def upsample(self, x: Any, level: int, factor: int, name: str) -> keras.KerasTensor:
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
        return keras.layers.Conv2D(
            self.num_classes, 1, activation="softmax", kernel_initializer=self.glorot(), name=name, dtype="float32"
        )(x)

"""A U-Net whose way down is an encoder that was trained on ImageNet, under FlexUNet's head.

The encoder's features at strides 2 to 32 meet a light way up: at each level a 1x1 convolution to the level's width,
nearest-neighbour upsampling, the encoder's features beside it, one 3x3 convolution. The head is FlexUNet's `packed`.
"""

from typing import Any

import keras

from crackflow.models import efficientnet
from crackflow.models.levels import LevelBuilder
from crackflow.params import FlexUNetParams, PretrainedUNetParams

# What FlexUNet's builder reads for the way up and the head; the way down is the encoder's.
DECODER = FlexUNetParams(base_kernels=(3, 3), stem_stride=2, head="packed", input_scaling="centered")


def pretrained_unet(size: int | None, num_classes: int, params: PretrainedUNetParams, seed: int = 0) -> keras.Model:
    """Build the network, its encoder holding the weights that were learned on ImageNet.

    Args:
        size: side of the square input, px; a multiple of `params.stride`. None accepts any such size.
        num_classes: number of classes, the background included.
        params: decoder_widths and frozen_stages are read.
        seed: the initial weights of the way up and the head follow from it.

    Returns:
        A model from (N, H, W, 3) RGB pixels in 0..255 to (N, H, W, num_classes) float32 probabilities. The layers
        calculate in Keras's dtype policy.

    Raises:
        ModelError: when the encoder's package is not installed, or its file is not the one that is known.
    """
    precision = keras.config.dtype_policy().name
    weights = efficientnet.read_weights()
    widths = tuple(params.decoder_widths)
    decoder = DECODER.model_copy(update={"widths": widths, "num_layers": len(widths)})
    build = LevelBuilder(decoder, seed, num_classes, precision)
    pixels = keras.Input((size, size, 3), name="pixels")
    *skips, x = efficientnet.encode(pixels, precision, params.frozen_stages)
    for level in reversed(range(len(skips))):
        x = _up(build, x, skips[level], level)
    scaled = keras.layers.Rescaling(2 / 255, -1.0, name="scaling", dtype=precision)(pixels)
    model = keras.Model(pixels, build.head(x, scaled), name="pretrained_unet")
    for name, layer in weights.items():
        model.get_layer(name).set_weights([layer.kernel, layer.bias])
    return model


def _up(build: LevelBuilder, x: Any, skip: Any, level: int) -> keras.KerasTensor:
    x = build.conv(x, level, f"up{level}a", kernel=(1, 1))
    x = keras.layers.UpSampling2D(2, name=f"up{level}_nearest", dtype=build.precision)(x)
    x = keras.layers.Concatenate(name=f"up{level}_skip", dtype=build.precision)([x, skip])
    return build.conv(x, level, f"up{level}b", kernel=(3, 3))

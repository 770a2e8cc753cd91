"""FlexUNet: a U-Net whose depth, widths, kernels, dilations and scaling are parameters.

The profile `original` builds the network of the original experiment exactly (124,996,866 parameters). The default is
compact: a first convolution with a stride, a limit on the widths, small kernels, batch normalization.

Sources: U-Net, Ronneberger et al. 2015 (arXiv 1505.04597); the flexible levels, kernels and dilations are
TensorFlow-FlexUNet's, antillia.com 2025. It has Keras's own layers only, so a saved model loads in plain Keras.
"""

from collections.abc import Sequence

import keras

from crackflow.models.levels import LevelBuilder
from crackflow.params import FlexUNetParams

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
    build = LevelBuilder(params, seed, num_classes, precision)
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

"""A U-Net of RepViT blocks that mixes distant places in the frequency domain, in the manner of EGA-UNet.

Yang et al. 2025 (doi 10.1038/s41598-025-01983-3) name the parts and leave widths and depths open, so this is not their
network to the letter. Its parts: the RepViT block (Wang et al. 2023, arXiv 2307.09283) and the adaptive frequency
filter (Huang et al. 2023, arXiv 2307.14008), which multiplies the spectrum of the picture by a mask that it computes
from the spectrum itself.
"""

from typing import Any

import keras

from crackflow.errors import ModelError
from crackflow.models.blocks import Blocks
from crackflow.params import EGAUNetParams

EXPANSION = 2  # of the RepViT block's second half, as in its paper
REDUCTION = 4  # of its channel attention, as in its paper


def ega_unet(size: int | None, num_classes: int, params: EGAUNetParams, seed: int = 0) -> keras.Model:
    """Build the network.

    Args:
        size: side of the square input, px; a multiple of `params.stride`. Keras transforms pictures of a known size
            alone.
        num_classes: number of classes, the background included.
        params: widths, and from which level on frequencies are filtered.
        seed: the initial weights follow from it.

    Returns:
        A model from (N, H, W, image_channels) pixels in 0..255 to (N, H, W, num_classes) float32 probabilities. Its
        weights do not depend on the size.

    Raises:
        ModelError: when `size` is None.
    """
    if size is None:
        raise ModelError("ega_unet needs one size of picture, and train.crop is 0; set train.crop, for instance to 256")
    build = Blocks(keras.config.dtype_policy().name, seed)
    pixels = keras.Input((size, size, params.image_channels), name="pixels")
    x = keras.layers.Rescaling(2 / 255, -1.0, name="scaling", dtype=build.precision)(pixels)
    skips = []
    for level, width in enumerate(params.widths):
        name = f"down{level}"
        if level:
            skips.append(x)
            x = build.pool(x, name)
        x = build.norm(build.pointwise(x, width, f"{name}_widen", bias=False, kernel_size=3), f"{name}_widen")
        x = _repvit(build, x, name)
        if level >= params.filtered_from:
            x = _frequencies(build, x, f"{name}_filter")
    for level in reversed(range(len(skips))):
        name = f"up{level}"
        x = build.pointwise(build.double(x, name), params.widths[level], f"{name}_narrow")
        x = build.concatenate([x, skips[level]], f"{name}_skip")
        x = build.norm(build.pointwise(x, params.widths[level], f"{name}_joined", bias=False), f"{name}_joined")
        x = _repvit(build, x, name)
    return keras.Model(pixels, build.probabilities(x, num_classes), name="ega_unet")


def _repvit(build: Blocks, x: Any, name: str) -> Any:
    """A RepViT block: a depthwise look at three kernels at once, channel attention, then a mix of the channels."""
    channels = x.shape[-1]
    # arXiv 2307.09283 adds the three to one 3x3 kernel after training; here they stay apart
    near = build.norm(build.depthwise(x, 3, f"{name}_depthwise3"), f"{name}_depthwise3")
    y = build.norm(build.add([x, near, build.depthwise(x, 1, f"{name}_depthwise1")], f"{name}_near"), f"{name}_near")
    y = build.squeeze_excite(y, REDUCTION, f"{name}_channels")
    z = build.norm(build.pointwise(y, EXPANSION * channels, f"{name}_expand", bias=False), f"{name}_expand")
    z = build.act(z, "gelu", f"{name}_expand")
    z = build.norm(build.pointwise(z, channels, f"{name}_project", bias=False), f"{name}_project")
    return build.add([y, z], f"{name}_sum")


def _frequencies(build: Blocks, x: Any, name: str) -> Any:
    """Filter the spectrum of each channel by a mask that follows from the spectrum, and add what comes back."""
    channels = x.shape[-1]
    # Fourier transforms know float32 alone, and take height and width as the last axes
    y = keras.layers.Activation("linear", name=f"{name}_float32", dtype="float32")(x)
    y = keras.layers.Permute((3, 1, 2), name=f"{name}_to_planes", dtype="float32")(y)
    real, imaginary = keras.ops.fft2((y, keras.ops.zeros_like(y)))
    planes = [
        keras.layers.Permute((2, 3, 1), name=f"{name}_{part}", dtype="float32")(side)
        for part, side in (("real", real), ("imaginary", imaginary))
    ]
    # a spectrum grows with the number of pixels; the normalization makes every size of picture look alike
    spectrum = keras.layers.Concatenate(name=f"{name}_spectrum", dtype="float32")(planes)
    spectrum = keras.layers.LayerNormalization(name=f"{name}_spectrum_norm", dtype="float32")(spectrum)
    mask = build.act(build.pointwise(spectrum, channels, f"{name}_mask_in"), "relu", f"{name}_mask_in")
    mask = build.pointwise(mask, 2 * channels, f"{name}_mask")
    mask = keras.layers.Activation("linear", name=f"{name}_mask_float32", dtype="float32")(mask)
    mask = keras.layers.Permute((3, 1, 2), name=f"{name}_mask_planes", dtype="float32")(mask)
    by_real, by_imaginary = keras.ops.split(mask, 2, axis=1)
    filtered = (real * by_real - imaginary * by_imaginary, real * by_imaginary + imaginary * by_real)
    back, _ = keras.ops.ifft2(filtered)
    back = keras.layers.Permute((2, 3, 1), name=f"{name}_from_planes", dtype="float32")(back)
    return build.add([x, build.pointwise(back, channels, f"{name}_out")], f"{name}_sum")

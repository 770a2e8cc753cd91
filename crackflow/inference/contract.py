"""What a network must be, whichever runtime it runs on: from a picture to the probabilities of each pixel's classes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crackflow.errors import ModelError, is_shortage, one_line
from crackflow.inference.network import Network

Batch = npt.NDArray[np.float32]
MOST_CLASSES = 256  # masks are stored as uint8
MOST_SIDE = 4096
# Of the probe where the model takes any size: a multiple of what networks of up to eight levels ask for.
_ANY_SIDE = 256
# How far from 1 the probabilities of a pixel may sum up to; those that were calculated in bfloat16 by some 0.004.
_TOLERANCE = 0.01
_CHANNELS = (1, 3)


def check(network: Network, path: Path, classes: int | None = None, run: Callable[[Batch], Any] | None = None) -> None:
    """Check a network by its shapes, then by what it gives for one picture.

    The picture has black, white, grey and noise, so that no head without softmax or sigmoid gives probabilities by
    chance.

    Args:
        network: of any runtime.
        path: its file, for messages.
        classes: how many there must be, the background included; None where that is not known.
        run: gives the network's output for a batch, where `predict_on_batch` would take longer.

    Raises:
        ModelError: when it does not take pictures of one or three channels, or does not give for each of their pixels
            the probabilities of as many classes, or of the crack alone.
    """
    shape, given = _shapes(network, path, classes)
    try:
        found = np.asarray((run or network.predict_on_batch)(_probe(*shape)), np.float32)
    except Exception as error:  # of Keras, OpenVINO and ONNX Runtime, which share no class but this one
        if is_shortage(error):
            raise
        raise _problem(path, f"can't be run: {one_line(error)[:300]}", "one that takes a picture") from None
    if found.shape != (1, *shape[:2], given):
        raise _problem(
            path,
            f"gives {found.shape} for a picture of {shape[1]}x{shape[0]} px",
            f"as many rows and columns and {given} classes",
        )
    if not np.isfinite(found).all():
        raise _problem(path, "gives values that are not finite", "probabilities; train it again")
    sums, lowest, highest = found.sum(axis=-1), float(found.min()), float(found.max())
    if lowest < -_TOLERANCE or highest > 1 + _TOLERANCE or (given > 1 and np.abs(sums - 1).max() > _TOLERANCE):
        total = f", of all classes together {sums.min():.1f} to {sums.max():.1f}" if given > 1 else ""
        raise _problem(
            path,
            f"gives {lowest:.1f} to {highest:.1f} for a class{total}",
            "probabilities that sum to 1 (softmax), or the crack's alone (sigmoid); save it with such a last layer",
        )


def _shapes(network: Network, path: Path, classes: int | None) -> tuple[tuple[int, int, int], int]:
    """Height, width and channels of a picture that it takes, and how many classes it gives."""
    try:
        shapes = (network.input_shape, network.output_shape)
    except Exception as error:  # Keras: of a model that was never built
        raise _problem(path, f"has no shapes ({one_line(error)})", "one that was built and takes one picture") from None
    for what, one in zip(("takes", "gives"), shapes, strict=True):
        if not isinstance(one, tuple) or len(one) != 4 or not all(isinstance(side, int | None) for side in one):
            raise _problem(path, f"{what} {one}", "images: (N, height, width, channels)")
    (_, height, width, channels), (_, *out, given) = shapes
    if channels not in _CHANNELS:
        raise _problem(path, f"takes {channels} channels", "3 (RGB) or 1 (grey)")
    if max(height or 0, width or 0) > MOST_SIDE:
        raise _problem(path, f"takes {width}x{height} px", f"at most {MOST_SIDE:,} a side")
    if any(side and other and side != other for side, other in zip((height, width), out, strict=True)):
        raise _problem(path, f"gives {out[1]}x{out[0]} px for {width}x{height}", "as many as it takes")
    number = 2 if given == 1 else given
    if number is None or not 2 <= number <= MOST_CLASSES:
        raise _problem(path, f"gives {given} classes", f"2 to {MOST_CLASSES}, or the crack alone")
    if classes is not None and number != classes:
        raise _problem(
            path, f"gives {number} classes", f"the {classes} under `classes` of its parameters; name them there"
        )
    return (height or _ANY_SIDE, width or _ANY_SIDE, channels or _CHANNELS[0]), given or 1


def _probe(height: int, width: int, channels: int) -> Batch:
    """A picture (1, H, W, C), 0..255: stripes of black, white, grey and noise."""
    picture = np.random.default_rng(0).integers(0, 256, (1, height, width, channels)).astype(np.float32)
    for number, level in enumerate((0, 255, 128)):
        picture[:, number * height // 4 : (number + 1) * height // 4] = level
    return picture


def _problem(path: Path, received: str, expected: str) -> ModelError:
    return ModelError(f"the model in {path} {received}, expected {expected}")

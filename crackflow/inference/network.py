"""A network on pixels, whichever runtime it runs on.

Keras models are such networks as they are; crackflow/runtimes has those of OpenVINO and of ONNX Runtime.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from crackflow.errors import ModelError

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
# Axes of (N, H, W, C) that are reversed: left-right, top-bottom, both.
_FLIPS = ((2,), (1,), (1, 2))


class Network(Protocol):
    """What a runtime makes of a model. Keras's own names, so that a Keras model is one."""

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """(N, H, W, C) of the images; None where any length will do."""

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """(N, H, W, classes) of the probabilities; one class is the crack, and the background's is left out."""

    def predict_on_batch(self, x: Any) -> Any:
        """Give probabilities (N, H, W, classes) of float32 images (N, H, W, C), 0..255."""


class Views(NamedTuple):
    """Class probabilities, each (N, H, W, C) float32: of the images alone, and averaged over their four flips."""

    plain: Probabilities
    averaged: Probabilities


def predict(model: Network, images: Images, *, flips: bool = False) -> Probabilities:
    """Give the class probabilities of each pixel.

    Args:
        model: of any runtime.
        images: (N, H, W, 3) uint8 RGB of the model's input size; converted to grey for a model of one channel.
        flips: give the mean over the image, its mirror images left-right and top-bottom, and both at once. This takes
            four times as long.

    Returns:
        (N, H, W, C) float32 that sum to 1 over C; class 0 is the background.

    Raises:
        ModelError: when the model wants another size.
    """
    return predict_views(model, images).averaged if flips else _predict(model, images)


def predict_views(model: Network, images: Images) -> Views:
    """Give the class probabilities of each pixel, plain and averaged over flips, in the time of the latter.

    Args:
        model: of any runtime.
        images: as `predict` takes them.

    Returns:
        Both, each as `predict` gives it.

    Raises:
        ModelError: when the model wants another size.
    """
    plain = _predict(model, images)
    total = plain.copy()
    for axes in _FLIPS:
        total += np.flip(_predict(model, np.flip(images, axes)), axes)
    return Views(plain, total / np.float32(len(_FLIPS) + 1))


def _predict(model: Network, images: Images) -> Probabilities:
    _, height, width, channels = model.input_shape
    if (height or images.shape[1], width or images.shape[2]) != images.shape[1:3]:
        raise ModelError(
            f"the model takes {width}x{height} px, received {images.shape[2]}x{images.shape[1]}; "
            "train and evaluate with the same resize.size"
        )
    if channels == 1:
        # the weights of OpenCV's RGB2GRAY (ITU-R BT.601), which training used
        grey = images.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        images = np.rint(grey)[..., None].astype(np.uint8)
    found = np.asarray(model.predict_on_batch(images.astype(np.float32)), dtype=np.float32)
    return found if found.shape[-1] > 1 else np.concatenate([1 - found, found], axis=-1)

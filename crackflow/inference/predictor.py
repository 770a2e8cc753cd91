"""Load a saved model and run it on pixels."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from crackflow.errors import ModelError, one_line
from crackflow.models.fold_batchnorm import fold

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
# Axes of (N, H, W, C) that are reversed: left-right, top-bottom, both.
_FLIPS = ((2,), (1,), (1, 2))


class Views(NamedTuple):
    """Class probabilities, each (N, H, W, C) float32: of the images alone, and averaged over their four flips."""

    plain: Probabilities
    averaged: Probabilities


def load_model(path: Path) -> keras.Model:
    """Load a model for inference.

    Args:
        path: a .keras file, as stage train writes it.

    Returns:
        The model, not compiled, for prediction only. Its batch normalizations are folded into the convolutions before
        them (crackflow/models/fold_batchnorm.py), so it has fewer weights than the file.

    Raises:
        ModelError: when the file is absent, Keras can't read it, or its input or output is not an image.
    """
    if not path.is_file():
        raise ModelError(f"no model at {path}; name a .keras file, or train one first")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        # Keras adds the whole configuration below its first line
        reason = next(iter(str(error).strip().splitlines()), "") or one_line(error)
        raise ModelError(f"{path} is not a model that Keras {keras.__version__} can load: {reason}") from None
    for what, shape in (("takes", model.input_shape), ("gives", model.output_shape)):
        if not isinstance(shape, tuple) or len(shape) != 4:
            raise ModelError(
                f"the model in {path} {what} {shape}, expected images: (N, height, width, channels); name another model"
            )
    model = fold(model)
    # PyTorch's compiler needs a C++ compiler, and XLA under TensorFlow took 1.7 times as long on a CPU
    model.jit_compile = keras.backend.backend() == "jax"
    return model


def predict(model: keras.Model, images: Images, *, flips: bool = False) -> Probabilities:
    """Give the class probabilities of each pixel.

    Args:
        model: as `load_model` gives it.
        images: (N, H, W, 3) uint8 RGB of the model's input size; converted to grey for a model of one channel.
        flips: give the mean over the image, its mirror images left-right and top-bottom, and both at once. This takes
            four times as long.

    Returns:
        (N, H, W, C) float32 that sum to 1 over C; class 0 is the background.

    Raises:
        ModelError: when the model wants another size.
    """
    return predict_views(model, images).averaged if flips else _predict(model, images)


def predict_views(model: keras.Model, images: Images) -> Views:
    """Give the class probabilities of each pixel, plain and averaged over flips, in the time of the latter.

    Args:
        model: as `load_model` gives it.
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


def _predict(model: keras.Model, images: Images) -> Probabilities:
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
    return np.asarray(model.predict_on_batch(images.astype(np.float32)), dtype=np.float32)

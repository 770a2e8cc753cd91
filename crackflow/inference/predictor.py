"""Load a saved model with Keras."""

import zipfile
from pathlib import Path

import keras

from crackflow.errors import ModelError, one_line
from crackflow.models.fold_batchnorm import fold


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

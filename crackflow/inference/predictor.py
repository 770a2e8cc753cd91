"""Load a saved model with Keras."""

from pathlib import Path

import keras

from crackflow.errors import ModelError, is_shortage, one_line
from crackflow.inference import contract
from crackflow.models import declared_size, keras_file
from crackflow.models.fold_batchnorm import fold


def load_model(path: Path, classes: int | None = None) -> keras.Model:
    """Load a model for inference.

    Args:
        path: a .keras file, as stage train writes it.
        classes: how many it must tell apart, the background included; None where that is not known.

    Returns:
        The model, not compiled, for prediction only. Its batch normalizations are folded into the convolutions before
        them (crackflow/models/fold_batchnorm.py), so it has fewer weights than the file.

    Raises:
        ModelError: when the file is absent, would take too much memory, Keras can't read it, or the model is not as
            crackflow/inference/contract.py has it.
    """
    if not path.is_file():
        raise ModelError(f"no model at {path}; name a .keras file, or train one first")
    held = keras_file.check(path)
    try:
        declared_size.check(path, held)
        model = keras.saving.load_model(path, compile=False)
    except ModelError:
        raise
    except Exception as error:  # of Keras and whatever it runs on, often not on purpose
        if is_shortage(error):
            raise
        # Keras adds the whole configuration below its first line
        reason = next(iter(str(error).strip().splitlines()), "") or one_line(error)
        raise ModelError(f"{path} is not a model that Keras {keras.__version__} can load: {reason[:300]}") from None
    # operation by operation, since TensorFlow takes longer to make a graph of one picture than to calculate it
    contract.check(model, path, classes, run=lambda images: model(images, training=False))
    model = fold(model)
    # PyTorch's compiler needs a C++ compiler, and XLA under TensorFlow took 1.7 times as long on a CPU
    model.jit_compile = keras.backend.backend() == "jax"
    return model

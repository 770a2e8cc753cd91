"""A model on ONNX Runtime."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from crackflow.errors import ModelError, one_line
from crackflow.inference.network import Probabilities
from crackflow.runtimes.trial import MOST_BYTES


class OnnxNetwork:
    """A model of square images, as crackflow.runtimes.conversion.write_onnx writes it: channels first.

    Attributes:
        input_shape, output_shape: as those of a Keras model, (None, H, W, C).
    """

    def __init__(self, path: Path, cores: int = 0) -> None:
        """Open an .onnx file.

        Args:
            path: the file.
            cores: that it uses; 0 for all of them.

        Raises:
            ModelError: when ONNX Runtime can't read it, or it does not take images of a fixed size.
        """
        try:
            self._session = ort.InferenceSession(path, _options(cores), providers=["CPUExecutionProvider"])
        except Exception as error:  # its own, which share no class but this one
            raise ModelError(
                f"{path} is not a model that ONNX Runtime {ort.__version__} can read: {one_line(error)}"
            ) from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if (len(inputs), len(outputs)) != (1, 1):
            raise ModelError(
                f"the model in {path} has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each"
            )
        given, found = inputs[0], outputs[0]
        self._name = given.name
        self.input_shape, self.output_shape = (_channels_last(one.shape, path) for one in (given, found))

    def predict_on_batch(self, x: Any) -> Probabilities:
        """Give probabilities (N, H, W, classes) of float32 images (N, H, W, C), 0..255."""
        images = np.ascontiguousarray(np.moveaxis(np.asarray(x, np.float32), -1, 1)) / np.float32(255)
        return np.moveaxis(np.asarray(self._session.run(None, {self._name: images})[0]), 1, -1)


def _options(cores: int) -> ort.SessionOptions:
    _share_memory()
    options = ort.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = cores
    # its errors are ours to tell
    options.log_severity_level = 4
    return options


@cache
def _share_memory() -> None:
    """Let all sessions together take MOST_BYTES at most, whatever a picture's values say."""
    arena = ort.OrtArenaCfg({"max_mem": MOST_BYTES, "arena_extend_strategy": 1})
    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(place, arena)


def _channels_last(shape: Any, path: Path) -> tuple[int | None, ...]:
    if len(shape) != 4 or not all(isinstance(side, int) for side in shape[1:]):
        raise ModelError(f"the model in {path} takes or gives {shape}, expected (N, channels, height, width)")
    return (None, int(shape[2]), int(shape[3]), int(shape[1]))

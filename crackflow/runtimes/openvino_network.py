"""A model on OpenVINO."""

import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino.preprocess

from crackflow.errors import ModelError, is_shortage, one_line
from crackflow.inference.network import Probabilities
from crackflow.models.keras_file import MOST_VALUES

# Their bodies take any number of turns, and are no operations of the model itself.
_WITH_BODIES = ("If", "Loop", "TensorIterator")
# As Keras calculates. Left to itself OpenVINO takes bfloat16 where the processor has it, which moves mask pixels.
_PRECISION = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVINONetwork:
    """A model of square images, compiled for this machine's processor.

    One image at a time uses all cores. Of several, each core takes one: that was 1.3 times as fast on two cores.

    Attributes:
        input_shape, output_shape: as those of a Keras model, (None, H, W, C).
    """

    def __init__(self, model: ov.Model, cores: int = 0) -> None:
        """Take a model.

        Args:
            model: from (N, H, W, C) to (N, H, W, classes), both float32. It is changed: N becomes 1.
            cores: that it uses; 0 for all of them.

        Raises:
            ModelError: when it has several inputs or outputs, takes pictures of any size, or one of its operations
                gives more than MOST_VALUES for one, or as many as the picture's values say, or runs others in a loop.
        """
        if (len(model.inputs), len(model.outputs)) != (1, 1):
            raise ModelError(
                f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of each"
            )
        self.input_shape = _shape(model.input())
        self.output_shape = _shape(model.output())
        if None in self.input_shape[1:]:
            raise ModelError(f"the model takes {model.input().partial_shape}, expected images of a fixed size")
        _reject_too_large(model, fixed=False)
        try:
            model.reshape([1, *self.input_shape[1:]])
        except RuntimeError as error:
            if is_shortage(error):
                raise
            raise ModelError(
                f"the model does not take one image at a time, as it must: {one_line(error)[:300]}"
            ) from None
        _reject_too_large(model, fixed=True)
        self._model, self._cores = model, cores

    def predict_on_batch(self, x: Any) -> Probabilities:
        """Give probabilities (N, H, W, classes) of float32 images (N, H, W, C), 0..255."""
        images = np.asarray(x, np.float32)
        if len(images) == 1:
            return np.array(self._one.infer(images)[0])
        found = np.empty((len(images), *(side or 0 for side in self.output_shape[1:])), np.float32)

        def keep(request: Any, number: int) -> None:
            found[number] = request.get_output_tensor().data[0]

        self._many.set_callback(keep)
        for number in range(len(images)):
            self._many.start_async(images[number : number + 1], number)
        self._many.wait_all()
        return found

    @cached_property
    def _one(self) -> Any:
        return self._compiled("LATENCY").create_infer_request()

    @cached_property
    def _many(self) -> Any:
        return ov.AsyncInferQueue(self._compiled("THROUGHPUT"))

    def _compiled(self, hint: str) -> Any:
        threads = {"INFERENCE_NUM_THREADS": self._cores} if self._cores else {}
        return ov.Core().compile_model(self._model, "CPU", {**_PRECISION, **threads, "PERFORMANCE_HINT": hint})


def read(path: Path) -> ov.Model:
    """Read a model that was exported.

    Args:
        path: an .xml file, its .bin beside it, or an .onnx file.

    Raises:
        ModelError: when OpenVINO can't read it, or one of its operations gives more than MOST_VALUES, or runs others in
            a loop.
    """
    try:
        model = ov.Core().read_model(path)
        # what is constant is carried out next
        _reject_too_large(model, fixed=False)
        return model if path.suffix != ".onnx" else _channels_last(model)
    except RuntimeError as error:
        if is_shortage(error):
            raise
        raise ModelError(f"{path} is not a model that OpenVINO {ov.__version__} can read: {one_line(error)}") from None


def _channels_last(model: ov.Model) -> ov.Model:
    """An ONNX model, whose channels come first and whose pixels are 0..1, with the axes and the range of Keras."""
    both = ov.preprocess.PrePostProcessor(model)
    for port in (both.input(), both.output()):
        port.tensor().set_layout(ov.Layout("NHWC"))
        port.model().set_layout(ov.Layout("NCHW"))
    both.input().preprocess().scale(255.0)
    return both.build()


def _reject_too_large(model: ov.Model, *, fixed: bool) -> None:
    """Reject a model by what its operations give; `fixed` where the size of the picture fixes each."""
    for operation in model.get_ops():
        name, kind = operation.get_friendly_name(), operation.get_type_name()
        if kind in _WITH_BODIES:
            raise ModelError(f"the model's {name} is a {kind}, expected operations without a body; name another model")
        for port in operation.outputs():
            if fixed and port.partial_shape.is_dynamic:
                raise ModelError(
                    f"the model's {name} gives as many numbers as the picture's values say, expected as many for each "
                    "picture; name another model"
                )
            shape = _shape(port)
            if (values := math.prod(side or 1 for side in shape)) > MOST_VALUES:
                raise ModelError(
                    f"the model's {name} gives {values:,} numbers for an image, expected at most {MOST_VALUES:,}; name "
                    "a model of smaller images"
                )


def _shape(port: Any) -> tuple[int | None, ...]:
    if port.partial_shape.rank.is_dynamic:
        return ()
    return tuple(None if side.is_dynamic else side.get_length() for side in port.partial_shape)

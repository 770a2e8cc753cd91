"""From a Keras model to OpenVINO's and ONNX's form, by Keras's own export; it needs TensorFlow."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import keras
import openvino as ov

from crackflow.models.fold_batchnorm import normalizations
from crackflow.runtimes import topology


def to_openvino(model: keras.Model) -> ov.Model:
    """Convert a model.

    Args:
        model: as crackflow.inference.predictor.load_model gives it.

    Returns:
        The same from (N, H, W, C) to (N, H, W, classes), both float32.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        model.export(str(path), format="openvino", verbose=False)
        # the file would be needed as long as the model is: its weights are mapped into memory
        return ov.Core().read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def write_openvino(model: keras.Model, target: Path, metadata: Mapping[str, str]) -> None:
    """Write a model as OpenVINO's .xml, with its .bin beside it.

    Args:
        model: as crackflow.inference.predictor.load_model gives it.
        target: the .xml file to write; from (N, H, W, C), 0..255, to (N, H, W, classes), both float32.
        metadata: texts, kept in the file's rt_info.
    """
    found = to_openvino(model)
    for name, text in metadata.items():
        found.set_rt_info(text, [name])
    ov.save_model(found, target, compress_to_fp16=False)


def write_onnx(model: keras.Model, target: Path, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
    """Convert a model to ONNX, as QGIS's plugin Deepness takes it: channels first, pixels from 0 to 1.

    Where there are two classes, only the crack's probability is given. Deepness compares that with a threshold; of
    several it takes the largest, and the threshold would be 0.5.

    Args:
        model: as crackflow.inference.predictor.load_model gives it.
        target: the .onnx file to write; from "pixels" (N, C, H, W), 0..1, to (N, classes or 1, H, W), both float32.
        metadata: texts, kept in the file's metadata_props.
    """
    _, height, width, channels = model.input_shape
    pixels = keras.Input((channels, height, width), name="pixels")
    found = model(keras.layers.Rescaling(255.0)(keras.layers.Permute((2, 3, 1))(pixels)))
    found = keras.layers.Permute((3, 1, 2))(found[..., 1:] if found.shape[-1] == 2 else found)
    # without it Keras wants to have predicted something first
    signature = [keras.InputSpec("float32", pixels.shape, name="pixels")]
    keras.Model(pixels, found).export(str(target), format="onnx", verbose=False, input_signature=signature)
    if metadata:
        import onnx

        written = onnx.load(target)
        onnx.helper.set_model_props(written, dict(metadata))
        onnx.save(written, target)


def write_topology(model: Path, target: Path) -> int:
    """Write the topology of a .keras file, for crackflow.runtimes.topology.read.

    Args:
        model: a .keras file.
        target: the zip to write.

    Returns:
        As crackflow.runtimes.topology.write.

    Raises:
        ModelError: when Keras can't read the model.
    """
    from crackflow.inference.predictor import load_model

    whole = keras.saving.load_model(model, compile=False)
    norms = {name: (norm.name, float(norm.epsilon)) for name, norm in normalizations(whole).items()}
    return topology.write(to_openvino(load_model(model)), model, norms, target)

"""Which runtime runs a model, and the model on it."""

import hashlib
import mmap
import os
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from crackflow.errors import ModelError
from crackflow.inference import contract
from crackflow.inference.network import Network
from crackflow.inference.operating_point import sha256
from crackflow.keras_import import import_keras
from crackflow.models import keras_file
from crackflow.runtimes import topology
from crackflow.runtimes.trial import first_try

Runtime = Literal["openvino", "onnx", "keras"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
KERAS, ONNX, IR = ".keras", ".onnx", ".xml"
# Has the weights of an .xml of the same name.
BIN = ".bin"
# TensorProto.external_data of onnx.proto3: field 13, an entry whose key is "location"
_ELSEWHERE = re.compile(rb"\x6a.{1,3}\x0a\x08location\x12", re.DOTALL)
_READS: dict[Runtime, tuple[str, ...]] = {"openvino": (KERAS, ONNX, IR), "onnx": (KERAS, ONNX), "keras": (KERAS,)}


def choose_runtime(model: Path, wanted: str = "") -> Runtime:
    """Choose the runtime of a model; nothing is opened.

    Args:
        model: a .keras file, or an .onnx or .xml file that was exported.
        wanted: one of RUNTIMES; empty for the fastest that reads the file. That is OpenVINO, but Keras for a .keras
            file without its topology beside it, since to convert one takes longer than to mark some photographs.

    Raises:
        ModelError: when `wanted` is none of RUNTIMES, or does not read such a file.
    """
    if not wanted:
        fast = model.suffix != KERAS or model.with_name(topology.FILE).is_file()
        return "openvino" if fast and find_spec("openvino") else "onnx" if model.suffix == ONNX else "keras"
    if wanted not in RUNTIMES:
        raise ModelError(f"the runtime is {wanted}, expected one of {', '.join(RUNTIMES)}; correct it")
    runtime: Runtime = wanted
    if model.suffix not in _READS[runtime]:
        able = [one for one in RUNTIMES if model.suffix in _READS[one]]
        raise ModelError(f"{runtime} does not read {model.name}, expected one of {', '.join(able)} as runtime; name it")
    return runtime


def weights_of(model: Path) -> Path | None:
    """Give the file that has the weights of a model; None where its own file has them."""
    return model.with_suffix(BIN) if model.suffix == IR else None


def digest(model: Path) -> str:
    """Give the checksum of a model, in hexadecimal digits: of its file, or of both where its weights lie in another.

    Exports of different weights have the same .xml, so that alone tells no model from another.

    Raises:
        ModelError: when the weights are not there.
        OSError: when a file can't be read.
    """
    weights = weights_of(model)
    if weights is None:
        return sha256(model)
    if not weights.is_file():
        raise ModelError(f"no {weights.name} beside {model}, which has its weights; put it there, or export it again")
    return hashlib.sha256(f"{sha256(model)} {sha256(weights)}".encode()).hexdigest()


def load(model: Path, runtime: Runtime, classes: int | None = None, cores: int = 0) -> Network:
    """Load a model.

    Args:
        model: the file.
        runtime: as `choose_runtime` gives it.
        classes: how many it must tell apart, the background included; None where that is not known.
        cores: that it uses; 0 for all of them. Keras heeds it where TensorFlow was not imported before.

    Raises:
        ModelError: when the file is absent, can't be read, or the model is not as crackflow/inference/contract.py has
            it.
        ModuleNotFoundError: when the runtime, or Keras where it must convert the model, is not installed.
    """
    if not model.is_file():
        raise ModelError(f"no model at {model}; name another one, or train one first")
    if runtime == "keras":
        by_keras: Network = _by_keras(model, classes, cores)
        return by_keras
    if model.suffix == ONNX and model.stat().st_size:
        _reject_weights_elsewhere(model)
    if model.suffix != KERAS:
        first_try(model, open_network, runtime)
    network = open_network(model, runtime, classes, cores)
    contract.check(network, model, classes)
    return network


def open_network(model: Path, runtime: Runtime, classes: int | None = None, cores: int = 0) -> Network:
    """Open a model on OpenVINO or ONNX Runtime, unchecked.

    Args:
        model: the file.
        runtime: one of the two.
        classes: as `load`.
        cores: likewise.

    Raises:
        ModelError: when it can't be read.
    """
    return _on_onnx(model, classes, cores) if runtime == "onnx" else _on_openvino(model, classes, cores)


def _reject_weights_elsewhere(model: Path) -> None:
    """Reject an .onnx file that names other files: they could be anywhere, and its checksum would not cover them."""
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = _ELSEWHERE.search(content)
    if found:
        raise ModelError(
            f"the model in {model} has weights in another file, expected all in one; save it again without external "
            "data"
        )


def _by_keras(model: Path, classes: int | None, cores: int) -> Any:
    keras_file.check(model)  # before Keras is there, which takes seconds
    if cores:  # read when TensorFlow is imported
        os.environ |= {"TF_NUM_INTRAOP_THREADS": str(cores), "TF_NUM_INTEROP_THREADS": str(cores)}
    import_keras()
    from crackflow.inference.predictor import load_model

    return load_model(model, classes)


def _on_openvino(model: Path, classes: int | None, cores: int) -> Network:
    from crackflow.runtimes import openvino_network

    beside = model.with_name(topology.FILE)
    if model.suffix != KERAS:
        read = openvino_network.read(model)
    elif beside.is_file():
        read = topology.read(beside, model)
    else:
        found = _by_keras(model, classes, cores)
        from crackflow.runtimes import conversion

        read = conversion.to_openvino(found)
    return openvino_network.OpenVINONetwork(read, cores)


def _on_onnx(model: Path, classes: int | None, cores: int) -> Network:
    from crackflow.runtimes.onnx_network import OnnxNetwork

    if model.suffix != KERAS:
        return OnnxNetwork(model, cores)
    found = _by_keras(model, classes, cores)
    from crackflow.runtimes import conversion

    with tempfile.TemporaryDirectory() as folder:
        converted = Path(folder) / "model.onnx"
        conversion.write_onnx(found, converted)
        return OnnxNetwork(converted, cores)

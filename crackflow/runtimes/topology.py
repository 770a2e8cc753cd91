"""A model's topology for OpenVINO in a small file; its weights stay in the .keras file beside it.

OpenVINO reads a model (its IR) from an .xml and a .bin. The .bin repeats the kernels of the .keras file, which are
nearly all of its bytes. So what is kept here is a zip with the .xml, the .bin in which the kernels are zeros, and a
list of the kernels: which layer's belongs where. Neither Keras nor TensorFlow is needed to put them back.
"""

import io
import json
import tempfile
import zipfile
from itertools import permutations
from pathlib import Path
from xml.etree import ElementTree as ET

import h5py
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crackflow.atomic import replacing
from crackflow.errors import ModelError, is_shortage, one_line
from crackflow.inference.operating_point import sha256
from crackflow.models import keras_file
from crackflow.models.zip_entry import zip_entry
from crackflow.strict_json import Sha256, Strict, parse

FILE = "openvino.zip"
_XML, _BIN, _KERNELS, _WEIGHTS = "model.xml", "model.bin", "kernels.json", "model.weights.h5"
# Values of a constant; smaller ones are kept as they are.
_SMALL = 1024
Values = NDArray[np.float32]


class Kernel(Strict):
    """Where a layer's kernel belongs.

    Attributes:
        layer: its name.
        axes: the order in which the kernel's axes are written.
        offset: of its first byte in the .bin.
        norm: the batch normalization that is folded into it; None where there is none.
        epsilon: of that normalization.
    """

    layer: str
    axes: tuple[int, ...]
    offset: int
    norm: str | None = None
    epsilon: float = 0.0


class Kernels(Strict):
    """The list of kernels, and the model file that holds them."""

    model_sha256: Sha256
    kernels: tuple[Kernel, ...]


def write(ir: ov.Model, model: Path, norms: dict[str, tuple[str, float]], target: Path) -> int:
    """Write a model's topology.

    Args:
        ir: the model as OpenVINO has it, its batch normalizations folded.
        model: its .keras file.
        norms: name and epsilon of the batch normalization that is folded into a layer, by the layer's name.
        target: the zip to write.

    Returns:
        How many bytes of weights are left in the zip, because they are not those of a layer.
    """
    xml, constants = _serialized(ir)
    layers = _Layers(model)
    kernels = []
    for node in ET.fromstring(xml).iter("data"):  # noqa: S314 it is what OpenVINO has just written
        offset, size = (int(node.get(name, 0)) for name in ("offset", "size"))
        if node.get("element_type") != "f32" or size < 4 * _SMALL:
            continue
        values = np.frombuffer(constants, np.float32, size // 4, offset)
        if kernel := _find(values, offset, layers, norms):
            kernels.append(kernel)
            constants[offset : offset + size] = bytes(size)
    about = Kernels(model_sha256=sha256(model), kernels=tuple(kernels))
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for name, content in (
            (_XML, xml),
            (_BIN, bytes(constants)),
            (_KERNELS, json.dumps(about.model_dump(mode="json"), indent=1).encode()),
        ):
            archive.writestr(zip_entry(name), content, zipfile.ZIP_DEFLATED, 9)
    return int(np.count_nonzero(np.frombuffer(constants, np.uint8)))


def read(path: Path, model: Path) -> ov.Model:
    """Read a model as OpenVINO has it.

    Args:
        path: as `write` wrote it.
        model: the .keras file.

    Raises:
        ModelError: when one of the two can't be read, or they are not of one model.
    """
    keras_file.check(model)
    try:
        with zipfile.ZipFile(path) as archive:
            # the kernels, which are zeros here, take as much as they do in the model
            most = max(keras_file.FLOOR, keras_file.MOST_RATIO * model.stat().st_size)
            keras_file.check_members(archive, (_XML, _BIN, _KERNELS), most)
            xml, constants, listed = archive.read(_XML), bytearray(archive.read(_BIN)), archive.read(_KERNELS)
        about = parse(listed, Kernels)
        if about.model_sha256 != sha256(model):
            raise ModelError(
                f"{path} was made of another model than {model.name} beside it; put back the one of it, or use "
                "--runtime keras"
            )
        layers = _Layers(model)
        for kernel in about.kernels:
            values = layers.kernel(kernel.layer, kernel.norm, kernel.epsilon).transpose(kernel.axes).tobytes()
            constants[kernel.offset : kernel.offset + len(values)] = values
        return ov.Core().read_model(xml, bytes(constants))
    except ModelError:
        raise
    except Exception as error:  # of zipfile, zlib, HDF5 and OpenVINO; no list of theirs is complete
        if is_shortage(error):
            raise
        raise ModelError(
            f"{path} and {model.name} can't be read ({one_line(error)[:300]}); put both back, or use --runtime keras"
        ) from None


class _Layers:
    """The weights of a .keras file, by the names of their layers."""

    def __init__(self, model: Path) -> None:
        with zipfile.ZipFile(model) as archive:
            self._file = h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r")
        groups = (group["vars"] for group in self._file["layers"].values())
        self._vars = {str(one.attrs["name"]): one for one in groups if len(one)}

    def names(self) -> list[str]:
        """Names of layers that have a kernel of two dimensions or more."""
        return [name for name, one in self._vars.items() if one["0"].ndim > 1]

    def kernel(self, name: str, norm: str | None, epsilon: float) -> Values:
        """A layer's kernel, with a batch normalization folded in as crackflow.models.fold_batchnorm does."""
        values = self._vars[name]["0"][()]
        if norm is not None:
            gamma, _, _, variance = (self._vars[norm][str(number)][()] for number in range(4))
            values = values * (gamma / np.sqrt(variance + epsilon))
        return np.asarray(values, np.float32)


def _serialized(ir: ov.Model) -> tuple[bytes, bytearray]:
    with tempfile.TemporaryDirectory() as folder:
        xml, constants = Path(folder) / _XML, Path(folder) / _BIN
        ov.serialize(ir, xml, constants)
        return xml.read_bytes(), bytearray(constants.read_bytes())


def _find(values: Values, offset: int, layers: _Layers, norms: dict[str, tuple[str, float]]) -> Kernel | None:
    """The layer whose kernel holds these values, in whichever order of its axes."""
    for name in layers.names():
        norm, epsilon = norms.get(name, (None, 0.0))
        kernel = layers.kernel(name, norm, epsilon)
        if kernel.size != values.size or not np.isclose(kernel.sum(), values.sum(), rtol=1e-3, atol=1e-3):
            continue
        for axes in permutations(range(kernel.ndim)):
            if np.array_equal(kernel.transpose(axes).ravel(), values):
                return Kernel(layer=name, axes=axes, offset=offset, norm=norm, epsilon=epsilon)
    return None

"""`crackflow export`: a model for OpenVINO or ONNX Runtime, with what its user must know, compared with Keras."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crackflow.errors import DataError, ModelError
from crackflow.inference.operating_point import sha256
from crackflow.inference.packaged_weights import LICENSE, Weights
from crackflow.inference.photographs import side_of
from crackflow.keras_import import import_keras
from crackflow.params import SampleParams
from crackflow.runtimes import metadata
from crackflow.runtimes.choice import KERAS, load, weights_of
from crackflow.runtimes.parity import Parity, compare
from crackflow.sources.synthetic.dataset import pairs
from crackflow.work_folder import work_folder

FORMATS = {"onnx": "model.onnx", "openvino": "model.xml"}
# Photographs of the built-in sample, on which both runtimes are compared.
PICTURES = 12


def export(weights: Weights, kind: str, target: Path) -> Parity:
    """Write a model in another form, and its metadata.json beside it.

    It is written to a work folder and compared with Keras first, so `target` is there whole or not at all.

    Args:
        weights: of a .keras file.
        kind: one of FORMATS.
        target: a folder that is absent or empty.

    Returns:
        How far it agrees with Keras on photographs of the built-in sample.

    Raises:
        DataError: when `kind` is none of FORMATS, or `target` is not empty.
        ModelError: when the model can't be read, is no .keras file, or the two do not agree.
        ModuleNotFoundError: when an extra is not installed.
    """
    if kind not in FORMATS:
        raise DataError(f"--format {kind}, expected one of {', '.join(FORMATS)}; correct it")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise DataError(f"{target} is there and no empty folder; name another one")
    if weights.model.suffix != KERAS:
        raise ModelError(f"{weights.model.name} can't be exported, expected a {KERAS} file; name another model")
    point = weights.point()
    import_keras()
    from crackflow.runtimes import conversion

    keras_model = load(weights.model, "keras", len(weights.params.classes))
    side = side_of(keras_model)
    found = metadata.of_model(weights.params, point, weights.name, side, channels_first=kind == "onnx", use=weights.use)
    target.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(target.parent) as work:
        folder = work / "part"
        folder.mkdir()
        file = folder / FORMATS[kind]
        if kind == "onnx":
            conversion.write_onnx(keras_model, file, {"crackflow": json.dumps(found), **metadata.for_deepness(found)})
        else:
            conversion.write_openvino(keras_model, file, {"crackflow": json.dumps(found)})
        network = load(file, "onnx" if kind == "onnx" else "openvino")
        parity = compare(keras_model, network, sample_pictures(side), point.threshold)
        parity.check(kind)
        del network  # its weights may be mapped from the file
        beside = weights_of(file)
        whole: dict[str, Any] = {
            **found,
            "model": file.name,
            "model_sha256": sha256(file),
            "weights_sha256": None if beside is None else sha256(beside),
            "parity": {**asdict(parity), "on": "built-in sample"},
        }
        (folder / metadata.FILE).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        if (weights.model.parent / LICENSE).is_file():
            shutil.copyfile(weights.model.parent / LICENSE, folder / LICENSE)
        if target.exists():
            target.rmdir()
        folder.replace(target)
    return parity


def sample_pictures(side: int, number: int = PICTURES) -> Iterator[Any]:
    """Give photographs of the built-in sample, uint8 RGB (side, side, 3)."""
    return (pair.image for pair in pairs(SampleParams(images=number, size=side)))

"""metadata.json beside an exported model: what its user must know to get crackflow's masks from it."""

import json
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from crackflow.errors import ModelError
from crackflow.inference.card import Use
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.tiling import OVERLAP
from crackflow.params import Colour, Params, ResizeParams
from crackflow.params.types import Share
from crackflow.strict_json import FORMAT, Format, Sha256, Strict, parse

FILE = "metadata.json"


class Point(Strict):
    """The operating point, as crackflow.inference.operating_point.OperatingPoint has it."""

    threshold: Share
    smallest_area: float
    peak: Share
    flips: bool
    in_words: str = ""


class Metadata(Strict):
    """What the file holds.

    Attributes:
        format: version of this layout.
        model: name of the model's file in the same folder.
        model_sha256: of that file.
        weights_sha256: of the .bin beside it; None where the model's file has the weights itself.
        exported_from: the weights, in words.
        input: layout, size, range and channels of what goes in.
        output: layout of what comes out.
        classes: names and colours, the background first.
        resize: block of the parameters of its training.
        operating_point: how probabilities become a mask.
        use: what the terms of the training data allow; None where that is not known.
        parity: how far it agrees with Keras.
    """

    format: Format
    model: str
    model_sha256: Sha256
    weights_sha256: Sha256 | None = None
    exported_from: str
    input: dict[str, JsonValue]
    output: dict[str, JsonValue]
    classes: dict[str, Colour]
    resize: ResizeParams
    operating_point: Point
    use: Use | None = None
    parity: dict[str, JsonValue] | None = None


def of_model(
    params: Params, point: OperatingPoint, name: str, side: int, *, channels_first: bool, use: str | None
) -> dict[str, Any]:
    """Give what is known before the file is written: all but model, checksums and parity.

    Args:
        params: classes and resize are read.
        point: the operating point.
        name: of the weights, in words.
        side: of the squares that the model takes, px.
        channels_first: whether it is as crackflow.runtimes.conversion.write_onnx writes it, and not as Keras has it.
        use: as in Metadata.
    """
    crack_alone = channels_first and len(params.classes) == 2
    axes = "NCHW" if channels_first else "NHWC"
    return {
        "format": FORMAT,
        "exported_from": name,
        "input": {
            "layout": axes,
            "height": side,
            "width": side,
            "channels": "RGB",
            "type": "float32",
            "range": [0, 1] if channels_first else [0, 255],
        },
        "output": {"layout": axes, "type": "float32", "holds": "crack" if crack_alone else "probability of each class"},
        "classes": {one: list(colour) for one, colour in params.classes.items()},
        "resize": params.resize.model_dump(mode="json"),
        "operating_point": {
            "threshold": point.threshold,
            "smallest_area": point.smallest_area,
            "peak": point.peak,
            "flips": point.flips,
            "in_words": point.words(),
        },
        "use": use,
    }


def for_deepness(found: dict[str, Any]) -> dict[str, str]:
    """Give the keys that QGIS's plugin Deepness reads from an .onnx file, each value as JSON.

    The resolution of photographs is not known: set it in the plugin. It has no component filter, and its
    seg_small_segment is the side of a median filter, which removes thin cracks.

    Args:
        found: as `of_model` gives it.
    """
    values = {
        "model_type": "Segmentor",
        "class_names": dict(enumerate(found["classes"])),
        "tile_size": found["input"]["height"],
        "tiles_size": found["input"]["height"],
        "tiles_overlap": round(100 * OVERLAP),
        "seg_thresh": found["operating_point"]["threshold"],
        "seg_small_segment": 0,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def read(folder: Path) -> Metadata:
    """Read metadata.json of a folder.

    Raises:
        ModelError: when it is absent or can't be used.
    """
    path = folder / FILE
    try:
        return parse(path.read_bytes(), Metadata)
    except FileNotFoundError:
        raise ModelError(f"no {FILE} in {folder}; `crackflow export` writes it beside the model") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be used ({error}); export the model again") from None

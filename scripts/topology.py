"""Write the topology for OpenVINO of the packaged weights, and compare OpenVINO with Keras.

`python -m scripts.topology` writes crackflow/weights/openvino.zip anew, compared on photographs of the built-in sample.
scripts.pack does the same for new weights, compared on test photographs of their run.
"""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from crackflow.errors import CrackflowError, ModelError
from crackflow.inference import packaged_weights
from crackflow.inference.card import read_card
from crackflow.inference.operating_point_file import read_file
from crackflow.keras_import import import_keras
from crackflow.runtimes import topology
from crackflow.runtimes.openvino_network import OpenVINONetwork
from crackflow.runtimes.parity import compare
from pipelines.commands.export_model import sample_pictures

MAX_BYTES_TOGETHER = 12_000_000
# Of those given, on which OpenVINO is compared with Keras.
MOST_PICTURES = 40


def main() -> int:
    folder = packaged_weights.FOLDER
    try:
        add_topology(folder, sample_pictures(read_card(folder).resize.size))
    except CrackflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def add_topology(folder: Path, pictures: Iterable[Any]) -> dict[str, Any]:
    """Write the topology for OpenVINO beside a model, and compare both runtimes.

    Args:
        folder: laid out as crackflow/weights; its card is not read.
        pictures: uint8 RGB of the model's size, to compare on.

    Returns:
        How far they agree, for the card: the attributes of crackflow.runtimes.parity.Parity.

    Raises:
        ModelError: when they do not, or model and topology are too large together.
    """
    import_keras()
    from crackflow.runtimes import choice, conversion

    model, target = folder / packaged_weights.MODEL, folder / topology.FILE
    part = target.with_name(f"part-{target.name}")
    try:
        conversion.write_topology(model, part)
        together = model.stat().st_size + part.stat().st_size
        if together > MAX_BYTES_TOGETHER:
            raise ModelError(f"model and topology have {together:,} bytes, expected at most {MAX_BYTES_TOGETHER:,}")
        threshold = read_file(folder / packaged_weights.POINT).threshold
        on_openvino = OpenVINONetwork(topology.read(part, model))
        parity = compare(choice.load(model, "keras"), on_openvino, islice(pictures, MOST_PICTURES), threshold)
        print(f"OpenVINO against Keras: {parity.words()}")
        parity.check("OpenVINO")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return asdict(parity)


if __name__ == "__main__":
    sys.exit(main())

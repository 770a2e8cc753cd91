"""Make the file of a trained model small enough to ship with the code; it stays an ordinary .keras file."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from crackflow.atomic import replacing
from crackflow.errors import ModelError
from crackflow.models.zip_entry import zip_entry

# As many as float16 has. No weight changes by more than 1 part in 2,048.
MANTISSA_BITS = 10
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Values in an array. Below this HDF5's filter costs more bytes than it saves.
_SMALL = 1024


def round_mantissa(values: NDArray[np.float32], bits: int = MANTISSA_BITS) -> NDArray[np.float32]:
    """Round to fewer significant bits, to the nearest, ties to even (IEEE 754, roundTiesToEven).

    The exponent stays that of float32. In float16 values below 6e-8 would become 0, and variances of batch
    normalization are that small.

    Args:
        values: float32, any shape, finite.
        bits: how many bits of the mantissa are kept, 1 to 22.

    Returns:
        float32 of the same shape, whose last 23 - `bits` bits are 0.

    Raises:
        ModelError: when a value is not finite.
    """
    if not np.isfinite(values).all():
        raise ModelError("a weight is not finite, expected numbers: the training has diverged; train again")
    drop = np.uint32(23 - bits)
    pattern = np.ascontiguousarray(values, np.float32).view(np.uint32)
    last_kept = (pattern >> drop) & np.uint32(1)
    nearest = pattern + (np.uint32(1) << (drop - np.uint32(1))) - np.uint32(1) + last_kept
    return (nearest >> drop << drop).view(np.float32).reshape(values.shape)


def pack(source: Path, target: Path, bits: int = MANTISSA_BITS) -> None:
    """Write a model in about half the bytes; the same model gives the same bytes.

    The weights stay float32 with fewer significant bits. HDF5's byte shuffle puts similar bytes side by side, and the
    zip's deflate compresses them. Every reader of HDF5 undoes both. The optimizer and the losses are left out, since
    only training needs them.

    Args:
        source: a .keras file.
        target: the .keras file to write.
        bits: as for `round_mantissa`.

    Raises:
        ModelError: when `source` is not a .keras file, or a weight is not finite.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            config, metadata, weights = (archive.read(name) for name in (CONFIG, METADATA, WEIGHTS))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{source} can't be packed ({error}); expected a .keras file") from None
    members = {
        METADATA: _json({"keras_version": json.loads(metadata)["keras_version"], "date_saved": "1980-01-01@00:00:00"}),
        CONFIG: _json({**json.loads(config), "compile_config": {}}),
        WEIGHTS: _pack_weights(weights, bits),
    }
    with replacing(target) as part, zipfile.ZipFile(part, "w") as archive:
        for name, content in members.items():
            archive.writestr(zip_entry(name), content, zipfile.ZIP_DEFLATED, 9)


def _pack_weights(content: bytes, bits: int) -> bytes:
    packed = io.BytesIO()
    with h5py.File(io.BytesIO(content), "r") as old, h5py.File(packed, "w") as new:

        def copy(name: str, item: Any) -> None:
            if name.split("/")[0] == "optimizer":
                return
            if isinstance(item, h5py.Dataset):
                values = item[()]
                if values.dtype == np.float32:
                    values = round_mantissa(values, bits)
                filters = {"shuffle": True, "chunks": values.shape} if values.size >= _SMALL else {}
                kept = new.create_dataset(name, data=values, **filters)
            else:
                kept = new.require_group(name)
            kept.attrs.update(item.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)
    return packed.getvalue()


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()

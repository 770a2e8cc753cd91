"""What is known of one photograph, as a JSON file beside its mask: everything that tables and labels are made from.

It says by its key what it follows from. So a later run can tell whether it may be used again.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveInt, ValidationError

from crackflow.errors import DataError
from crackflow.geometry.cracks import Crack, CrackNetwork, WidthKind, WidthSummary
from crackflow.geometry.scale import Scale
from crackflow.imaging.geotiff import Georeference
from crackflow.safe_text import printable

FORMAT = 1
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Width(_Strict):
    """Width along a crack, px."""

    mean: Amount
    median: Amount
    p95: Amount
    max: Amount


class CrackRecord(_Strict):
    """One crack, with the fields of crackflow.geometry.cracks.Crack.

    Attributes:
        path: its branches, each x0, y0, x1, y1, ... of the skeleton's pixels.
    """

    number: PositiveInt
    length_px: Amount
    width_px: Width
    width_kind: WidthKind
    width_class: str
    mask_width_px: Width
    optical_width_px: Width | None
    widest_at: tuple[NonNegativeInt, NonNegativeInt]
    area_px: NonNegativeInt
    box: tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt]
    orientation_deg: Amount
    tortuosity: Amount
    branches: NonNegativeInt
    ends: NonNegativeInt
    junctions: NonNegativeInt
    confidence: Share | None
    path: tuple[tuple[int, ...], ...]

    def points(self) -> list[NDArray[np.int32]]:
        """Give the branches, each int32 (N, 2) with columns x and y."""
        return [np.array(branch, np.int32).reshape(-1, 2) for branch in self.path]


class PhotoRecord(_Strict):
    """One photograph.

    Attributes:
        format: version of this layout.
        key: see `key`.
        photo: what tables call it, with its extension.
        name: what its results are called, without an extension.
        size: (width, height), px.
        num_classes: of the mask, the background included.
        crack_share: share of its pixels that are crack.
        total_length_px: this and the next three as in crackflow.geometry.cracks.CrackNetwork.
        mm_per_px: None where no scale is known; then nothing is given in mm.
        scale_origin: where the scale comes from, in words.
        cracks: the longest first.
        place: where it lies on the ground; None where that is not known.
        mask_like: whether the picture looks like a mask, and not like a photograph.
    """

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    photo: str
    name: str
    size: tuple[PositiveInt, PositiveInt]
    num_classes: Annotated[int, Field(ge=2, le=256)]
    crack_share: Share
    total_length_px: Amount
    density_per_px: Amount
    enclosed_blocks: NonNegativeInt
    cells_with_crack: Share
    mm_per_px: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    scale_origin: str | None
    cracks: tuple[CrackRecord, ...]
    place: Georeference | None = None
    mask_like: bool = False

    @property
    def status(self) -> Literal["cracked", "empty"]:
        """Whether the mask holds a pixel of crack."""
        return "cracked" if self.crack_share > 0 else "empty"

    @property
    def widest(self) -> CrackRecord | None:
        """The crack whose width is largest by the number that classes go by; None where there is no crack."""
        return max(self.cracks, key=lambda crack: crack.width_px.p95, default=None)


def key(photo_sha256: str, options: Mapping[str, JsonValue]) -> str:
    """Give a checksum of all that a photograph's results follow from.

    Args:
        photo_sha256: of the photograph's file.
        options: the model's checksum, the operating point, the scale and whatever else changes a result.

    Returns:
        64 hexadecimal digits.
    """
    text = json.dumps([FORMAT, photo_sha256, options], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def record(
    made_from: str,
    photo: str,
    name: str,
    mask: NDArray[np.uint8],
    network: CrackNetwork,
    scale: Scale | None,
    num_classes: int = 2,
    place: Georeference | None = None,
    *,
    mask_like: bool = False,
) -> PhotoRecord:
    """Put together what is known of a photograph.

    Args:
        made_from: as `key` gives it.
        photo: what tables call it.
        name: what its results are called.
        mask: uint8 (H, W); what is above 0 is crack.
        network: its cracks.
        scale: None where none is known.
        num_classes: of the mask, the background included.
        place: where it lies on the ground; None where that is not known.
        mask_like: whether the picture looks like a mask, and not like a photograph.
    """
    return PhotoRecord(
        key=made_from,
        photo=printable(photo),
        name=name,
        size=network.size,
        num_classes=num_classes,
        crack_share=np.count_nonzero(mask) / mask.size,
        total_length_px=network.total_length_px,
        density_per_px=network.density_per_px,
        enclosed_blocks=network.enclosed_blocks,
        cells_with_crack=network.cells_with_crack,
        mm_per_px=None if scale is None else scale.mm_per_px,
        scale_origin=None if scale is None else printable(scale.origin),
        cracks=tuple(_crack(crack) for crack in network.cracks),
        place=place,
        mask_like=mask_like,
    )


def to_bytes(found: PhotoRecord) -> bytes:
    """Give the JSON file of a record."""
    return found.model_dump_json().encode() + b"\n"


def from_bytes(content: bytes, where: str) -> PhotoRecord:
    """Read the JSON file of a record.

    Raises:
        DataError: when it is none, or of another version's layout.
    """
    try:
        return PhotoRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]["msg"]
        raise DataError(f"{where} is not what crackflow writes ({first}); remove it and run again") from None


def _crack(crack: Crack) -> CrackRecord:
    return CrackRecord(
        number=crack.number,
        length_px=crack.length_px,
        width_px=_width(crack.width_px),
        width_kind=crack.width_kind,
        width_class=crack.width_class,
        mask_width_px=_width(crack.mask_width_px),
        optical_width_px=None if crack.optical_width_px is None else _width(crack.optical_width_px),
        widest_at=(int(crack.widest_at[0]), int(crack.widest_at[1])),
        area_px=crack.area_px,
        box=crack.box,
        orientation_deg=crack.orientation_deg,
        tortuosity=crack.tortuosity,
        branches=crack.branches,
        ends=crack.ends,
        junctions=crack.junctions,
        confidence=crack.confidence,
        path=tuple(tuple(branch.ravel().tolist()) for branch in crack.path),
    )


def _width(width: WidthSummary) -> Width:
    return Width(mean=width.mean, median=width.median, p95=width.p95, max=width.max)

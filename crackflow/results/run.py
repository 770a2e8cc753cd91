"""What the files of a whole run are made from: the records of its photographs, and their masks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from crackflow.results.millimetres import rounded
from crackflow.results.outlines import Region, regions
from crackflow.results.record import CrackRecord, PhotoRecord
from crackflow.safe_text import printable

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Skipped:
    """A photograph that was not marked.

    Attributes:
        photo: what tables call it.
        reason: in one line.
    """

    photo: str
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "photo", printable(self.photo))
        object.__setattr__(self, "reason", printable(self.reason))


@dataclass(frozen=True)
class Run:
    """All photographs of a run. One record and one mask are in memory at a time.

    Attributes:
        about: what made the results: version, model, options.
        classes: names of the classes but the background, in the order of their numbers.
        read: gives the records, in the order of the photographs; each call begins anew.
        mask: gives the mask of a record, uint8 (H, W), class numbers.
        thumbnail: gives a small JPEG of a record.
        photo_path: gives where the photograph of a record lies; None where it is no file, as in a zip.
        folder: where the results will lie.
        photographs: how many there are.
        skipped: the photographs that were not marked.
    """

    about: Mapping[str, JsonValue]
    classes: Sequence[str]
    read: Callable[[], Iterable[PhotoRecord]]
    mask: Callable[[PhotoRecord], Mask]
    thumbnail: Callable[[PhotoRecord], bytes]
    photo_path: Callable[[PhotoRecord], Path | None]
    folder: Path
    photographs: int
    skipped: Sequence[Skipped] = ()

    def regions(self, record: PhotoRecord) -> list[Region]:
        """Give the outlines of a photograph's mask, with the crack that each belongs to."""
        return regions(self.mask(record), {crack.number: crack.points() for crack in record.cracks})

    def class_name(self, number: int) -> str:
        """Name a class that is not the background."""
        return self.classes[number - 1] if number <= len(self.classes) else f"class {number}"


def annotations(run: Run, record: PhotoRecord) -> Iterator[tuple[str, CrackRecord | None, list[Region]]]:
    """Give a photograph's labels one after the other, for tools in which people correct them.

    Yields:
        The class, the crack, and its regions; a region that belongs to no crack comes alone, with None.
    """
    cracks = {crack.number: crack for crack in record.cracks}
    grouped: dict[tuple[int, int], list[Region]] = {}
    alone: list[Region] = []
    for region in run.regions(record):
        if region.crack is None:
            alone.append(region)
        else:
            grouped.setdefault((region.class_number, region.crack), []).append(region)
    for (number, crack), found in grouped.items():
        yield run.class_name(number), cracks[crack], found
    for region in alone:
        yield run.class_name(region.class_number), None, [region]


def figures(crack: CrackRecord, mm_per_px: float | None) -> dict[str, float | str]:
    """Give what labels say of a crack; millimetres only where there is a scale."""
    found: dict[str, float | str] = {
        "crack": crack.number,
        "width_class": crack.width_class,
        "width_kind": crack.width_kind,
        "length_px": round(crack.length_px, 2),
        "width_mean_px": round(crack.width_px.mean, 2),
        "width_p95_px": round(crack.width_px.p95, 2),
        "width_max_px": round(crack.width_px.max, 2),
    }
    if mm_per_px is not None:
        found |= {
            "length_mm": rounded(crack.length_px * mm_per_px, 3),
            "width_mean_mm": rounded(crack.width_px.mean * mm_per_px, 3),
            "width_p95_mm": rounded(crack.width_px.p95 * mm_per_px, 3),
            "width_max_mm": rounded(crack.width_px.max * mm_per_px, 3),
        }
    return found

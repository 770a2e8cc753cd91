"""What is said about the cracks of one photograph. Everything is in pixels of the photograph.

A point (x, y) of whole numbers is the centre of the pixel in column x and row y. docs/explanation/geometry.md says what
each figure means and how far it can be trusted.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

WIDTH_CLASSES = ("hairline", "fine", "medium", "wide")
WidthKind = Literal["optical", "mask"]
Path = NDArray[np.int32]


@dataclass(frozen=True)
class GeometryOptions:
    """What a crack is, and how it is called.

    Attributes:
        gap_px: pieces of the mask that lie this near to each other are one crack.
        spur_factor: a side branch that ends freely is noise of the outline where it is shorter than this times the
            width of the crack that it leaves.
        min_length_px: a crack that is shorter is left out, of every figure.
        cell_px: side of the cells of `CrackNetwork.cells_with_crack`.
        width_bounds_px: from which width on a crack is fine, medium, wide; below the first it is hairline.
            `Scale.to_px` gives these from bounds in mm.
    """

    gap_px: float = 5.0
    spur_factor: float = 1.0
    min_length_px: float = 20.0
    cell_px: int = 50
    width_bounds_px: tuple[float, float, float] = (2.0, 5.0, 10.0)


@dataclass(frozen=True)
class WidthSummary:
    """Width along one crack, px; each pixel of length counts the same."""

    mean: float
    median: float
    p95: float
    max: float


@dataclass(frozen=True)
class Crack:
    """One crack: what is connected in the mask once gaps are closed.

    Attributes:
        number: 1 for the longest crack of the photograph, and so on.
        length_px: along all branches, from tip to tip of the mask.
        mask_width_px: how wide it is in the mask.
        optical_width_px: how wide it is in the photograph; None without a photograph, or where the grey levels across
            the crack don't show it clearly enough.
        width_px: the width to use, which is the optical one where there is one.
        width_kind: which of the two `width_px` is.
        widest_at: (x, y) of the place where the width to use is largest, a pixel of the skeleton.
        branches: parts of the skeleton between ends and junctions; a closed ring is one.
        ends: free ends of the skeleton.
        junctions: places where three or more branches meet.
        orientation_deg: main direction, 0 <= angle < 180: 0 along x, 45 where y shrinks as x grows (up to the right).
        box: (left, top, width, height) of its pixels in the mask.
        area_px: pixels of the mask.
        tortuosity: length of the longest way through the crack over the distance of that way's ends, 1 where it is
            straight; inf for a closed ring.
        confidence: mean probability of its pixels, 0..1; None without probabilities.
        path: its branches, each int32 (N, 2) with columns x and y, N >= 2.
        width_class: one of WIDTH_CLASSES, by `width_px.p95`.
    """

    number: int
    length_px: float
    mask_width_px: WidthSummary
    optical_width_px: WidthSummary | None
    width_px: WidthSummary
    width_kind: WidthKind
    widest_at: tuple[int, int]
    branches: int
    ends: int
    junctions: int
    orientation_deg: float
    box: tuple[int, int, int, int]
    area_px: int
    tortuosity: float
    confidence: float | None
    path: tuple[Path, ...]
    width_class: str


@dataclass(frozen=True)
class CrackNetwork:
    """All cracks of one photograph.

    Attributes:
        cracks: the longest first.
        total_length_px: sum of the cracks' lengths.
        density_per_px: total length over the area of the photograph, px per px2. Over `Scale.mm_per_px`, and times
            1,000, it is m per m2.
        enclosed_blocks: parts of the surface that cracks enclose on all sides (alligator cracking); what the border of
            the photograph closes does not count.
        cells_with_crack: share of the cells of `GeometryOptions.cell_px` that a skeleton passes through, 0..1; cells
            that the border of the photograph cuts count as whole ones.
        size: (width, height) of the photograph, px.
    """

    cracks: tuple[Crack, ...]
    total_length_px: float
    density_per_px: float
    enclosed_blocks: int
    cells_with_crack: float
    size: tuple[int, int]


def measure(
    mask: NDArray[np.uint8] | NDArray[np.bool_],
    photograph: NDArray[np.uint8] | None = None,
    probability: NDArray[np.float32] | None = None,
    options: GeometryOptions | None = None,
) -> CrackNetwork:
    """Measure the cracks of a mask; declared here, computed from the next step on.

    Args:
        mask: uint8 or bool (H, W); what is above 0 is crack.
        photograph: uint8 (H, W) grey or (H, W, 3) RGB, of the same size; None leaves the optical width out.
        probability: float32 (H, W), 0..1, of the crack class; None leaves the confidence out.
        options: None for the defaults.

    Raises:
        ImageError: when an array has another shape or dtype.
    """
    raise NotImplementedError

"""What is said about the cracks of one photograph. Everything is in pixels of the photograph.

A point (x, y) of whole numbers is the centre of the pixel in column x and row y. docs/explanation/geometry.md says what
each figure means and how far it can be trusted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.errors import ImageError
from crackflow.geometry.optical import OpticalWidths, lines, read_widths
from crackflow.geometry.paths import CrackPath, follow
from crackflow.geometry.pieces import Piece, pieces
from crackflow.geometry.shape import cells_with_crack, orientation, tortuosity
from crackflow.geometry.skeleton import Points

WIDTH_CLASSES = ("hairline", "fine", "medium", "wide")
WidthKind = Literal["optical", "mask"]
Path = NDArray[np.int32]
Probability = NDArray[np.float32] | NDArray[np.uint16]
_LEVELS = 65536


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
    spur_factor: float = 1.5
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
            straight; pi / 2 for a circle.
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
    probability: Probability | None = None,
    options: GeometryOptions | None = None,
) -> CrackNetwork:
    """Measure the cracks of a mask.

    Args:
        mask: uint8 or bool (H, W); what is above 0 is crack.
        photograph: uint8 (H, W) grey or (H, W, 3) RGB, of the same size; None leaves the optical width out.
        probability: of the crack class, float32 (H, W), 0..1, or uint16 (H, W): level k stands for k / 65536. None
            leaves the confidence out.
        options: None for the defaults.

    Raises:
        ImageError: when an array has another shape or dtype.
    """
    options = options or GeometryOptions()
    _check(mask, photograph, probability)
    height, width = mask.shape
    found = []
    # a copy of 200 megapixels is 0.2 GB
    crack = mask.view(np.bool_) if mask.max() <= 1 else mask > 0
    for piece in pieces(crack, options.gap_px):
        path = follow(piece, options.spur_factor)
        if path is not None and sum(path.lengths) >= options.min_length_px:
            # the arrays of a piece are as large as its box: what is needed of them is taken here
            found.append((path, _drawn(piece, probability)))
    found.sort(key=lambda crack: -sum(crack[0].lengths))
    optical: list[OpticalWidths | None] = [None] * len(found)
    if photograph is not None and found:
        grey = photograph
        if grey.ndim == 3:
            grey = np.asarray(cv2.cvtColor(grey, cv2.COLOR_RGB2GRAY), np.uint8)
        optical = read_widths(grey, [[lines(*way) for way in _ways(path)] for path, _ in found])
    cracks = tuple(
        _crack(number, path, drawn, seen, (width, height), options.width_bounds_px)
        for number, ((path, drawn), seen) in enumerate(zip(found, optical, strict=True), 1)
    )
    total = sum(crack.length_px for crack in cracks)
    every = [path for crack in cracks for path in crack.path]
    return CrackNetwork(
        cracks=cracks,
        total_length_px=total,
        density_per_px=total / (width * height),
        enclosed_blocks=sum(path.graph.loops for path, _ in found),
        cells_with_crack=cells_with_crack(every, (width, height), options.cell_px),
        size=(width, height),
    )


class _Drawn(NamedTuple):
    """What is left of a crack's pixels: box, how many, their mean probability."""

    box: tuple[int, int, int, int]
    area: int
    confidence: float | None


def _drawn(piece: Piece, probability: Probability | None) -> _Drawn:
    x, y, width, height = cv2.boundingRect(piece.drawn.view(np.uint8))
    rows, columns = piece.drawn.shape
    confidence = None
    if probability is not None:
        part = probability[piece.top : piece.top + rows, piece.left : piece.left + columns]
        confidence = float(part[piece.drawn].mean(dtype=np.float64)) / (_LEVELS if part.dtype == np.uint16 else 1)
    return _Drawn((piece.left + x, piece.top + y, width, height), int(np.count_nonzero(piece.drawn)), confidence)


def _ways(path: CrackPath) -> Iterator[tuple[Points, NDArray[np.bool_], NDArray[np.float64]]]:
    return zip(path.paths, path.readable, path.widths, strict=True)


def _crack(
    number: int,
    path: CrackPath,
    drawn: _Drawn,
    seen: OpticalWidths | None,
    size: tuple[int, int],
    bounds: tuple[float, float, float],
) -> Crack:
    places = np.concatenate([one[good] for one, good, _ in _ways(path)])
    widths = np.concatenate([width[good] for _, good, width in _ways(path)])
    mask_width = _summary(widths)
    optical_width = _summary(seen.widths) if seen is not None else None
    if seen is not None:
        places, widths = seen.places, seen.widths
    last = np.array(size) - 1
    x, y = np.rint(places[int(np.argmax(widths))]).clip(0, last).astype(int).tolist()
    used = optical_width or mask_width
    return Crack(
        number=number,
        length_px=sum(path.lengths),
        mask_width_px=mask_width,
        optical_width_px=optical_width,
        width_px=used,
        width_kind="mask" if optical_width is None else "optical",
        widest_at=(x, y),
        branches=len(path.graph.branches),
        ends=path.graph.ends,
        junctions=path.graph.junctions,
        orientation_deg=orientation(path.paths),
        box=drawn.box,
        area_px=drawn.area,
        tortuosity=tortuosity(path),
        confidence=drawn.confidence,
        path=tuple(np.rint(one).clip(0, last).astype(np.int32) for one in path.paths),
        width_class=WIDTH_CLASSES[sum(used.p95 >= bound for bound in bounds)],
    )


def _summary(widths: NDArray[np.float64]) -> WidthSummary:
    middle, high = np.percentile(widths, (50, 95))
    return WidthSummary(float(widths.mean()), float(middle), float(high), float(widths.max()))


def _check(
    mask: NDArray[np.uint8] | NDArray[np.bool_],
    photograph: NDArray[np.uint8] | None,
    probability: Probability | None,
) -> None:
    """Say what is wrong with the arrays, if anything is."""
    expected: list[tuple[str, NDArray[Any] | None, tuple[str, ...], list[tuple[int, ...]]]] = [
        ("mask", mask, ("uint8", "bool"), [()]),
        ("photograph", photograph, ("uint8",), [(), (3,)]),
        ("probability", probability, ("float32", "uint16"), [()]),
    ]
    for name, array, kinds, layers in expected:
        if array is None:
            continue
        shapes = [mask.shape[:2] + more for more in layers]
        if array.dtype.name not in kinds or array.shape not in shapes or not array.size:
            raise ImageError(
                f"{name} of {array.dtype} {array.shape}, expected {' or '.join(kinds)} "
                f"{' or '.join(map(str, shapes))} with at least one pixel; convert it"
            )

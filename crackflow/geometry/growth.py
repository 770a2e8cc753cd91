"""Cracks of one place at two dates, in one frame: which are new, longer or wider, and from which difference on.

A difference counts where it is above what two photographs of an unchanged crack differ by: the repeatability limit of
ISO 5725-6, which the absolute difference of two results stays below in 95 of 100 cases. docs/how-to/growth.md has the
measurement of these limits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackflow.geometry.contrast import grey_of
from crackflow.geometry.cracks import Crack, CrackNetwork, GeometryOptions, measure
from crackflow.geometry.traces import BoolMask, Look, Nearest, Trace, distance, groups, near, traces

LengthChange = Literal["new", "longer", "shorter", "not seen again", "not told apart"]
WidthChange = Literal["wider", "narrower", "not told apart", "not measured"]
TOLERANCE_PX = 4.0
"""How far the same crack may lie aside in two masks, beside the error of the registration."""


# Of shorter parts the mean width varies more, px.
_LEAST_ALONG = 100.0


@dataclass(frozen=True)
class Limits:
    """What two photographs of an unchanged crack differ by, in 95 of 100 cases, px of the frame.

    Attributes:
        length_px: length that one of them alone shows.
        width_px: difference of the mean optical width.
    """

    length_px: float = 10.0
    width_px: float = 0.5


@dataclass(frozen=True)
class CrackChange:
    """One crack at both dates; at each it may lie in several pieces.

    Attributes:
        number: from 1; the one with the largest change of length first.
        before: numbers of its pieces in the first network; none where it is new.
        after: in the second.
        length_before_px: of all its pieces.
        length_after_px: likewise.
        added_px: length that the second date shows and the first does not.
        lost_px: the reverse.
        length_limit_px: above it, added or lost length counts.
        length_change: what follows; with length both added and lost, the larger of the two says.
        width_before_px: mean optical width along the part that both dates show; None where the photographs do not show
            it clearly at both, or that part is short.
        width_after_px: likewise.
        width_limit_px: above it, a difference counts.
        width_change: what follows.
        at: (x, y) in the frame, for a label.
    """

    number: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    length_before_px: float
    length_after_px: float
    added_px: float
    lost_px: float
    length_limit_px: float
    length_change: LengthChange
    width_before_px: float | None
    width_after_px: float | None
    width_limit_px: float | None
    width_change: WidthChange
    at: tuple[int, int]


class Growth(NamedTuple):
    """All cracks of both dates, and the pixels of the masks that one date alone shows, bool (H, W)."""

    cracks: tuple[CrackChange, ...]
    added: BoolMask
    lost: BoolMask


class _Widths(NamedTuple):
    before: float | None
    after: float | None


def look(photo: NDArray[np.uint8], crack: BoolMask, options: GeometryOptions | None = None) -> Look:
    """Measure the cracks of one date.

    Args:
        photo: uint8 RGB (H, W, 3) or grey (H, W), in the frame.
        crack: bool (H, W), False where one of the dates does not show the surface.
        options: None for the defaults.
    """
    grey = grey_of(photo) if photo.ndim == 3 else photo
    return Look(grey, crack, measure(crack, grey, None, options))


def compare(
    first: Look,
    second: Look,
    error_px: float,
    limits: Limits | None = None,
    options: GeometryOptions | None = None,
    *,
    alike: bool = True,
) -> Growth:
    """Compare two dates.

    Args:
        first: the earlier date.
        second: the later one, in the frame of the first.
        error_px: by how much one place may lie aside at the two dates: the error of the registration.
        limits: None for the measured ones.
        options: as both looks were measured with.
        alike: whether the photographs are alike in tone and sharpness (crackflow.geometry.alike); widths are compared
            only where they are.
    """
    limits, tolerance = limits or Limits(), TOLERANCE_PX + error_px
    one, other = traces(first, second, tolerance), traces(second, first, tolerance)
    found = groups(one, other)
    widths = _widths(first, second, found, tolerance, options) if alike else [_Widths(None, None) for _ in found]
    # each of the two ends of an added part may lie aside by the error
    limit = math.hypot(limits.length_px, 2 * error_px)
    changes = [
        _change([one[index] for index in before], [other[index] for index in after], width, limit, limits)
        for (before, after), width in zip(found, widths, strict=True)
    ]
    changes.sort(key=lambda change: -max(change.added_px, change.lost_px))
    numbered = tuple(replace(change, number=number) for number, change in enumerate(changes, 1))
    return Growth(numbered, _pixels(second, other, first), _pixels(first, one, second))


def _change(
    before: Sequence[Trace], after: Sequence[Trace], width: _Widths, limit: float, limits: Limits
) -> CrackChange:
    added, lost = (sum(trace.alone_px for trace in side) for side in (after, before))
    shown = max((*after, *before), key=lambda trace: (len(trace.alone), trace.crack.length_px))
    way = shown.alone if len(shown.alone) else max(shown.crack.path, key=len)
    x, y = way[len(way) // 2].tolist()
    return CrackChange(
        number=0,
        before=tuple(trace.crack.number for trace in before),
        after=tuple(trace.crack.number for trace in after),
        length_before_px=sum(trace.crack.length_px for trace in before),
        length_after_px=sum(trace.crack.length_px for trace in after),
        added_px=added,
        lost_px=lost,
        length_limit_px=limit,
        length_change=_length_change(bool(before), bool(after), added, lost, limit),
        width_before_px=width.before,
        width_after_px=width.after,
        width_limit_px=None if width.before is None else limits.width_px,
        width_change=_width_change(width, limits.width_px),
        at=(x, y),
    )


def _length_change(before: bool, after: bool, added: float, lost: float, limit: float) -> LengthChange:
    if max(added, lost) <= limit:
        return "not told apart"
    if added >= lost:
        return "longer" if before else "new"
    return "shorter" if after else "not seen again"


def _width_change(width: _Widths, limit: float) -> WidthChange:
    if width.before is None or width.after is None:
        return "not measured"
    if abs(width.after - width.before) <= limit:
        return "not told apart"
    return "wider" if width.after > width.before else "narrower"


def _widths(
    first: Look,
    second: Look,
    found: Sequence[tuple[list[int], list[int]]],
    tolerance: float,
    options: GeometryOptions | None,
) -> list[_Widths]:
    """The widths of each crack along what both dates show: a thin new end would make the mean of the whole smaller."""
    own = [this.crack & near(that.crack, tolerance) for this, that in ((first, second), (second, first))]
    # along one way at both dates, since a new crack beside an old one moves the way of their mask; where the crack is
    # too broad at one date for the other's profiles, along each date's own
    of_both = [_along(first, second, found, masks, options) for masks in ((own[0], own[0]), own)]
    return [one if None not in one else other for one, other in zip(*of_both, strict=True)]


def _along(
    first: Look,
    second: Look,
    found: Sequence[tuple[list[int], list[int]]],
    masks: Sequence[BoolMask],
    options: GeometryOptions | None,
) -> list[_Widths]:
    sides = [
        _by_owner(measure(mask, look.grey, None, options).cracks, look.network)
        for mask, look in zip(masks, (first, second), strict=True)
    ]
    return [
        _mean_widths(
            *([crack for index in of for crack in side[index]] for of, side in zip(pieces, sides, strict=True))
        )
        for pieces in found
    ]


def _by_owner(parts: Sequence[Crack], network: CrackNetwork) -> list[list[Crack]]:
    """Parts of cracks, by the crack that most of their way lies on."""
    owned: list[list[Crack]] = [[] for _ in network.cracks]
    nearest = Nearest(network)
    for part in parts:
        owned[int(np.bincount(nearest.of(np.concatenate(part.path))).argmax())].append(part)
    return owned


def _mean_widths(before: Sequence[Crack], after: Sequence[Crack]) -> _Widths:
    """Mean optical widths of the parts of a crack at both dates."""
    if min(sum(part.length_px for part in side) for side in (before, after)) < _LEAST_ALONG:
        return _Widths(None, None)
    one, other = (
        [(part.optical_width_px.mean, part.length_px) for part in side if part.optical_width_px is not None]
        for side in (before, after)
    )
    if len(one) < len(before) or len(other) < len(after):
        return _Widths(None, None)
    return _Widths(*(float(np.average(widths, weights=lengths)) for widths, lengths in map(np.transpose, (one, other))))


def _pixels(this: Look, found: Sequence[Trace], that: Look) -> BoolMask:
    """The pixels of a mask that belong to the parts of its cracks that are alone."""
    lone, rest = np.zeros(this.crack.shape, np.bool_), np.zeros(this.crack.shape, np.bool_)
    for trace in found:
        for branch in trace.crack.path:
            rest[branch[:, 1], branch[:, 0]] = True
        lone[trace.alone[:, 1], trace.alone[:, 0]] = True
    rest &= ~lone
    if not lone.any():
        return lone
    if not rest.any():
        return this.crack & ~that.crack
    return this.crack & ~that.crack & (distance(lone) <= distance(rest))

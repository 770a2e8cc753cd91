"""Pairs that can't be used: set aside with a reason, until there are too many of them."""

from collections.abc import Sequence
from typing import NamedTuple

from crackflow.errors import DataError

_SHOWN = 3


class Rejection(NamedTuple):
    """One pair that is left out."""

    name: str
    reason: str


def check_rejections(rejections: Sequence[Rejection], total: int, max_rejected: float) -> None:
    """Stop when too many pairs can't be used.

    Args:
        rejections: the pairs left out.
        total: all pairs found, those left out included.
        max_rejected: the largest share of `total` that may be left out, 0..1.

    Raises:
        DataError: naming the count, the share, the first reasons and the parameter that allows more.
    """
    share = len(rejections) / max(total, 1)
    if share <= max_rejected:
        return
    first = "; ".join(f"{rejection.name}: {rejection.reason}" for rejection in rejections[:_SHOWN])
    more = "; ..." if len(rejections) > _SHOWN else ""
    raise DataError(
        f"{len(rejections)} of {total} pairs ({share:.1%}) can't be used, at most {max_rejected:.1%} may be: "
        f"{first}{more}. Fix them, leave them out with data.exclude, or raise data.max_rejected"
    )

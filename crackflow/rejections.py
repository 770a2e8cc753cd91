"""Rejected pairs: each has a reason, and a run stops when there are too many of them."""

from collections.abc import Sequence
from typing import NamedTuple

from crackflow.errors import DataError

_SHOWN = 3


class Rejection(NamedTuple):
    """A pair or a file that is left out, and why."""

    name: str
    reason: str


def check_rejections(rejections: Sequence[Rejection], total: int, max_rejected: float) -> None:
    """Stop when too many pairs can't be used.

    Args:
        rejections: the rejected pairs.
        total: all pairs found, the rejected ones included.
        max_rejected: the largest share of `total` that may be rejected, 0..1.

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

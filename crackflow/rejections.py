"""Pairs that can't be used: set aside with a reason, until there are too many of them."""

from collections.abc import Sequence
from typing import NamedTuple

from crackflow.errors import DataError

_SHOWN = 3


class Refusal(NamedTuple):
    """One pair that is left out."""

    name: str
    reason: str


def check_refusals(refusals: Sequence[Refusal], total: int, max_refused: float) -> None:
    """Stop when too many pairs can't be used.

    Args:
        refusals: the pairs left out.
        total: all pairs found, those left out included.
        max_refused: the largest share of `total` that may be left out, 0..1.

    Raises:
        DataError: naming the count, the share, the first reasons and the parameter that allows more.
    """
    share = len(refusals) / max(total, 1)
    if share <= max_refused:
        return
    first = "; ".join(f"{refusal.name}: {refusal.reason}" for refusal in refusals[:_SHOWN])
    more = "; ..." if len(refusals) > _SHOWN else ""
    raise DataError(
        f"{len(refusals)} of {total} pairs ({share:.1%}) can't be used, at most {max_refused:.1%} may be: "
        f"{first}{more}. Mend them, leave them out with data.exclude, or raise data.max_refused"
    )

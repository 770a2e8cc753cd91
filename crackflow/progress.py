"""Progress bars that behave in a terminal, in a log file and under Prefect."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

# A log file gets a line of progress now and then; a terminal gets a moving bar.
TERMINAL_INTERVAL_S = 0.2
LOG_INTERVAL_S = 15.0


def track(items: Iterable[T], label: str, total: int | None = None, unit: str = "image") -> Iterator[T]:
    """Iterate over `items` while a bar on stderr shows count, rate and remaining time.

    Args:
        items: what to iterate over.
        label: the words before the bar.
        total: number of items, where `items` has no length.
        unit: the singular of what is counted.

    Returns:
        An iterator over the same items.
    """
    return iter(tqdm(items, desc=label, total=total, unit=unit, mininterval=_interval(), dynamic_ncols=True))


def bar(
    label: str, total: int | None, initial: int = 0, unit: str = "image", *, scaled: bool = False, even: bool = False
) -> "tqdm[None]":
    """Make a bar that the caller moves with `update()`, for work that is not a loop over items.

    Args:
        label: the words before the bar.
        total: number of items, where it is known.
        initial: number of items that an earlier run has done.
        unit: the singular of what is counted.
        scaled: write counts and rates as 1.5M and 3.2k; the unit `B` is for bytes.
        even: compute rate and remaining time from the whole run and not from its last moments, for work with pauses.

    Returns:
        The bar, a context manager that closes it.
    """
    return tqdm(
        desc=label,
        total=total,
        initial=initial,
        unit=unit,
        unit_scale=scaled,
        smoothing=0.0 if even else 0.3,  # 0.3 is tqdm's own
        mininterval=_interval(),
        dynamic_ncols=True,
    )


def _interval() -> float:
    return TERMINAL_INTERVAL_S if sys.stderr.isatty() else LOG_INTERVAL_S

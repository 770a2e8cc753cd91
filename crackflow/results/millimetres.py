"""How lengths are written: in mm where a scale is known, with enough digits whatever a pixel measures."""

import math


def rounded(value: float, decimals: int) -> float:
    """Round to so many decimals, or to three significant digits where these are more: 0.0004321 stays 0.000432."""
    return round(value, max(decimals, 2 - _order(value)))


def in_mm(length_px: float, mm_per_px: float | None) -> float | None:
    """Give a length in mm, rounded for a cell; None without a scale."""
    return None if mm_per_px is None else rounded(length_px * mm_per_px, 3)


def length(px: float, mm_per_px: float | None, mm_digits: int, px_digits: int) -> str:
    """Say a length with its unit: mm where there is a scale, else px.

    Args:
        px: the length, 0 or more.
        mm_per_px: None where no scale is known.
        mm_digits: decimals of mm; below them, two significant digits.
        px_digits: decimals of px.
    """
    if mm_per_px is None:
        return f"{px:,.{px_digits}f} px"
    mm = px * mm_per_px
    return f"{mm:,.{max(mm_digits, 1 - _order(mm))}f} mm"


def _order(value: float) -> int:
    """Which power of ten a number begins with; for 0 a high one, which asks for no digits."""
    return math.floor(math.log10(abs(value))) if value else 9

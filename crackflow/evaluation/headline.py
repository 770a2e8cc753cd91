"""The headline figures: one table of their names, words and format, which every page and command shares."""

from collections.abc import Mapping
from typing import Any, NamedTuple

DASH = "-"
_TOLERANCE = "the tolerance"


class Headline(NamedTuple):
    """One figure of the crack class.

    Attributes:
        name: as `figures.flat` names it below `crack`, for instance pooled_iou.
        words: for a row or a column; `figure_words` puts the protocol's tolerance in.
        short: for a column in a terminal.
        meaning: what it says and how images are reduced to it, for people who do not know it.
        digits: decimals shown.
        lower_is_better: an all-black mask is best by such a figure.
    """

    name: str
    words: str
    short: str
    meaning: str
    digits: int = 3
    lower_is_better: bool = False


class Reached(NamedTuple):
    """What a model reached of a figure, and the 95 % confidence interval; None where one is undefined or unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None


HEADLINE = (
    Headline(
        "pooled_iou",
        "pooled IoU",
        "IoU",
        "share of right pixels among all that truth or prediction calls crack, summed over images",
    ),
    Headline("pooled_f1", "pooled F1", "F1", "harmonic mean of the next two; the Dice of the crack class"),
    Headline("pooled_precision", "pooled precision", "precision", "share of the predicted crack that is crack"),
    Headline("pooled_recall", "pooled recall", "recall", "share of the crack that is predicted"),
    Headline("per_image_iou", "mean IoU, all images", "all IoU", "mean over images; both masks empty 1, only one 0"),
    Headline("per_image_f1", "mean F1, all images", "all F1", "mean over images; both masks empty 1, only one 0"),
    Headline("positives_iou", "mean IoU, images with cracks", "mean IoU", "mean over the images with cracks"),
    Headline("positives_f1", "mean F1, images with cracks", "mean F1", "mean over the images with cracks"),
    Headline(
        "tolerant_f1",
        f"F1 within {_TOLERANCE}",
        "F1 near",
        "mean over the images with cracks; a pixel is right within this distance of the other mask's crack",
    ),
    Headline(
        "false_alarms_images",
        "crack-free images with a false alarm",
        "alarms",
        "share of the crack-free images with any predicted crack pixel",
        lower_is_better=True,
    ),
    Headline(
        "false_alarms_area",
        "area of false alarms",
        "area",
        "mean share of a crack-free image that is predicted as crack",
        digits=4,
        lower_is_better=True,
    ),
)
BY_NAME = {one.name: one for one in HEADLINE}


def figure_words(figure: Headline, protocol: Mapping[str, Any]) -> str:
    """Name a figure for people.

    Args:
        figure: of HEADLINE.
        protocol: of the figures; tolerance_px is read, and may be absent.
    """
    if "tolerance_px" not in protocol:
        return figure.words
    return figure.words.replace(_TOLERANCE, f"{protocol['tolerance_px']} px")


def reached(figures: Mapping[str, Any], figure: Headline, side: str = "crack") -> Reached:
    """Look up a figure.

    Args:
        figures: as metrics/evaluation.json, possibly of an earlier version: what it lacks is None.
        figure: of HEADLINE.
        side: `crack` for the model, `all_background` for an all-black mask, or any block that is nested alike.

    Returns:
        The figure, with its interval where the file has one.
    """
    value = _find(figures.get(side), figure.name)
    interval = _find(figures.get("intervals"), side, figure.name)
    low, high = interval if isinstance(interval, list | tuple) else (None, None)
    return Reached(number_or_none(value), number_or_none(low), number_or_none(high))


def figure_text(figures: Mapping[str, Any], figure: Headline, side: str = "crack", *, interval: bool = True) -> str:
    """Write a figure with its interval, as "0.527 (0.41 to 0.63)"; a dash where it is undefined.

    Args:
        figures: as for `reached`, and so are the next two.
        figure: of HEADLINE.
        side: which block.
        interval: whether the interval is shown, where the file has one.
    """
    value = reached(figures, figure, side).value
    if value is None:
        return DASH
    ends = interval_text(figures, figure, side) if interval else ""
    return f"{value:.{figure.digits}f} ({ends})" if ends else f"{value:.{figure.digits}f}"


def interval_text(figures: Mapping[str, Any], figure: Headline, side: str = "crack") -> str:
    """Write the interval of a figure, as "0.41 to 0.63"; empty where the file has none."""
    found = reached(figures, figure, side)
    if found.low is None or found.high is None:
        return ""
    digits = figure.digits - 1
    return f"{found.low:.{digits}f} to {found.high:.{digits}f}"


def interval_words(figures: Mapping[str, Any]) -> str:
    """Say what the brackets hold and how they were made; empty where the file has no intervals."""
    block = figures.get("intervals")
    if not isinstance(block, Mapping) or not any((block.get("crack") or {}).values()):
        return ""
    # files of an earlier version
    drawn = "" if block.get("method") else f"{block['resamples']:,} resamples of "
    return (
        f"in brackets the {100 * block['level']:.0f} % confidence interval, from {drawn}{block['groups']} groups of "
        "photographs"
    )


def is_no_better_than_black(figures: Mapping[str, Any], figure: Headline) -> bool:
    """Whether an all-black mask reaches as much; False where a figure is undefined, or lower values are better."""
    ours, black = reached(figures, figure).value, reached(figures, figure, "all_background").value
    return not figure.lower_is_better and ours is not None and black is not None and ours <= black


def _find(nested: Any, *names: str) -> Any:
    """Follow names through nested figures; each name may join several levels with underscores. None where absent."""
    for name in names:
        nested = _find_one(nested, name)
    return nested


def _find_one(nested: Any, name: str) -> Any:
    if not isinstance(nested, Mapping):
        return None
    if name in nested:
        return nested[name]
    for outer, inner in nested.items():
        if name.startswith(f"{outer}_"):
            return _find_one(inner, name.removeprefix(f"{outer}_"))
    return None


def number_or_none(value: Any) -> float | None:
    """The number that a figure is; None where it is undefined (NaN or null) or absent."""
    return float(value) if isinstance(value, int | float) and value == value else None

"""The headline figures as rows of a table, and as shares for sentences."""

from collections.abc import Mapping
from typing import Any

from crackflow.evaluation.headline import (
    HEADLINE,
    Headline,
    figure_text,
    figure_words,
    is_no_better_than_black,
    reached,
)
from crackflow.reporting.page import percent


def headline_rows(figures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Set each headline figure beside what an all-black mask reaches.

    Args:
        figures: as metrics/evaluation.json.

    Returns:
        By the figure's name: words, meaning, the model's figure with its interval, the same and the black mask's as
        percent for sentences, the black mask's figure, and whether the model is no better than black.
    """
    return {
        one.name: {
            "words": figure_words(one, figures["protocol"]),
            "meaning": one.meaning,
            "ours": figure_text(figures, one),
            "black": figure_text(figures, one, "all_background"),
            "share": percent(reached(figures, one).value, 0),
            "share_interval": _interval_words(figures, one),
            "black_share": percent(reached(figures, one, "all_background").value, 0),
            "no_better": is_no_better_than_black(figures, one),
        }
        for one in HEADLINE
    }


def _interval_words(figures: Mapping[str, Any], one: Headline) -> str:
    low, high = reached(figures, one)[1:]
    return "" if low is None or high is None else f"95 % interval {100 * low:.0f} to {percent(high, 0)}"

"""At which scale a photograph is looked at where the user does not say it: one function, and its rule.

The rule looks at sizes alone. Rules that look at several scales first, and take the look that agrees best with the
others or the mean of all, did worse on every group of larger photographs tried, squeezed looks being blank alike
(docs/how-to/predict.md). Confidence is no rule: a blank look is the surest.
"""

from typing import Literal


def choose_scale(height: int, width: int, side: int) -> float | Literal["fit"]:
    """Choose a photograph's own pixels, unless it is no larger than the model's square.

    Args:
        height: of the photograph, px.
        width: likewise.
        side: of the square, px.

    Returns:
        1.0, or "fit" for a photograph that fits into the square: it is looked at as the training pairs were, so that
        figures on such photographs stay those of an evaluation.
    """
    return "fit" if max(height, width) <= side else 1.0

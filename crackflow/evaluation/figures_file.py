"""metrics/evaluation.json: the figures of an evaluation, as they are written and read."""

import json
from typing import Annotated, Any

from pydantic import Field, JsonValue, NonNegativeInt, PositiveInt

from crackflow.params.types import Share
from crackflow.strict_json import FORMAT, Format, Strict, parse

Figure = Share | None
Number = Annotated[float, Field(allow_inf_nan=False)] | None


class Ratios(Strict):
    """Figures of one reduction; None where one is undefined, or was not computed by an earlier version."""

    iou: Figure = None
    f1: Figure = None
    precision: Figure = None
    recall: Figure = None


class FalseAlarms(Strict):
    """Of the crack-free images."""

    images: Figure = None
    area: Figure = None


class Crack(Strict):
    """The figures of the crack class."""

    pooled: Ratios = Ratios()
    per_image: Ratios = Ratios()
    positives: Ratios = Ratios()
    tolerant_f1: Figure = None
    false_alarms: FalseAlarms = FalseAlarms()


class Intervals(Strict):
    """Confidence intervals, by the names of crackflow.evaluation.headline.

    Files without `method` have those of the percentile bootstrap, from `resamples` draws of groups.
    """

    level: Share
    resamples: NonNegativeInt
    groups: PositiveInt
    method: str | None = None
    crack: dict[str, tuple[Figure, Figure] | None]


class Foreign(Strict):
    """The figures on places never seen, as crackflow.evaluation.figures.foreign_figures gives them."""

    crack: Crack
    all_background: Crack
    intervals: Intervals
    protocol: dict[str, JsonValue]
    by_source: dict[str, Figure]
    mean_of_sources: Figure


class FiguresFile(Strict):
    """What the file holds; blocks that an earlier version did not write are None.

    Attributes:
        format: version of this layout; None in files from before there was one.
        crack, oracle, original, all_background, classes: as crackflow.evaluation.figures.figures gives them.
        intervals: as crackflow.evaluation.intervals.headline_intervals gives them.
        calibration: as crackflow.evaluation.figures.calibration gives it.
        flips: the figures of plain and averaged predictions with their operating points.
        protocol: how it was measured.
        foreign: the same on places never seen, where the split has any.
    """

    format: Format | None = None
    crack: Crack
    oracle: dict[str, Figure] | None = None
    original: dict[str, Number] | None = None
    all_background: Crack | None = None
    classes: dict[str, dict[str, dict[str, Figure]]] | None = None
    intervals: Intervals | None = None
    calibration: dict[str, Number] | None = None
    flips: dict[str, dict[str, Number | dict[str, Number]]] | None = None
    protocol: dict[str, JsonValue] | None = None
    foreign: Foreign | None = None


def parse_figures(content: bytes) -> dict[str, Any]:
    """Read the figures of an evaluation.

    Args:
        content: of metrics/evaluation.json.

    Returns:
        The same, as JSON has it.

    Raises:
        ValueError: with one line that says where it is not what crackflow writes.
    """
    parse(content, FiguresFile)
    return dict(json.loads(content))


def as_file(values: dict[str, Any]) -> dict[str, Any]:
    """Give what the file holds.

    Args:
        values: figures as crackflow.evaluation.figures.plain gives them.

    Raises:
        ValueError: when the file could not be read again, which is a defect.
    """
    return parse_figures(json.dumps({"format": FORMAT, **values}).encode())

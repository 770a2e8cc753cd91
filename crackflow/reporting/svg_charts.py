"""Charts as SVG inside a page: a few kB each, in the page's own colours, read by screen readers as a table.

A library of charts in JavaScript weighs 0.8 MB (Vega-Lite) to 1 MB (Plotly), and Vega builds functions from text, which
the page's Content-Security-Policy forbids. These charts have three shapes, so they are computed here and drawn by
templates/charts.html.j2. Ticks are matplotlib's.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.ticker import MaxNLocator

# In units of the viewBox. It is about as wide as a telephone, so letters keep their size there.
WIDTH, HEIGHT = 400.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 10.0, 42.0
# Of a bar in a table's row.
BAR_WIDTH = 160.0


class Tick(NamedTuple):
    """A tick of an axis: its place in the viewBox, and the words."""

    at: float
    words: str


class Line(NamedTuple):
    """A line: its label, and the d of its path."""

    label: str
    path: str


class Spot(NamedTuple):
    """A place that answers: where it is, and what it says."""

    x: float
    y: float
    words: str


class Chart(NamedTuple):
    """What the template draws.

    Attributes:
        name: an id of the page, unique on it.
        title: in a few words.
        says: what a reader sees in it, for those who do not see it.
        xlabel: of the horizontal axis, with its unit.
        ylabel: of the vertical axis.
        xticks: from left to right.
        yticks: from bottom to top.
        lines: at most three; their dashes differ, not their colours alone.
        spots: what is said where.
        marked: a spot drawn large, with words beside it; None for none.
        columns: headings of the table behind the chart.
        rows: its cells.
    """

    name: str
    title: str
    says: str
    xlabel: str
    ylabel: str
    xticks: list[Tick]
    yticks: list[Tick]
    lines: list[Line]
    spots: list[Spot]
    marked: Spot | None
    columns: list[str]
    rows: list[list[str]]


class Axes(NamedTuple):
    """What the axes are called, and their ends; None for the ends of the data."""

    x: str
    y: str
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None


def lines(
    name: str,
    title: str,
    frame: pd.DataFrame,
    x: str,
    series: Mapping[str, str],
    axes: Axes,
    marked: tuple[float, float, str] | None = None,
    keep: int = 60,
) -> Chart:
    """Draw columns as lines over another column.

    Args:
        name: an id of the page.
        title: in a few words.
        frame: a row a point, in the order in which points are joined; NaN leaves a gap.
        x: the column of the horizontal axis.
        series: label -> column, at most three.
        axes: their names and ends.
        marked: x, y and words of a point to mark.
        keep: of more rows than this, the table behind the chart shows every so manieth.

    Returns:
        The chart.

    Raises:
        ValueError: when there is nothing to draw.
    """
    columns = list(series.values())
    values = [float(value) for value in frame[columns].to_numpy().ravel() if math.isfinite(value)]
    if not values or frame[x].isna().all():
        raise ValueError(f"received no number in {columns} over {x} for the chart {title}; a chart needs at least one")
    low, high = frame[x].min(), frame[x].max()
    xlim = axes.xlim or ((float(low), float(high)) if low < high else _ends(low, high))
    ylim = axes.ylim or _ends(min(values), max(values))
    place = _Place(xlim, ylim)
    drawn = [Line(label, _path(frame[x].to_list(), frame[column].to_list(), place)) for label, column in series.items()]
    spots = []
    for row in frame[[x, *columns]].itertuples(index=False):
        at, *heights = (float(value) for value in row)
        known = [height for height in heights if math.isfinite(height)]
        if known and math.isfinite(at):
            said = ", ".join(
                f"{label} {number(height)}"
                for label, height in zip(series, heights, strict=True)
                if math.isfinite(height)
            )
            spots.append(Spot(place.x(at), place.y(known[0]), f"{axes.x} {number(at)}: {said}"))
    step = -(-len(frame) // keep)
    table = frame[[x, *columns]].iloc[::step]
    return Chart(
        name,
        title,
        _says(frame, x, series, axes),
        axes.x,
        axes.y,
        [Tick(place.x(at), number(at)) for at in _ticks(xlim, whole=pd.api.types.is_integer_dtype(frame[x]))],
        [Tick(place.y(at), number(at)) for at in _ticks(ylim)],
        drawn,
        spots,
        None if marked is None else Spot(place.x(marked[0]), place.y(marked[1]), marked[2]),
        [axes.x, *series],
        [[number(float(value)) for value in row] for row in table.itertuples(index=False)],
    )


class Bar(NamedTuple):
    """A value on a scale from 0 to 1, for a row of a table: ends of its interval and its place, in 0..BAR_WIDTH."""

    at: float
    low: float | None
    high: float | None


def bar(value: float | None, low: float | None, high: float | None) -> Bar | None:
    """Place a share and its interval; None where the share is undefined."""
    if value is None or math.isnan(value):
        return None
    places = (None if end is None or math.isnan(end) else _round(end * BAR_WIDTH) for end in (low, high))
    return Bar(_round(value * BAR_WIDTH), *places)


def number(value: float) -> str:
    """Write a number as short as it can be read: at most 4 digits that count; a dash where it is undefined."""
    if math.isnan(value):
        return "\N{EN DASH}"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


class _Place(NamedTuple):
    """From values to the viewBox."""

    xlim: tuple[float, float]
    ylim: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.xlim
        return _round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT))

    def y(self, value: float) -> float:
        low, high = self.ylim
        return _round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM))


def _path(x: Sequence[float], y: Sequence[float], place: _Place) -> str:
    """The d of a path through the points; a missing one lifts the pen. A lone point becomes a dot by round caps."""
    parts, down = [], False
    for at, height in zip(x, y, strict=True):
        known = math.isfinite(at) and math.isfinite(height)
        if known:
            parts.append(f"{'L' if down else 'M'}{place.x(at)} {place.y(height)}" + ("" if down else "h0"))
        down = known
    return "".join(parts)


def _ends(low: float, high: float) -> tuple[float, float]:
    """Ends of an axis: those ticks that hold the data between them."""
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    ticks = MaxNLocator(5).tick_values(low, high)
    return float(ticks[0]), float(ticks[-1])


def _ticks(ends: tuple[float, float], *, whole: bool = False) -> list[float]:
    low, high = ends
    ticks = MaxNLocator(5, integer=whole).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(tick) for tick in ticks if low - slack <= tick <= high + slack]


def _says(frame: pd.DataFrame, x: str, series: Mapping[str, str], axes: Axes) -> str:
    """First and last value of each line, in words."""
    parts = []
    for label, column in series.items():
        known = frame[[x, column]].dropna()
        if len(known):
            first, last = known.iloc[0], known.iloc[-1]
            parts.append(f"{label} from {number(float(first[column]))} to {number(float(last[column]))}")
    return f"{axes.y} by {axes.x}: {'; '.join(parts)}."


def _round(value: float) -> float:
    return round(float(value), 1)

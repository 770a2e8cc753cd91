import math

import pandas as pd
import pytest

from crackflow.reporting.svg_charts import Axes, bar, lines, number

NAN = float("nan")


def drawn(frame, x="x", series=None, axes=None, **options):
    return lines("id", "Title", pd.DataFrame(frame), x, series or {"a": "y"}, axes or Axes("x", "y"), **options)


def test_points_lie_where_their_values_are():
    """The plot goes from 46 to 388 across and from 218 up to 10."""
    chart = drawn({"x": [0.0, 0.5, 1.0], "y": [0.0, 1.0, 0.25]}, axes=Axes("x", "y", (0, 1), (0, 1)))
    assert [(spot.x, spot.y) for spot in chart.spots] == [(46, 218), (217, 10), (388, 166)]
    assert chart.lines[0].path == "M46.0 218.0h0L217.0 10.0L388.0 166.0"
    assert [(tick.at, tick.words) for tick in chart.yticks][::5] == [(218, "0"), (10, "1")]


def test_a_missing_value_lifts_the_pen_and_is_said_of_no_line():
    chart = drawn({"x": [1, 2, 3], "y": [1.0, NAN, 3.0], "z": [2.0, 2.0, NAN]}, series={"a": "y", "b": "z"})
    assert chart.lines[0].path.count("M") == 2
    assert [spot.words for spot in chart.spots] == ["x 1: a 1, b 2", "x 2: b 2", "x 3: a 3"]
    assert chart.rows == [["1", "1", "2"], ["2", "\N{EN DASH}", "2"], ["3", "3", "\N{EN DASH}"]]
    assert chart.says == "y by x: a from 1 to 3; b from 2 to 2."


def test_epochs_are_whole_numbers():
    chart = drawn({"x": [1, 2], "y": [1.0, 2.0]})
    assert [tick.words for tick in chart.xticks] == ["1", "2"]


def test_one_point_and_equal_values_can_be_drawn():
    chart = drawn({"x": [4], "y": [0.7]})
    assert all(46 <= spot.x <= 388 and 10 <= spot.y <= 218 for spot in chart.spots)
    assert len(chart.yticks) > 1


def test_a_long_table_is_thinned_and_its_chart_is_not():
    chart = drawn({"x": range(257), "y": [0.5] * 257}, keep=60)
    assert len(chart.spots) == 257
    assert [row[0] for row in chart.rows[:3]] == ["0", "5", "10"]


def test_the_marked_point_may_lie_off_the_line():
    chart = drawn({"x": [0, 1], "y": [0, 1]}, axes=Axes("x", "y", (0, 1), (0, 1)), marked=(0.5, 0.75, "here"))
    assert chart.marked == (217, 62, "here")


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ValueError, match=r"no number in \['y'\]"):
        drawn({"x": [1], "y": [NAN]})


def test_a_bar_goes_from_0_to_1():
    assert bar(0.5, 0.25, 1.0) == (80, 40, 160)
    assert bar(0.5, None, None) == (80, None, None)
    assert bar(NAN, None, None) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [(3, "3"), (0.123456, "0.1235"), (12345.6, "12,346"), (math.nan, "\N{EN DASH}"), (-0.5, "-0.5"), (2e-05, "2e-05")],
)
def test_numbers_are_short(value, words):
    assert number(float(value)) == words

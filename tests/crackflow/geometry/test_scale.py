import math
import os

import pytest

from crackflow.errors import DataError
from crackflow.geometry.scale import Scale, read_bounds, read_scales


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, 1e308, 5e-324, 1e-7, 1.1e7])
def test_a_scale_is_a_number_above_0(wrong):
    with pytest.raises(DataError, match="above 0"):
        Scale(wrong)


def test_bounds_in_px():
    assert Scale(0.5).to_px((0.1, 1.0, 2.0)) == (0.2, 2.0, 4.0)


def test_bounds_as_written():
    assert read_bounds("0.1, 0.3,1") == (0.1, 0.3, 1.0)


@pytest.mark.parametrize(
    "text", ["", "0.1", "0.1,0.3", "0.1,0.3,1,2", "0,1,2", "1,1,2", "2,1,3", "0.1,0.3,inf", "a,b,c"]
)
def test_bounds_that_are_none(text):
    with pytest.raises(DataError, match="each larger than the one before"):
        read_bounds(text)


def test_scales_of_a_csv(tmp_path):
    path = tmp_path / "scales.csv"
    path.write_text("mm_per_px,photograph,note\n0.25,a/b.jpg,x\n.5,c.jpg,\n", encoding="utf-8-sig")
    assert [row[:2] for row in read_scales(path)] == [("a/b.jpg", 2), ("c.jpg", 3)]
    assert [row.scale.mm_per_px for row in read_scales(path)] == [0.25, 0.5]


def test_a_line_is_that_of_the_file_whatever_stands_between(tmp_path):
    path = tmp_path / "scales.csv"
    path.write_text('photograph,mm_per_px,note\n\na.jpg,1,"two\nlines"\n\nb.jpg,0,\n')
    with pytest.raises(DataError, match="line 6: '0'"):
        read_scales(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photograph,mm\na,1\n", "no column mm_per_px"),
        ("photograph,mm_per_px\na,1\na,2\n", "line 3: a stands there twice"),
        ("photograph,mm_per_px\na,wide\n", "line 2: 'wide'"),
        ("photograph,mm_per_px\na\n", "line 2: ''"),
        # a decimal comma, with and without quotes, and as spreadsheets with other separators have it
        ("photograph,mm_per_px\na,1.5\nb,1,25\n", r"line 3 has more cells than the 2 columns .* write decimals"),
        ('photograph,mm_per_px\na,"1,25"\n', "line 2: '1,25'"),
        ("photograph;mm_per_px\na;1,25\n", "no column photograph and mm_per_px"),
        # what float() takes: 125 and 1.25
        ("photograph,mm_per_px\na,1_25\n", "line 2: '1_25'"),
        ("photograph,mm_per_px\na,\uff11.\uff12\uff15\n", "line 2: '\uff11.\uff12\uff15'"),
        ("photograph,mm_per_px\na,1e308\n", "scale 1e.308"),
        ("photograph,mm_per_px\na,inf\n", "line 2: 'inf'"),
        ("photograph,mm_per_px\n,1\n", "line 2 names no photograph"),
        ("photograph,mm_per_px,mm_per_px\na,1,2\n", "two columns mm_per_px"),
    ],
)
def test_a_csv_that_can_not_be_used(tmp_path, text, message):
    path = tmp_path / "scales.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_scales(path)


def test_no_csv(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        read_scales(tmp_path / "none.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is a named pipe, expected a CSV in UTF-8"):
        read_scales(tmp_path / "pipe")

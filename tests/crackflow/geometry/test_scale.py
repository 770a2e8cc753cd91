import math

import pytest

from crackflow.errors import DataError
from crackflow.geometry.scale import Scale, read_scales


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_a_scale_is_a_number_above_0(wrong):
    with pytest.raises(DataError, match="above 0"):
        Scale(wrong)


def test_bounds_in_px():
    assert Scale(0.5).to_px((0.1, 1.0, 2.0)) == (0.2, 2.0, 4.0)


def test_scales_of_a_csv(tmp_path):
    path = tmp_path / "scales.csv"
    path.write_text("mm_per_px,photograph,note\n0.25,a/b.jpg,x\n.5,c.jpg,\n", encoding="utf-8-sig")
    assert {name: scale.mm_per_px for name, scale in read_scales(path).items()} == {"a/b.jpg": 0.25, "c.jpg": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photograph,mm\na,1\n", "no column mm_per_px"),
        ("photograph,mm_per_px\na,1\na,2\n", "line 3: a stands there twice"),
        ("photograph,mm_per_px\na,wide\n", "line 2: 'wide'"),
        ("photograph,mm_per_px\na\n", "line 2: ''"),
    ],
)
def test_a_csv_that_can_not_be_used(tmp_path, text, message):
    path = tmp_path / "scales.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_scales(path)


def test_no_csv(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        read_scales(tmp_path / "none.csv")

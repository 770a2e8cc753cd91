import json

import numpy as np
import pytest

from benchmarks.data import resize, resize_lines
from benchmarks.data.resize_tables import filled


def test_the_page_holds_the_figures_of_the_committed_file():
    page = resize.PAGE.read_text(encoding="utf-8")
    assert filled(page, json.loads(resize.RESULTS.read_text(encoding="utf-8"))) == page


def test_a_page_without_a_place_for_a_table_is_told():
    with pytest.raises(ValueError, match="0 places for png"):
        filled("nothing", {"png": []})


def test_a_length_counts_diagonals_as_roots():
    mask = np.zeros((20, 20), np.uint8)
    mask[3, 2:8] = 1
    mask[range(4, 9), range(8, 13)] = 1
    # five steps across, five diagonal ones of 3 by 4
    assert resize_lines.length(mask, 3, 4) == pytest.approx(5 * 4 + 5 * 5)


@pytest.mark.parametrize(("width", "expected"), [(1, False), (2, True)])
def test_an_upright_line_of_one_pixel_can_not_have_its_area(width, expected):
    mask = np.zeros((600, 800), np.uint8)
    mask[100:500, 400 : 400 + width] = 1
    line = resize_lines.Curve(90, np.zeros(mask.shape), np.array([[400.0, 0.0]]))
    # a pixel a row is 1 / 0.64 = 1.56 times the area of one pixel, and less than that of two
    assert resize_lines.is_possible(line, mask) is expected

import numpy as np
import pytest

from benchmarks.geometry import predicted
from benchmarks.geometry.predicted import errors, spread
from crackflow.geometry.cracks import measure


def bar(length, height):
    mask = np.zeros((60, 200), np.uint8)
    mask[20 : 20 + height, 10 : 10 + length] = 1
    return measure(mask)


def test_the_errors_of_a_bar_that_is_found_too_short_and_too_wide():
    found = errors(bar(80, 9), bar(160, 5))
    assert found["length_percent"] == pytest.approx(-50, abs=1)
    assert found["mask_width_px"] == pytest.approx(4, abs=0.1)
    assert found["width_p95_px"] == pytest.approx(4, abs=0.1)
    assert found["optical_width_px"] is None


def test_what_is_not_found_is_counted_and_is_no_error():
    nothing = measure(np.zeros((60, 200), np.uint8))
    rows = [errors(nothing, bar(80, 5)), errors(bar(80, 5), nothing), errors(bar(88, 5), bar(80, 5))]
    found = spread(rows)
    assert (found["cracked"], found["none_found"]) == (2, 1)
    assert found["length_percent"]["photographs"] == 1
    assert found["length_percent"]["p5_p50_p95"] == pytest.approx([10] * 3, abs=0.2)
    assert found["optical_width_px"] == {"photographs": 0, "p5_p50_p95": []}


def test_the_page_has_the_table_of_the_file():
    text = predicted.PAGE.read_text(encoding="utf-8")
    assert predicted.page(text) == text

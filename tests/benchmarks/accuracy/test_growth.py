import json

import cv2
import numpy as np
import pytest

from benchmarks.accuracy import growth, growth_pairs
from benchmarks.accuracy.growth_page import page
from crackflow.geometry.growth import Limits


def crack(**cells):
    return {
        "length": "not told apart",
        "width": "not told apart",
        "added": 0.0,
        "lost": 0.0,
        "long": 100.0,
        "widened": 0.1,
    } | cells


def test_limits_are_those_of_95_of_100_cracks():
    rows = [{"cracks": [crack(added=5.0), crack(lost=15.0, widened=-0.3), crack(widened=None)]}]
    found = growth.limits(rows)
    # of 0, 5 and 15 the 95th percentile lies at nine tenths from 5 to 15
    assert found["length_px"] == pytest.approx(14)
    # 1.96 * sqrt((0.01 + 0.09) / 2)
    assert found["width_px"] == pytest.approx(0.438, abs=1e-3)
    assert (found["cracks"], found["widths"]) == (3, 2)


def test_what_is_told_and_how_long_it_is_measured():
    rows = [
        {"role": "longer", "amount": 40.0, "cracks": [crack(length="longer", added=38.0), crack(added=3.0)]},
        {"role": "longer", "amount": 40.0, "cracks": [crack(added=12.0)]},
        {"role": "longer", "amount": 80.0, "cracks": []},
    ]
    assert growth.longer(rows, 40.0) == {"amount": 40.0, "pairs": 2, "told": 1, "p5_p50_p95": [38.0] * 3}


def test_a_made_crack_grows_by_what_is_asked_and_the_matrix_lays_it_on_itself():
    made, longer = growth_pairs.made(0), growth_pairs.made(0, longer=40)
    # one seed draws one surface; the later photograph is the whole crack in both
    np.testing.assert_array_equal(made.matrix, longer.matrix)
    missing = np.abs(made.before.astype(int) - longer.before.astype(int)).max(axis=2) > 40
    assert 20 < np.hypot(*np.ptp(np.argwhere(missing), axis=0)) < 60
    size = made.before.shape[1::-1]
    laid = cv2.warpPerspective(made.after, made.matrix, size)[100:-100, 100:-100]
    assert np.corrcoef(laid.ravel(), made.before[100:-100, 100:-100].ravel())[0, 1] > 0.8


def test_the_page_has_the_tables_of_the_file_and_the_code_its_limits():
    text, values = growth.PAGE.read_text(encoding="utf-8"), json.loads(growth.RESULTS.read_text(encoding="utf-8"))
    assert page(text, values) == text
    for name in ("length_px", "width_px"):
        assert values["limits"][name] <= getattr(Limits(), name), name

import csv
import json

import numpy as np
import pytest

from benchmarks.geometry import made, truth


@pytest.mark.parametrize("width", [1.0, 4.0])
def test_made_lines_are_as_wide_as_they_say(width):
    rng = np.random.default_rng(0)
    drawn = truth.draw(rng, [truth.spline(rng, 60, 0.15)], width)
    assert drawn.coverage.sum() / drawn.length == pytest.approx(width, abs=0.02)
    assert drawn.coverage.max() <= 1


def test_a_straight_line_is_as_long_as_it_says():
    line = truth.spline(np.random.default_rng(0), 60, 0.0)
    assert truth.arc_length(line) == pytest.approx(60)


@pytest.fixture
def measured(tmp_path):
    """Bars of whole pixels, level 5 in 100; one row of each structure says 1 px too much, one has a wrong scale."""
    path = tmp_path / "profiles.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["structure", "width_px", "mm_per_px", *(f"g{k}" for k in range(31))])
        for structure in "AB":
            for width in (1, 3, 5, 7):
                levels = np.where(abs(np.arange(31) - 15) <= width // 2, 5.0, 100.0)
                rows.writerow([structure, width + (width == 7), 0.1, *levels])
        rows.writerow(["A", 2, 30.0, *levels])
    return path


def test_estimators_on_profiles(measured):
    found = made.profiles(measured)
    assert (found["rows"], found["left_out"]) == (9, 1)
    rows = {row["estimator"]: row for row in found["estimators"]}
    # three of four are right, one is 1 px off: 0.25 on average
    rectangle = rows["rectangle transform"]["parts"]
    assert rectangle["A"] == rectangle["B"] == {"n": 4, "error": 0.25, "bias": -0.25}
    assert rectangle["to 2 px"] == {"n": 2, "error": 0, "bias": 0}
    assert rows["fit where clear (the default)"]["parts"]["all"]["error"] == pytest.approx(0.25, abs=0.05)
    assert {rule["chosen_on"] for rule in found["rules"]} == {"A", "B"}


def test_the_page_gets_its_tables(measured, tmp_path, monkeypatch):
    page, results = tmp_path / "geometry.md", tmp_path / "geometry.json"
    page.write_text("".join(f"<!-- {name}: written by {made.BY} -->\n<!-- end of {name} -->\n" for name in made.TABLES))
    monkeypatch.setattr(made, "PAGE", page)
    monkeypatch.setattr(made, "RESULTS", results)
    monkeypatch.setattr(made, "LENGTHS", (3.0,))
    monkeypatch.setattr("sys.argv", ["made", "--only", "lengths", "--curves", "2", "--profiles", str(measured)])
    assert made.main() == 0
    assert "| single | 3 |" in page.read_text()
    assert "| rectangle transform | 0.250 (-0.25) |" in page.read_text()
    assert str(tmp_path) not in results.read_text()
    row = json.loads(results.read_text())["lengths"][0]
    assert abs(row["length_worst"]) < 2
    assert row["right"] == 2

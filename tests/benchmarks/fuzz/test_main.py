import json
from importlib.util import find_spec

import pytest

from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz.__main__ import Row

ROWS = [
    Row("zip", "atheris", 600, read=3, rejected=1200, reached=90),
    Row("mask", "atheris", 300, read=1, faults={"KeyError in x": 2}),
]


def test_the_table_has_the_counts_and_the_faults():
    text = "# head\n<!-- fuzz: written by benchmarks.fuzz -->\nold\n<!-- end of fuzz -->\ntail\n"
    lines = fuzz.page(text, ROWS).splitlines()
    assert lines[4] == "| zip | atheris | 10 | 1,203 | 3 | 1,200 | 0 |"
    assert lines[5] == "| mask | atheris | 5 | 3 | 1 | 0 | 2 KeyError in x |"
    assert (lines[0], lines[-1]) == ("# head", "tail")


def test_rows_are_kept_and_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "RESULTS", tmp_path / "fuzz.json")
    assert fuzz.read() == []
    fuzz.write(ROWS)
    assert fuzz.read() == ROWS
    assert set(json.loads((tmp_path / "fuzz.json").read_text())) == {"command", "revision", "machine", "rows"}


def test_the_page_shows_the_rows_that_are_kept():
    text = fuzz.PAGE.read_text(encoding="utf-8")
    assert fuzz.page(text, fuzz.read()) == text


@pytest.mark.parametrize("tool", ["hypothesis", "atheris"])
def test_a_kind_is_tried_for_some_seconds(tool):
    if not find_spec(tool):
        pytest.skip(f"{tool} is not installed here")
    row = fuzz.tried("list of training pairs", tool, 3)
    assert row.rejected > 0
    assert row.faults == {}
    assert (row.reached is not None) == (tool == "atheris")


def test_a_process_that_a_file_ends_is_counted_and_its_file_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "KEPT", tmp_path / "kept")
    for name, content in {
        "count.json": '{"read": 2, "rejected": 1, "faults": {}}',
        "said": "cov: 7",
        "now/file": "x",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    row = Row("zip", "atheris", 600)
    fuzz._add(row, tmp_path, -11)
    assert row == Row("zip", "atheris", 600, 2, 1, {"the process ended with -11": 1}, 7)
    assert (tmp_path / "kept/atheris zip/file").read_text() == "x"

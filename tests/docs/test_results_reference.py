"""docs/reference/results.md lists the columns of the tables as they are written."""

import re
from pathlib import Path

import pytest

from crackflow.results.growth_tables import COLUMNS
from crackflow.results.tables import CRACK_COLUMNS, PHOTO_COLUMNS

PAGE = (Path(__file__).parents[2] / "docs/reference/results.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "columns"), [("summary.csv", PHOTO_COLUMNS), ("cracks.csv", CRACK_COLUMNS), ("growth.csv", COLUMNS)]
)
def test_each_column_is_listed_and_no_other(file, columns):
    section = PAGE.partition(f"## {file}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(listed) == sorted(columns)

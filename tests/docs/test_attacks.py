"""docs/reference/attacks.md: each finding has a row, and each row names tests that exist."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/attacks.md"
# how many findings there were
FINDINGS = 32


def rows():
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line)]
    # a bar within a cell is escaped
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@functools.cache
def held_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_finding_has_a_row_and_every_cell_is_filled():
    numbers = [int(row[0]) for row in rows()]
    assert sorted(set(numbers)) == list(range(1, FINDINGS + 1))
    assert numbers == sorted(numbers)
    assert all(len(row) == 6 and all(row) for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]}-{row[1][:30]}")
def test_what_holds_a_row_is_there(row):
    named = re.findall(r"`([^`]+)`", row[-1])
    assert named[0].startswith("tests/")
    path, found = "", 0
    for name in named:
        if name.startswith("tests/"):
            path = name
            continue
        assert name in held_in(path), f"{path} has no {name}"
        found += 1
    assert found

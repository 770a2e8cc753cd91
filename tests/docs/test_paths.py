"""Names of files and modules in pages, workflows and programs: what they name must exist."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("crackflow", "tasks", "pipelines", "benchmarks", "scripts")
# A changelog also names what is gone.
PAGES = [
    path for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))) if "CHANGE" not in path.name
]
PROGRAMS = [path for package in OURS for path in sorted((ROOT / package).rglob("*.py"))]
# Names that earlier versions gave to a flow, by which the doctor finds their deployments.
GONE = {"pipelines.rebuild.rebuild"}


def label(path):
    return path.relative_to(ROOT).as_posix()


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def is_there(module):
    """Whether a dotted name is a module, or stands in one."""
    return any(is_module(name) for name in (module, module.rpartition(".")[0]) if name)


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_files_that_a_page_names_exist(page):
    # no capitals: tasks/STAGE.py stands for several
    named = set(re.findall(rf"`((?:{'|'.join(OURS)}|tests)/[a-z\d_/]+\.py)`", page.read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_to_files_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_modules_that_commands_start_exist():
    commands = [*PAGES, *PROGRAMS, ROOT / "Makefile", ROOT / "dvc.yaml", *sorted((ROOT / ".github").rglob("*.yml"))]
    asked = {
        (module, label(path))
        for path in commands
        for module in re.findall(rf"python -m ((?:{'|'.join(OURS)})(?:\.[a-z_]+)*)", path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 20
    assert [one for one in sorted(asked) if not is_module(one[0])] == []


def test_modules_that_programs_name_in_strings_exist():
    """A module that is started in a process of its own is named in a string, which no import checks."""
    dotted = re.compile(rf"(?:{'|'.join(OURS)})(?:\.[a-z_]+)+")
    named = {
        (node.value, label(path))
        for path in PROGRAMS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and dotted.fullmatch(node.value)
    }
    assert ("pipelines.flows.gate", "pipelines/flows/follow_up.py") in named
    assert [one for one in sorted(named) if one[0] not in GONE and not is_there(one[0])] == []

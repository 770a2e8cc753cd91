import ast
import re
from pathlib import Path

import pytest

import crackflow
from crackflow.errors import one_line


@pytest.mark.parametrize(
    ("error", "said"),
    [(ValueError("first\n   second\n"), "first second"), (KeyError("x"), "'x'"), (OSError(), "OSError")],
)
def test_an_error_is_one_line(error, said):
    assert one_line(error) == said


def test_errors_of_the_library_name_no_command_of_a_checkout():
    """It is installed without one; who knows of the checkout (tasks, pipelines) says what to run there."""
    root = Path(crackflow.__file__).parent
    raised = [
        (path.relative_to(root).as_posix(), ast.unparse(node))
        for path in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
    ]
    assert len(raised) > 100
    commands = re.compile(r"`(dvc |make |python -m |crackflow (rebuild|predict|score|check))")
    assert [found for found in raised if commands.search(found[1])] == []

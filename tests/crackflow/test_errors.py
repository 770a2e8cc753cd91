import ast
import errno
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import crackflow
from crackflow.errors import LONGEST, CrackflowError, DataError, is_shortage, one_line, shortage_line


@pytest.mark.parametrize(
    ("error", "said"),
    [(ValueError("first\n   second\n"), "first second"), (KeyError("x"), "'x'"), (OSError(), "OSError")],
)
def test_an_error_is_one_line(error, said):
    assert one_line(error) == said


def test_a_message_is_one_line_whatever_it_quotes():
    """A key of a JSON file, or a name in a pickle, may hold line ends and escapes, and may be as long as the file."""
    assert str(DataError("the key a\nb\x1b[31m is unknown")) == "the key a\ufffdb\ufffd[31m is unknown"
    said = str(CrackflowError(f"a.json: the key {'x' * 10**6} is unknown; remove it"))
    assert len(said) <= LONGEST
    assert said.startswith("a.json: the key xxx")
    assert said.endswith("xxx is unknown; remove it")


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


def allocate(exception):
    try:
        exception()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_lack_of_memory_is_told_from_other_errors():
    # 2^60 bytes are on no machine
    python, numpy = allocate(lambda: bytearray(2**60)), allocate(lambda: np.empty(2**60, np.uint8))
    opencv = allocate(lambda: cv2.copyMakeBorder(np.zeros((9, 9), np.uint8), 0, 2**30, 0, 2**30, cv2.BORDER_CONSTANT))
    system = OSError(errno.ENOMEM, "Cannot allocate memory")
    openvino = RuntimeError("Exception from src/inference/src/cpp/core.cpp:117:\nstd::bad_alloc\n")
    for error in (python, numpy, opencv, system, openvino, RuntimeError("can't start new thread")):
        assert is_shortage(error), repr(error)
        assert shortage_line(error).startswith("not enough memory")
        assert "\n" not in shortage_line(error)
    other = allocate(lambda: cv2.resize(np.zeros((9, 9), np.uint8), (0, 0)))
    assert isinstance(other, cv2.error)
    for error in (other, ValueError("memory"), OSError(errno.ENOSPC, "full"), RuntimeError("memory")):
        assert not is_shortage(error), repr(error)

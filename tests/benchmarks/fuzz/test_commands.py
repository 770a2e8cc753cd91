"""benchmarks/fuzz/commands.py: the command line with options that fuzzing found to end with a traceback, or never."""

import os
from pathlib import Path

import pytest

from benchmarks.fuzz.commands import Tries, check_said
from benchmarks.fuzz.contract import Fault, accepted
from benchmarks.fuzz.options import Case

PREDICT = ["predict", "photos/a.png", "--model", "packaged", "--out"]
COMPARE = ["compare", "left", "right"]
FOUND = [
    ([*PREDICT, "out", "--max-memory", "inf"], ()),
    ([*PREDICT, "out", "--mm-per-px", "1e-320"], ()),
    ([*PREDICT, "out", "--mm-per-px-file", "pipe"], ()),
    ([*PREDICT, "loop"], ()),
    (["predict", "photos/a.png", "--out", "out", "--model", "pipe"], ()),
    (["growth", "photos/a.png", "photos/b.png", "--out", "out", "--max-memory", "1e308"], ()),
    ([*COMPARE, "--html", "pipe"], ()),
    ([*COMPARE, "--html", "loop"], ()),
    (COMPARE, ("left/dvc.lock", "stages: {a: 3}\n")),
]


@pytest.fixture(scope="module")
def tries(tmp_path_factory):
    before, home, temporary = Path.cwd(), os.environ.get("HOME"), os.environ.get("TMPDIR")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", None)
        yield Tries(tmp_path_factory.mktemp("tries"))
    os.chdir(before)
    for name, value in (("HOME", home), ("TMPDIR", temporary)):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("arguments", "changed"), FOUND, ids=range(len(FOUND)))
def test_what_was_found_is_one_line(tries, arguments, changed):
    assert not accepted(tries(Case(arguments, "", changed or ("", ""), alone=False)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_file_of_the_user_that_changes_is_a_fault(tries, monkeypatch):
    def meddle(case):
        (tries.work / "notes.txt").write_text("other")
        return 0, ""

    monkeypatch.setattr(tries, "_here", meddle)
    with pytest.raises(Fault, match="check changed a file of the user"):
        accepted(tries(Case(["check"], "", ("", ""), alone=False)))
    monkeypatch.setattr(tries, "_here", lambda case: ((tries.base / "new").write_text("x"), (0, ""))[1])
    with pytest.raises(Fault, match="check wrote outside"):
        accepted(tries(Case(["check"], "", ("", ""), alone=False)))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "error: x"),
        (2, ""),
        (0, "\x1b[31m"),
        (2, "x" * 1001),
        (2, "a\n" * 30),
        (2, "Traceback (most recent call last)"),
    ],
)
def test_what_no_person_can_use_is_a_fault(code, said):
    check_said(2, "error: a line\n")
    with pytest.raises(Fault):
        check_said(code, said)

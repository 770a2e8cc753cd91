import json

import pytest

from benchmarks.fuzz.contract import LONGEST, Fault, Tally, accepted
from crackflow.errors import CrackflowError


class SeveralError(CrackflowError):
    def __str__(self):
        return "first\nsecond"


class LongError(CrackflowError):
    def __str__(self):
        return "x" * (LONGEST + 1)


def raising(error):
    def read():
        raise error

    return read


def test_a_file_is_read_or_rejected_in_one_line():
    assert accepted(lambda: None)
    assert not accepted(raising(CrackflowError("a.png is empty; replace it")))
    for error in (SeveralError(), LongError()):
        with pytest.raises(Fault):
            accepted(raising(error))
    with pytest.raises(KeyError):
        accepted(raising(KeyError("x")))


def test_what_came_is_counted_and_the_shortest_file_with_a_fault_kept(tmp_path):
    tally = Tally(tmp_path)
    tally.add(b"good", lambda: None)
    tally.add(b"bad", raising(CrackflowError("no")))
    for content in (b"long one", b"short", b"longer still"):
        tally.add(content, raising(KeyError("x")))
    tally.write()
    assert json.loads((tmp_path / "count.json").read_text()) == {"read": 1, "rejected": 1, "faults": {"KeyError": 3}}
    assert (tmp_path / "KeyError.fault").read_bytes() == b"short"
    assert "KeyError: 'x'" in (tmp_path / "KeyError.txt").read_text()

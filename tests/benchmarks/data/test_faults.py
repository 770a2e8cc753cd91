import sys

from benchmarks.data import faults


def test_the_page_says_what_bad_input_is_answered(monkeypatch, capsys):
    """Each fault is tried again: a message that changed makes the page stale."""
    monkeypatch.setattr(sys, "argv", ["faults", "--check"])
    assert faults.main() == 0, capsys.readouterr().out

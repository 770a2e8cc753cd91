import json

from benchmarks.soak import __main__ as soak
from benchmarks.soak.dask_faults import dask_faults
from benchmarks.soak.kills import STAGES, after, kills
from benchmarks.soak.meddling import meddling
from benchmarks.soak.repeated_rebuilds import repeats
from benchmarks.soak.sandbox import Place, Row, last_line
from benchmarks.soak.surroundings import surroundings

ROWS = [
    Row("kill -9 of DVC", "train", "exit code 1 | said", "8 of 8; `crackflow figures` shows it", good=True),
    Row("b", "c", "d", "e", good=False),
]


def test_a_row_that_is_not_as_it_must_be_stands_out():
    text = "# head\n<!-- soak: written by benchmarks.soak -->\nold\n<!-- end of soak -->\ntail\n"
    lines = soak.page(text, ROWS).splitlines()
    assert lines[4] == "| kill -9 of DVC | train | exit code 1 \\| said | 8 of 8 | yes |"
    assert lines[5] == "| b | c | d | e | **no** |"
    assert (lines[0], lines[-1]) == ("# head", "tail")


def test_rows_are_kept_and_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "RESULTS", tmp_path / "soak.json")
    assert soak.read() == []
    soak.write(ROWS)
    assert soak.read() == ROWS
    assert set(json.loads((tmp_path / "soak.json").read_text())) == {"command", "revision", "machine", "rows"}


def test_every_process_is_killed_in_every_stage():
    for target in ("the stage", "DVC", "the watch", "the flow"):
        assert {where for fault, where in kills() if fault == f"kill -9 of {target}"} == set(STAGES)
    for target in ("the worker", "the server"):
        assert {where for fault, where in surroundings() if fault == f"kill -9 of {target}"} == set(STAGES)
    groups = [kills(), surroundings(), meddling(), dask_faults(), repeats()]
    assert len({name for group in groups for name in group}) == sum(len(group) for group in groups)


def test_what_builds_on_a_stage_is_forgotten_with_it(monkeypatch, tmp_path):
    from pipelines.dvc_runner import graph

    stages = [
        graph.Stage(name, upstream, (), settled=True)
        for name, upstream in (("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b",)), ("e", ("c", "d")))
    ]
    monkeypatch.setattr(graph, "read_graph", lambda _: stages)
    assert after(Place(tmp_path, ""), "b") == ["b", "d", "e"]


def test_the_last_word_is_taken_without_prefects_head():
    said = "10:00:01.123 | INFO    | Flow run 'x' - Finished in state Completed()\n10:00 | ERROR | y - a - pity\n\n"
    assert last_line(said) == "pity"
    assert last_line("error: resize: no room\n") == "error: resize: no room"
    assert last_line("error: the server is away\nTraceback\nhttpx.ConnectError: no\n") == "error: the server is away"
    assert last_line("") == ""

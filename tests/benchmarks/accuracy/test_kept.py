from benchmarks.accuracy.kept import Kept


def test_rows_are_there_after_a_stop_and_a_broken_line_is_not(tmp_path):
    path = tmp_path / "state/rows.jsonl"
    kept = Kept(path)
    kept.add("a", {"value": 1})
    kept.add("b", {"value": 2})
    path.write_bytes(path.read_bytes()[:-3])
    assert Kept(path).rows == {"a": {"name": "a", "value": 1}}

import math

import pandas as pd
import pytest

from tasks.outputs import new_folder, remove, write_csv, write_json


def test_json_keeps_order_and_refuses_nan(tmp_path):
    path = tmp_path / "reports" / "a.json"
    write_json(path, {"b": 1, "a": "Riß"})
    assert path.read_text(encoding="utf-8") == '{\n "b": 1,\n "a": "Riß"\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": math.nan})
    assert '"b": 1' in path.read_text()


def test_csv_rounds_to_6_decimals_and_leaves_missing_cells_empty(tmp_path):
    path = tmp_path / "a.csv"
    table = pd.DataFrame({"stem": ["1", "2"], "iou": [2 / 3, math.nan]})
    write_csv(path, table)
    assert path.read_bytes() == b"stem,iou\n1,0.666667\n2,\n"
    write_csv(path, table, header=False)
    assert path.read_bytes() == b"1,0.666667\n2,\n"


def test_a_spreadsheet_computes_no_cell_of_a_csv(tmp_path):
    path = tmp_path / "a.csv"
    write_csv(path, pd.DataFrame({"stem": ["1"], "rejected": ["=cmd|' /C calc'!A0"], "iou": [-0.5]}))
    assert path.read_text() == "stem,rejected,iou\n1,'=cmd|' /C calc'!A0,-0.5\n"


def test_a_new_folder_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").write_text("old")
    with new_folder(path) as folder:
        (folder / "new").write_text("new")
        assert (path / "old").exists()
    assert [found.name for found in path.iterdir()] == ["new"]
    assert [found.name for found in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_the_old_folder_and_no_part(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").write_text("old")

    def fail_half_way():
        with new_folder(path) as folder:
            (folder / "new").write_text("new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert [found.name for found in path.iterdir()] == ["old"]
    assert [found.name for found in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_does_not_get_in(tmp_path):
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "left").write_text("left")
    with new_folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
    assert [found.name for found in (tmp_path / "out").iterdir()] == ["new"]


def test_a_file_a_folder_and_a_link_are_removed_and_what_the_link_leads_to_stays(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "link").symlink_to(kept, target_is_directory=True)
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder/inner").mkdir(parents=True)
    for name in ("link", "file", "folder", "absent"):
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == [kept]

import os
import subprocess

from crackflow.parallel import child_python


def test_it_finds_the_same_modules_and_none_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "known").mkdir()
    (tmp_path / "here/json.py").write_text("raise SystemExit('the folder was asked')\n")
    (tmp_path / "known/ours.py").write_text("WORD = 'ours'\n")
    monkeypatch.syspath_prepend(tmp_path / "known")
    done = subprocess.run(
        child_python.command("import json, sys, ours; print(json.dumps([ours.WORD, *sys.argv[1:]]))", "a"),
        cwd=tmp_path / "here",
        env=child_python.with_own_path(os.environ),
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == '["ours", "a"]\n'

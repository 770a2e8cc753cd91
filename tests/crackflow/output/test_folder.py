"""crackflow/output/folder.py and claim.py; tests/pipelines/commands tries it by the commands that use it."""

import subprocess
import sys
from pathlib import Path

import pytest

from crackflow.errors import DataError
from crackflow.output import manifest
from crackflow.output.claim import claim

SHA = "0" * 64


@pytest.fixture
def inputs(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def run(out, inputs, files, keep_others=False, **options):
    with claim(out, inputs, list(files), command="predict", **options) as folder:
        folder.begin(list(files), SHA, {}, keep_others=keep_others)
        for name, content in files.items():
            folder.write(name, content)
        folder.finish()


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_run_leaves_its_files_and_the_manifest(tmp_path, inputs):
    run(tmp_path / "new/out", inputs, {"a/b": b"1", "c": b"2"})
    assert below(tmp_path / "new/out") == ["a", "a/b", "c", "crackflow-manifest.json"]
    assert [one.path for one in manifest.read_manifest(tmp_path / "new/out").files] == ["a/b", "c"]


def test_a_run_that_writes_nothing_leaves_the_folder_as_it_was(tmp_path, inputs):
    with claim(tmp_path / "new/out", inputs, ["a"], command="predict"):
        assert (tmp_path / "new/out").is_dir()
    assert below(tmp_path) == ["in"]
    (tmp_path / "out").mkdir()
    with claim(tmp_path / "out", inputs, ["a"], command="predict"):
        pass
    assert below(tmp_path) == ["in", "out"]


def test_a_later_run_removes_the_folders_that_it_empties(tmp_path, inputs):
    run(tmp_path / "out", inputs, {"a/b": b"1", "c/d": b"2"})
    (tmp_path / "out/c/mine").touch()
    run(tmp_path / "out", inputs, {"e": b"1"})
    assert below(tmp_path / "out") == ["c", "c/mine", "crackflow-manifest.json", "e"]


def test_a_later_run_can_keep_files_of_other_names_and_they_stay_known(tmp_path, inputs):
    run(tmp_path / "out", inputs, {"a": b"1", "last": b"1"})
    run(tmp_path / "out", inputs, {"b": b"2", "last": b"2"}, keep_others=True)
    assert below(tmp_path / "out") == ["a", "b", "crackflow-manifest.json", "last"]
    found = manifest.read_manifest(tmp_path / "out")
    assert [[one.path for one in files] for files in (found.kept, found.files)] == [["a"], ["b", "last"]]
    # as a file of crackflow's own it can be replaced, and removed
    run(tmp_path / "out", inputs, {"a": b"3", "last": b"3"}, keep_others=True)
    assert (tmp_path / "out/a").read_bytes() == b"3"
    run(tmp_path / "out", inputs, {"last": b"4"})
    assert below(tmp_path / "out") == ["crackflow-manifest.json", "last"]


def test_a_manifest_never_leads_through_a_link_that_came_later(tmp_path, inputs):
    run(tmp_path / "out", inputs, {"a/b": b"1"})
    (tmp_path / "out/a").rename(tmp_path / "theirs")
    (tmp_path / "out/a").symlink_to(tmp_path / "theirs")
    run(tmp_path / "out", inputs, {"c": b"1"})
    assert (tmp_path / "theirs/b").read_bytes() == b"1"


def test_a_file_that_appears_while_a_run_works_is_kept(tmp_path, inputs):
    with claim(tmp_path / "out", inputs, ["a", "b"], command="predict") as folder:
        folder.begin(["a", "b"], SHA, {}, keep_others=False)
        (tmp_path / "out/b").write_text("mine")
        folder.write("a", b"1")
        folder.write("a", b"2")
        with pytest.raises(DataError, match="b was put there while this run worked; move it away"):
            folder.write("b", b"1")
    assert (tmp_path / "out/b").read_text() == "mine"
    assert [one.path for one in manifest.read_manifest(tmp_path / "out").files] == ["a"]


def test_a_folder_that_becomes_a_link_while_a_run_works_is_not_followed(tmp_path, inputs):
    (tmp_path / "theirs").mkdir()
    with claim(tmp_path / "out", inputs, ["a/b"], command="predict", force=True) as folder:
        folder.begin(["a/b"], SHA, {}, keep_others=False)
        (tmp_path / "out/a").symlink_to(tmp_path / "theirs")
        with pytest.raises(DataError, match="is a link now"):
            folder.write("a/b", b"1")
    assert below(tmp_path / "theirs") == []


def test_a_name_that_was_not_announced_is_a_defect(tmp_path, inputs):
    with claim(tmp_path / "out", inputs, ["a"], command="predict") as folder:
        folder.begin(["a"], SHA, {}, keep_others=False)
        with pytest.raises(ValueError, match="b is not among the files"):
            folder.write("b", b"1")


def test_a_damaged_manifest_makes_all_files_the_users(tmp_path, inputs):
    run(tmp_path / "out", inputs, {"a": b"1"})
    (tmp_path / "out" / manifest.NAME).write_text("{")
    with pytest.raises(DataError, match=r"holds 2 files and folders that crackflow did not write \(.* is not what"):
        run(tmp_path / "out", inputs, {"a": b"1"})
    run(tmp_path / "out", inputs, {"a": b"1"}, force=True)
    run(tmp_path / "out", inputs, {"a": b"1"})


@pytest.mark.parametrize("out", ["in", "in/deep/out", ".", "link", "link/out", "in/../in"])
def test_an_overlap_with_the_input_is_rejected_by_whatever_name(tmp_path, inputs, out):
    (tmp_path / "link").symlink_to(inputs)
    with pytest.raises(DataError, match=r"the input .*/in; expected a folder apart from it; try --out "):
        run(tmp_path / out, inputs, {"a": b"1"}, force=True)
    assert below(tmp_path) == ["in", "link"]


def test_a_link_that_leads_to_itself_is_no_folder(tmp_path, inputs):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="loop is no folder; name another --out"):
        run(tmp_path / "loop", inputs, {"a": b"1"})


def test_a_suggestion_with_a_space_is_in_quotes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my photos").mkdir()
    with pytest.raises(DataError, match=r'try --out "my photos-predict"$'):
        run(Path("my photos/out"), Path("my photos"), {"a": b"1"})


def test_the_suggestion_is_a_name_that_is_free(tmp_path, inputs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in-predict").mkdir()
    with pytest.raises(DataError, match=r"try --out in-predict-2$"):
        run(inputs, inputs, {"a": b"1"})
    run(tmp_path / "in-predict-2", inputs, {"a": b"1"})


KILLED_ANYWHERE = """
import os, shutil, signal, sys
from pathlib import Path
from crackflow.output import manifest
from crackflow.output.claim import claim

NAMES = ["masks/a", "masks/b", "last"]
root = Path(sys.argv[1])
(root / "in").mkdir()
out = root / "out"

def run(content):
    with claim(out, root / "in", NAMES, command="predict") as folder:
        folder.begin(NAMES, "0" * 64, {}, keep_others=True)
        for name in NAMES:
            folder.write(name, content)
        folder.finish()

def contents():
    return {name: (out / name).read_bytes() for name in NAMES if (out / name).exists()}

left = 0
def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)

for moment in range(1, 1000):
    shutil.rmtree(out, ignore_errors=True)
    run(b"old")
    for name in ("notes", "masks/mine"):
        (out / name).write_bytes(b"mine")
    child = os.fork()
    if child == 0:
        left = moment
        run(b"new")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    found = contents()
    assert set(found.values()) <= {b"old", b"new"}, (moment, found)
    if "last" in found:
        assert set(found) == set(NAMES) and len(set(found.values())) == 1, (moment, found)
    assert manifest.read_manifest(out).command == "predict", moment
    run(b"next")
    assert contents() == dict.fromkeys(NAMES, b"next"), (moment, contents())
    assert (out / "notes").read_bytes() == (out / "masks/mine").read_bytes() == b"mine", moment
    assert {path.name for path in out.iterdir()} == {"crackflow-manifest.json", "last", "masks", "notes"}, moment
    assert {path.name for path in (out / "masks").iterdir()} == {"a", "b", "mine"}, moment
    if status == 0:
        print(moment)
        break
"""


def test_a_kill_at_any_moment_leaves_whole_files_and_a_folder_that_the_next_run_takes(tmp_path):
    """SIGKILL before each opening, renaming, removing and making of a file or folder, one after the other."""
    run = subprocess.run([sys.executable, "-c", KILLED_ANYWHERE, tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 30


def test_files_of_an_earlier_run_are_taken_over(tmp_path, inputs):
    out, names = tmp_path / "out", ["masks/a", "masks/b", "summary"]
    run(out, inputs, dict.fromkeys(names, b"old"))
    before = (out / "masks/a").stat()
    with claim(out, inputs, names, command="predict") as folder:
        assert all(folder.holds(name) for name in names)
        folder.begin(names, SHA, {}, keep_others=True, reuse=["masks/a"])
        assert below(out / "masks") == ["a"]
        assert not (out / "summary").exists()
        # killed here, the manifest alone tells whose the file is
        assert [one.path for one in manifest.read_manifest(out).files] == ["masks/a"]
        for name in names[1:]:
            folder.write(name, b"new")
        assert [folder.read(name) for name in names] == [b"old", b"new", b"new"]
        folder.finish()
    assert (out / "masks/a").stat().st_ino == before.st_ino
    found = manifest.read_manifest(out)
    assert [one.path for one in found.files] == names
    assert found.kept == ()
    assert all(manifest.unchanged(out, one) for one in found.files)


def test_a_file_that_was_changed_or_never_written_is_not_held(tmp_path, inputs):
    run(tmp_path / "out", inputs, {"a": b"a", "b": b"b"})
    (tmp_path / "out/b").unlink()
    with claim(tmp_path / "out", inputs, ["a", "b", "c"], command="predict") as folder:
        assert [folder.holds(name) for name in ("a", "b", "c")] == [True, False, False]
        (tmp_path / "out/a").write_bytes(b"mine")
        assert not folder.holds("a")
        with pytest.raises(DataError, match="changed or removed while this run worked"):
            folder.read("a")


def test_a_file_of_the_user_that_is_called_as_a_part_stays(tmp_path, inputs):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.a.part").write_bytes(b"mine")
    run(tmp_path / "out", inputs, {"a": b"1"}, force=True)
    assert (tmp_path / "out/.a.part").read_bytes() == b"mine"
    assert below(tmp_path / "out") == [".a.part", "a", "crackflow-manifest.json"]


def test_results_of_another_input_are_told_by_place_and_content(tmp_path):
    for name, text in (("a", "one"), ("b", "two"), ("copy", "one")):
        (tmp_path / name).write_text(text)
    out = tmp_path / "out"
    with claim(out, tmp_path / "a", ["x", "y"], command="predict") as folder:
        folder.begin(["x", "y"], SHA, {}, keep_others=True)
        folder.write("x", b"1", manifest.source_of(tmp_path / "a"))
        folder.write("y", b"2")
        folder.finish()

    def of_others(*made_from, force=False):
        with claim(out, tmp_path / "a", ["x", "y"], command="predict", force=force) as folder:
            return folder.of_others(dict.fromkeys(("x", "y", "z"), made_from))

    assert of_others(tmp_path / "a") == []
    assert of_others(tmp_path / "copy") == []
    assert of_others(tmp_path / "b") == ["x"]
    assert of_others(tmp_path / "b", force=True) == []
    # an order is part of it
    assert of_others(tmp_path / "a", tmp_path / "b") == ["x"]
    # a file that is gone is no other one; nor is one whose content is new
    assert of_others(tmp_path / "gone") == []
    (tmp_path / "a").write_text("three")
    assert of_others(tmp_path / "a") == []
    assert of_others(tmp_path / "copy") == []

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from crackflow.errors import DataError
from crackflow.inference import inputs
from crackflow.inference.photographs import Photograph


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """photos/ with two photographs, more/ in it, and other files; the work folder is apart."""
    monkeypatch.chdir(tmp_path)
    for name in ("photos/b.JPG", "photos/a.png", "photos/notes.txt", "photos/.hidden.png", "photos/more/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "work").mkdir()
    return tmp_path


def find(tree, *given, **options):
    return inputs.find(given, work=tree / "work", **options)


def names(found):
    return [photo.name for photo in found.photos]


def test_a_folder_gives_its_own_photographs_sorted(tree):
    found = find(tree, "photos")
    assert [photo.shown for photo in found.photos] == ["a.png", "b.JPG"]
    # notes.txt and more/
    assert (found.passed_over, found.skipped) == (2, ())


def test_recursive_names_follow_the_folders_and_links_are_not_followed(tree):
    (tree / "photos/loop").symlink_to(tree / "photos")
    (tree / "photos/.git").mkdir()
    (tree / "photos/.git/d.png").write_bytes(b"")
    found = find(tree, "photos", recursive=True)
    assert names(found) == ["a", "b", "more/c"]
    assert [photo.shown for photo in found.photos] == ["a.png", "b.JPG", "more/c.png"]


def test_several_folders_keep_their_results_apart(tree):
    (tree / "other").mkdir()
    (tree / "other/a.png").write_bytes(b"")
    assert names(find(tree, "photos", "other")) == ["photos/a", "photos/b", "other/a"]


def test_a_file_is_itself_whatever_its_name_and_counts_once(tree):
    (tree / "photo").write_bytes(b"")
    found = find(tree, "photo", "photo", "photos/a.png")
    assert found.photos[0] == Photograph(tree.relative_to(tree) / "photo", "photo", "photo")
    assert names(found) == ["photo", "a"]


def test_files_of_one_name_are_called_by_their_folders(tree):
    (tree / "photos/more/a.png").write_bytes(b"")
    assert names(find(tree, "photos/a.png", "photos/more/a.png")) == ["photos/a", "more/a"]


def test_a_pattern_gives_what_fits_and_is_a_photograph(tree):
    assert names(find(tree, "photos/*")) == ["a", "b"]
    assert names(find(tree, "photos/**/*.png")) == ["a", "c"]
    with pytest.raises(DataError, match=r"no file fits photos/\*\.tif"):
        find(tree, "photos/*.tif")


def test_a_file_with_brackets_in_its_name_is_no_pattern(tree):
    (tree / "photos/[1].png").write_bytes(b"")
    assert names(find(tree, "photos/[1].png")) == ["[1]"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_a_list_on_standard_input(tree, end):
    assert names(find(tree, "-", listed=b"photos/a.png" + end + b"photos/b.JPG" + end)) == ["a", "b"]


def test_what_is_on_the_list_and_not_there_is_told_and_the_others_are_done(tree):
    found = find(tree, "-", listed=b"photos/nowhere.png\nphotos/a.png")
    assert names(found) == ["a"]
    assert found.skipped == ("photos/nowhere.png is not there; it was on the list of standard input",)
    with pytest.raises(DataError, match="list on standard input is empty"):
        find(tree, "-", listed=b"\n")


def test_names_that_can_not_be_told_line_by_line_are_skipped(tree):
    listed = [b"photos/two\nlines.png", b"photos/latin\xe9.png", b"photos/" + b"x" * 240 + b".png", b"photos/a.png"]
    for name in listed:
        (tree / os.fsdecode(name)).write_bytes(b"")
    found = find(tree, "-", listed=b"\0".join(listed))
    assert names(found) == ["a"]
    why = "has a name with line breaks, backslashes or bytes that are no text; rename it"
    assert list(found.skipped) == [
        f"two\ufffdlines.png {why}",
        f"latin\ufffd.png {why}",
        f"{'x' * 240}.png has a name of more than 200 bytes; shorten it",
    ]


def test_pipes_and_devices_are_told_and_never_opened(tree):
    os.mkfifo("photos/pipe.png")
    found = find(tree, "photos", "/dev/null")
    assert set(found.skipped) == {"pipe.png is a pipe, expected a file", "null is a device, expected a file"}
    assert names(found) == ["a", "b"]
    with pytest.raises(DataError, match=r"no photographs in /dev/null; .* left out: null is a device"):
        find(tree, "/dev/null")


def test_a_zip_is_unpacked_and_its_folders_are_looked_into(tree):
    with zipfile.ZipFile("set.zip", "w") as archive:
        for name in ("a.png", "deeper/b.png", "notes.txt", "__MACOSX/a.png", "what?.png"):
            archive.writestr(name, b"")
    found = find(tree, "set.zip")
    assert names(found) == ["a", "deeper/b"]
    assert all(photo.path.is_file() for photo in found.photos)
    assert found.passed_over == 1
    assert sorted(found.skipped) == [
        "__MACOSX/a.png in set.zip is a hidden or OS metadata file",
        "what?.png in set.zip has a name that Windows, macOS or Linux can't store; rename it",
    ]
    assert [place.name for place in found.places] == ["set.zip"]


def test_places_are_what_is_read(tree):
    assert list(find(tree, "photos/a.png", "photos/b.JPG", "photos/more").places) == [
        tree.relative_to(tree) / "photos/a.png",
        tree.relative_to(tree) / "photos/more",
    ]


def test_a_dangerous_zip_is_rejected(tree):
    with zipfile.ZipFile("bad.zip", "w") as archive:
        archive.writestr("../out.png", b"")
    with pytest.raises(DataError, match="would be written outside the target folder"):
        find(tree, "bad.zip")
    assert not (tree / "out.png").exists()


def test_nothing_to_predict_is_rejected(tree):
    (tree / "empty").mkdir()
    with pytest.raises(DataError, match=r"no photographs in empty; expected files that end in \.jpg"):
        find(tree, "empty")
    with pytest.raises(DataError, match="no photograph and no folder at nowhere"):
        find(tree, "photos", "nowhere")


def test_what_may_have_been_meant_is_said(tree):
    for text, meant in (("Photo", "photos"), ("photos/B.jpeg", "photos/b.JPG")):
        with pytest.raises(DataError, match=rf"at {text}; expected one of the two; did you mean {meant}\?$"):
            find(tree, text)
    # names of files that a run may not read are none of its business
    with pytest.raises(DataError, match=r"expected one of the two$"):
        find(tree, "Photo", permit=lambda path: None)
    for text in ("photos/hidden.png", "no/folder/a.png", "a\0b"):
        with pytest.raises(DataError, match=r"expected one of the two$"):
            find(tree, text)


def test_folders_that_are_not_looked_into_are_told_where_nothing_is_found(tree):
    for name in ("trip/day1", "trip/day2"):
        (tree / name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"no photographs in trip; .*; --recursive looks into the 2 folders in it too$"):
        find(tree, "trip")


def test_two_photographs_of_one_name_are_rejected(tree):
    (tree / "photos/a.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.jpg and photos/a\.png would write the same mask; rename one"):
        find(tree, "photos")


# Root may read all unless the next program has neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH.
FOUND_BY_A_USER = """
import ctypes, os, sys
if not os.getuid():
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
    if sys.argv[1:] == ["again"]:
        os.execv(sys.executable, [sys.executable, "-c", os.environ["PROGRAM"]])
from crackflow.inference.inputs import find
found = find(["set"], recursive=True)
print([photo.name for photo in found.photos], found.skipped)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize("mode", [0, 0o600])
def test_a_folder_that_can_not_be_read_is_skipped_and_the_others_are_done(tmp_path, mode):
    for name in ("set/a/1.jpg", "set/b/c/2.jpg", "set/d/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    closed = tmp_path / "set/b"
    closed.chmod(mode)
    run = subprocess.run(
        [sys.executable, "-c", FOUND_BY_A_USER, "again"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PROGRAM": FOUND_BY_A_USER},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    closed.chmod(0o700)
    assert run.stdout == """['a/1', 'd/3'] ("the folder set/b can't be read: Permission denied",)\n""", run.stderr

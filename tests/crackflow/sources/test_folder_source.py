import zipfile
from pathlib import Path

import pytest

from crackflow.errors import DataError
from crackflow.params import DataParams
from crackflow.sources.folder_source import FolderSource
from crackflow.sources.source import Fetched, Origin


def folder_source(root, path, **more):
    return FolderSource(DataParams(source="folder", path=path, **more), root)


def test_a_folder_is_used_where_it_lies(tmp_path):
    (tmp_path / "photos").mkdir()
    source = folder_source(tmp_path, "photos")
    assert source.fetch(tmp_path / "work") == Fetched(tmp_path / "photos")
    assert source.origin() == Origin("the folder photos", "photos", None)
    assert source.local_path() == Path("photos")
    assert source.account() is None


def test_a_zip_is_unpacked_into_the_work_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("images/a.png", b"1")
        archive.writestr("notes.txt", b"2")
    fetched = folder_source(tmp_path, "set.zip").fetch(tmp_path / "work")
    assert fetched.folder == tmp_path / "work/set.zip"
    assert [path.name for path in fetched.folder.rglob("*.*")] == ["a.png"]
    assert [tuple(one) for one in fetched.left_out] == [("notes.txt", "is not an image file")]


def test_the_limits_of_an_archive_hold(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("images/a.png", b"1" * 2000)
    with pytest.raises(DataError, match=r"expected at most 1e-06"):
        folder_source(tmp_path, "set.zip", archive={"max_gib": 1e-6}).fetch(tmp_path / "work")


def test_a_path_may_begin_at_home_or_at_the_root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert folder_source(tmp_path, "~/photos").fetch(tmp_path).folder == tmp_path / "home/photos"
    assert folder_source(tmp_path, "/photos").fetch(tmp_path).folder == Path("/photos")


def one_set(root):
    for name in ("images/1.png", "masks/1.png"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(bytes(10))


def test_several_sets_lie_where_they_are_or_in_the_work_folder(tmp_path):
    one_set(tmp_path / "photos/walls")
    with zipfile.ZipFile(tmp_path / "photos/roads.zip", "w") as archive:
        archive.writestr("images/1.png", b"1")
    fetched = folder_source(tmp_path, "photos").fetch(tmp_path / "work")
    assert fetched.folder == tmp_path / "photos"
    assert [(one.name, one.folder) for one in fetched.sets] == [
        ("roads", tmp_path / "work/sets/roads"),
        ("walls", tmp_path / "photos/walls"),
    ]


def test_a_zip_alone_in_a_folder_is_one_set(tmp_path):
    (tmp_path / "photos").mkdir()
    with zipfile.ZipFile(tmp_path / "photos/set.zip", "w") as archive:
        archive.writestr("images/a.png", b"1")
        archive.writestr("notes.txt", b"2")
    fetched = folder_source(tmp_path, "photos").fetch(tmp_path / "work")
    assert (fetched.folder, fetched.sets) == (tmp_path / "work/sets/set", ())
    assert [one.name for one in fetched.left_out] == ["notes.txt"]


def test_sets_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("walls", "roads"):
            archive.writestr(f"{name}/images/1.png", b"1")
            archive.writestr(f"{name}/masks/1.png", b"1")
    fetched = folder_source(tmp_path, "all.zip").fetch(tmp_path / "work")
    assert fetched.folder == tmp_path / "work/all.zip"
    assert [one.path for one in fetched.sets] == ["roads", "walls"]


def test_what_links_lead_to_counts_too(tmp_path):
    one_set(tmp_path / "elsewhere")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/walls").symlink_to("../elsewhere")
    assert folder_source(tmp_path, "photos").disk_bytes() == 5 * 20


@pytest.mark.parametrize(("path", "size"), [("photos", 5 * 1010), ("photos.zip", 500), ("absent", 0)])
def test_outputs_are_estimated_at_five_times_the_photographs(tmp_path, path, size):
    (tmp_path / "photos/images").mkdir(parents=True)
    (tmp_path / "photos/images/a.jpg").write_bytes(bytes(1000))
    (tmp_path / "photos/b.jpg").write_bytes(bytes(10))
    (tmp_path / "photos.zip").write_bytes(bytes(100))
    assert folder_source(tmp_path, path).disk_bytes() == size

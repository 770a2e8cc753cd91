"""Real git work trees over folders of photographs that are reached through links."""

import json
import shutil

import pytest

from crackflow.errors import DataError
from crackflow.params import DataParams, Params, render
from pipelines.flows.shared_photographs import LIST
from pipelines.flows.work_tree import prepare
from pipelines.git import git


@pytest.fixture
def checkout(repository):
    """A repository whose data.path is data/current, which is not there yet."""
    root = repository
    (root / ".gitignore").write_text(".crackflow/\n/data/*\n!/data/current\n")
    (root / "params.yaml").write_text(render(Params(data=DataParams(source="folder", path="data/current"))))
    commit(root)
    return root


def commit(root):
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "a state")


def photographs(folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f"{folder.name}/{name}")


def contents(folder):
    """Each file of a folder: is it a link, how many names has it, what does it hold."""
    return {path.name: (path.is_symlink(), path.stat().st_nlink, path.read_text()) for path in folder.iterdir()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def point(root, target):
    link = root / "data/current"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


@pytest.mark.parametrize("committed", [False, True], ids=["edited", "committed"])
def test_originals_behind_a_link_stay_when_it_is_pointed_elsewhere(checkout, tmp_path, committed):
    photographs(tmp_path / "first", "a.png", "b.png")
    photographs(tmp_path / "second", "c.png")
    before = {name: contents(tmp_path / name) for name in ("first", "second")}
    point(checkout, tmp_path / "first")
    commit(checkout)
    tree = prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["a.png", "b.png"]
    point(checkout, tmp_path / "second")
    if committed:
        commit(checkout)
    prepare(checkout, "HEAD")
    assert names(tree / "data/current") == (["c.png"] if committed else ["a.png", "b.png"])
    prepare(checkout, "HEAD~1" if committed else "HEAD")
    assert names(tree / "data/current") == ["a.png", "b.png"]
    assert {name: contents(tmp_path / name) for name in ("first", "second")} == before


def test_a_link_inside_the_checkout_is_followed_as_the_revision_has_it(checkout):
    photographs(checkout / "data/first", "a.png")
    photographs(checkout / "data/second", "c.png")
    point(checkout, "first")
    commit(checkout)
    tree = prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["a.png"]
    point(checkout, "second")
    prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["a.png"]
    commit(checkout)
    prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["c.png"]
    assert not (tree / "data/first").exists()
    assert [(checkout / "data" / name).read_text() for name in ("first/a.png", "second/c.png")] == [
        "first/a.png",
        "second/c.png",
    ]


def test_a_folder_that_becomes_a_link_and_a_folder_again_loses_nothing(checkout, tmp_path):
    photographs(checkout / "data/current", "a.png")
    tree = prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["a.png"]
    shutil.move(checkout / "data/current", tmp_path / "moved")
    point(checkout, tmp_path / "moved")
    commit(checkout)
    prepare(checkout, "HEAD")
    assert (tree / "data/current").is_symlink()
    assert names(tmp_path / "moved") == ["a.png"]
    prepare(checkout, "HEAD~1")
    assert names(tree / "data/current") == ["a.png"]
    assert not (tree / "data/current").is_symlink()
    assert (tmp_path / "moved/a.png").read_text() == "current/a.png"


def test_a_link_that_git_does_not_know_may_be_pointed_elsewhere(checkout, tmp_path):
    (checkout / ".gitignore").write_text(".crackflow/\n/data/\n")
    commit(checkout)
    photographs(tmp_path / "first", "a.png", "b.png")
    photographs(tmp_path / "second", "b.png")
    point(checkout, tmp_path / "first")
    tree = prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["a.png", "b.png"]
    point(checkout, tmp_path / "second")
    prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["b.png"]
    assert (tree / "data/current/b.png").read_text() == "second/b.png"
    assert names(tmp_path / "first") == ["a.png", "b.png"]
    assert (tmp_path / "first/b.png").read_text() == "first/b.png"


def test_a_photograph_that_is_a_link_of_dvc_is_shared_as_the_file_that_it_names(checkout, tmp_path):
    photographs(tmp_path / "store", "a.png")
    (checkout / "data/current").mkdir(parents=True)
    (checkout / "data/current/a.png").symlink_to("../../../store/a.png")
    with pytest.raises(DataError, match=r"a\.png is a link to .*, which lies outside"):
        prepare(checkout, "HEAD")
    (checkout / "data/current.dvc").write_text("outs: []\n")
    tree = prepare(checkout, "HEAD")
    assert (tree / "data/current/a.png").read_text() == "store/a.png"
    (checkout / "data/current/a.png").unlink()
    prepare(checkout, "HEAD")
    assert not (tree / "data/current").exists()
    assert names(tmp_path / "store") == ["a.png"]


def test_a_set_behind_a_link_is_shared_as_its_files(checkout, tmp_path):
    photographs(tmp_path / "store/images", "a.png")
    photographs(checkout / "data/current/walls/images", "b.png")
    (checkout / "data/current/roads").symlink_to(tmp_path / "store")
    tree = prepare(checkout, "HEAD")
    assert (tree / "data/current/roads/images/a.png").read_text() == "images/a.png"
    assert not (tree / "data/current/roads").is_symlink()
    assert names(tree / "data/current") == ["roads", "walls"]
    (checkout / "data/current/roads").unlink()
    prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["walls"]
    assert (tmp_path / "store/images/a.png").read_text() == "images/a.png"


def test_a_set_behind_a_link_of_the_revision_is_read_there(checkout, tmp_path):
    photographs(tmp_path / "store/images", "a.png")
    photographs(checkout / "data/current/walls/images", "b.png")
    (checkout / "data/current/roads").symlink_to(tmp_path / "store")
    commit(checkout)
    tree = prepare(checkout, "HEAD")
    assert (tree / "data/current/roads").is_symlink()
    assert json.loads((tree / LIST).read_text()) == []
    prepare(checkout, "HEAD")
    assert names(tmp_path / "store/images") == ["a.png"]


def test_what_neither_git_nor_a_run_put_there_is_kept_and_said(checkout):
    photographs(checkout / "data/current", "a.png")
    tree = prepare(checkout, "HEAD")
    (tree / "data/current/mine.png").write_text("mine")
    with pytest.raises(DataError, match=r"mine\.png is neither in git .*; move it away .*, delete \S+/scheduled once"):
        prepare(checkout, "HEAD")
    assert names(tree / "data/current") == ["a.png", "mine.png"]
    (tree / "data/current/mine.png").unlink()
    prepare(checkout, "HEAD")


@pytest.mark.parametrize("left", [None, "", "{", '["../../../first/a.png", 3]'])
def test_a_list_that_is_lost_or_spoilt_deletes_nothing_elsewhere(checkout, tmp_path, left):
    photographs(tmp_path / "first", "a.png")
    photographs(checkout / "data/current", "a.png")
    tree = prepare(checkout, "HEAD")
    (tree / LIST).unlink() if left is None else (tree / LIST).write_text(left)
    prepare(checkout, "HEAD")
    assert json.loads((tree / LIST).read_text()) == ["data/current/a.png"]
    assert names(tmp_path / "first") == ["a.png"]


def test_a_link_of_the_revision_within_the_folder_is_not_written_through(checkout, tmp_path):
    photographs(tmp_path / "first", "a.png")
    (checkout / "data/current").mkdir(parents=True)
    (checkout / "data/current/images").symlink_to(tmp_path / "first")
    commit(checkout)
    tree = prepare(checkout, "HEAD")
    (checkout / "data/current/images").unlink()
    photographs(checkout / "data/current/images", "c.png")
    with pytest.raises(DataError, match="images is a folder in the checkout and not in the revision"):
        prepare(checkout, "HEAD")
    assert names(tmp_path / "first") == ["a.png"]
    assert (tree / "data/current/images").is_symlink()


@pytest.mark.parametrize("target", ["..", "../.crackflow", "../.dvc"])
def test_a_link_to_what_holds_more_than_photographs_is_rejected(checkout, target):
    point(checkout, target)
    commit(checkout)
    (checkout / ".crackflow").mkdir(exist_ok=True)
    with pytest.raises(DataError, match=r"data\.path is data/current, expected a folder or a zip file"):
        prepare(checkout, "HEAD")


def test_a_link_that_leads_to_itself_is_said(checkout):
    point(checkout, "current")
    commit(checkout)
    with pytest.raises(DataError, match="a link that leads to itself"):
        prepare(checkout, "HEAD")

import os

import pytest

from crackflow.params import Params, render
from pipelines.doctor.photograph_checks import AGAIN, photographs
from tasks.workspace import Workspace


def lay(root):
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
        (root / kind / "1.png").write_text("x")
    return root


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "params.yaml").write_text(render(Params.model_validate({"data": {"source": "folder", "path": "sets"}})))
    return folder


def looked(root):
    (found,) = photographs(root)
    return found.state, found.found


def test_sources_that_read_no_folder_are_not_looked_at(root):
    (root / "params.yaml").write_text(render(Params()))
    assert photographs(root) == []
    (root / "params.yaml").write_text("data: [")
    assert photographs(root) == []


def test_a_folder_or_zip_that_is_there_or_not(root):
    assert looked(root) == ("fault", "sets is not there")
    (root / "sets").write_text("zip")
    assert looked(root) == ("ok", "the zip sets")
    (root / "sets").unlink()
    lay(root / "sets")
    assert looked(root) == ("ok", "the folder sets")


def test_sets_are_named_and_a_bad_one_is_a_fault(root):
    lay(root / "sets/walls")
    lay(root / "sets/roads")
    assert looked(root) == ("ok", "2 sets in sets: roads, walls")
    (root / "sets/bridges").symlink_to("gone")
    state, words = looked(root)
    assert state == "fault"
    assert words.endswith("sets/bridges is a link to gone, which is not there; mount it, or remove the link")


def test_a_change_behind_a_link_is_a_warning_until_the_download_ran_again(root, tmp_path):
    lay(root / "sets/walls")
    (root / "sets/roads").symlink_to(lay(tmp_path / "elsewhere"))
    ran = Workspace(root).ran("download")
    ran.parent.mkdir(parents=True)
    ran.touch()
    newest = ran.stat().st_mtime + 10
    os.utime(ran, (newest, newest))
    assert looked(root) == ("ok", "2 sets in sets: roads, walls")
    os.utime(root / "sets/walls/images/1.png", (newest + 1, newest + 1))
    # DVC sees that one by itself
    assert looked(root) == ("ok", "2 sets in sets: roads, walls")
    os.utime(tmp_path / "elsewhere/images", (newest + 1, newest + 1))
    (found,) = photographs(root)
    assert (found.state, found.advice) == ("warning", AGAIN)
    assert found.found == "2 sets in sets: roads, walls; changed since the download: roads"
    os.utime(ran, (newest + 2, newest + 2))
    assert looked(root) == ("ok", "2 sets in sets: roads, walls")

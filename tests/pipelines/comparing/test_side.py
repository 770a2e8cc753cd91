import shutil

import pytest

from crackflow.errors import DataError
from pipelines.comparing.side import WORKSPACE, Side, find, uncommitted
from pipelines.git import GitError, git


def test_a_name_is_a_commit_an_experiment_or_a_folder(repository, tmp_path):
    commit = repository.git("rev-parse", "main")
    assert find(repository.root, "main").commit == commit
    # as DVC keeps them: refs/exps/, the commit they start from, their name
    repository.git("update-ref", "refs/exps/ab/cdef/brisk-yawl", commit)
    experiment = find(repository.root, "brisk-yawl")
    assert (experiment.commit, experiment.name) == (commit, "brisk-yawl")
    folder = find(repository.root, str(tmp_path))
    assert (folder.root, folder.commit) == (tmp_path, None)
    assert find(repository.root, None).name == WORKSPACE


@pytest.mark.parametrize("name", ["nowhere", "--all", "exps"])
def test_a_name_that_means_nothing(repository, name):
    expected = r"names no commit in .*; expected a branch, .*, the name of an experiment \(`dvc exp show`\) or a folder"
    with pytest.raises(GitError, match=expected):
        find(repository.root, name)


def test_without_a_repository_there_is_no_commit(repository):
    shutil.rmtree(repository.root / ".git")
    with pytest.raises(GitError, match="is in no git repository"):
        find(repository.root, "main")


def test_what_a_commit_holds_is_read_and_nothing_is_checked_out(repository):
    before = repository.git("status", "--porcelain")
    side = find(repository.root, "main")
    assert side.params()["train"]["epochs"] == 4
    assert side.figures()["crack"]["pooled"]["iou"] == 0.4324
    assert list(side.table("reports/per_image.csv", ("stem", "fp"))["fp"]) == [50, 0, 5, 20]
    assert len(side.locked("data/split.csv")["md5"]) == 32
    assert side.locked("data/raw") == {}
    assert repository.git("status", "--porcelain") == before


def test_a_table_without_a_column(repository):
    repository.write("reports/per_image.csv", "stem,tp\na,1\n")
    expected = "reports/per_image.csv of the working files has no column fp, expected stem, fp; rebuild it"
    with pytest.raises(DataError, match=expected):
        find(repository.root, None).table("reports/per_image.csv", ("stem", "fp"))


def test_a_table_that_is_none(repository):
    repository.write("reports/per_image.csv", "")
    with pytest.raises(DataError, match=r"reports/per_image\.csv of the working files can't be used"):
        find(repository.root, None).table("reports/per_image.csv", ("stem",))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,1,2,3,0.5\na,1,2,3,0.5", "names a twice, expected an image once"),
        ("a,-1,2,3,0.5", "holds -1 as tp, expected a count of pixels"),
        ("a,1,2.5,3,0.5", "holds 2.5 as fp, expected a count of pixels"),
        ("a,1,inf,3,0.5", "holds inf as fp, expected a count of pixels"),
        ("a,1,2,many,0.5", "holds many as fn, expected a count of pixels"),
        ("a,1,2,3,5.5", "holds 5.5 as tolerant_f1, expected a figure from 0 to 1"),
    ],
)
def test_a_table_that_no_evaluation_wrote(repository, row, message):
    repository.write("reports/per_image.csv", f"stem,tp,fp,fn,tolerant_f1\n{row}\nb,0,0,0,\n")
    with pytest.raises(DataError, match=rf"reports/per_image\.csv of the working files {message}; rebuild it"):
        find(repository.root, None).table("reports/per_image.csv", ("stem", "tp", "fp", "fn"), ("tolerant_f1",))


def test_a_folder_without_dvc_has_what_lies_there(repository, tmp_path):
    side = find(repository.root, str(tmp_path))
    assert side.figures() == {}
    with pytest.raises(DataError, match=r"reports/per_image.csv of .* is in no work tree.*; `dvc repro` makes it"):
        side.content("reports/per_image.csv")


def test_a_folder_that_is_named_runs_none_of_its_own_programs(repository, tmp_path, monkeypatch):
    """git runs what core.fsmonitor of a repository names, for instance in an unpacked archive of somebody else's."""
    monkeypatch.chdir(repository.root)
    foreign = tmp_path / "foreign"
    shutil.copytree(repository.root, foreign)
    hook = tmp_path / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(foreign, "config", "core.fsmonitor", str(hook))
    assert not uncommitted(find(repository.root, str(foreign)))
    assert not (tmp_path / "ran").exists()
    monkeypatch.chdir(foreign)
    uncommitted(find(foreign, None))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", ["stages: 3", "stages: {split: 3}", "stages: {split: {outs: [3]}}", "stages: [a]"])
def test_a_dvc_lock_that_dvc_did_not_write_is_one_line(tmp_path, content):
    (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(DataError, match="is not what DVC writes, expected stages with their outs; put it back"):
        Side(tmp_path, None, "here").locked("data/split.csv")

import os

import pytest

from pipelines.git import GitError, NoRepositoryError, commit_of, contains, git, shown


@pytest.fixture
def repository(tmp_path, under_git):
    under_git(tmp_path)
    (tmp_path / "sub").mkdir()
    for number in (1, 2):
        (tmp_path / "sub/file.txt").write_text(f"{number}\n\n")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "-m", f"commit {number}")
    return tmp_path


@pytest.fixture
def somebody_elses(tmp_path, under_git, monkeypatch):
    root = tmp_path / "theirs"
    root.mkdir()
    under_git(root)
    git(root, "commit", "--quiet", "--allow-empty", "-m", "theirs")
    for name, value in {"DIR": root / ".git", "WORK_TREE": root, "INDEX_FILE": root / ".git/index"}.items():
        monkeypatch.setenv(f"GIT_{name}", str(value))


@pytest.mark.usefixtures("somebody_elses")
def test_a_repository_that_the_environment_names_is_not_asked(tmp_path, under_git):
    own = tmp_path / "own"
    own.mkdir()
    under_git(own)
    git(own, "commit", "--quiet", "--allow-empty", "-m", "own")
    assert git(own, "log", "--format=%s") == "own"
    assert git(tmp_path / "theirs", "log", "--format=%s") == "theirs"


def test_it_gives_what_git_prints_less_one_line_end(repository):
    assert git(repository, "log", "--format=%s") == "commit 2\ncommit 1"


def test_what_git_refuses_is_one_line(repository):
    with pytest.raises(GitError, match=r"^git checkout in .*: error: pathspec 'nowhere' did not match"):
        git(repository, "checkout", "nowhere")


def test_a_revision_is_a_commit(repository):
    assert commit_of(repository, "main") == git(repository, "rev-parse", "HEAD")
    for nothing in ("nowhere", "HEAD:sub", "--help", ""):
        with pytest.raises(GitError, match="names no commit"):
            commit_of(repository, nothing)


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NoRepositoryError, match=r"^/.* is in no git repository, expected one with a commit: git init"):
        commit_of(tmp_path, "HEAD")


@pytest.mark.parametrize("arguments", [("rev-parse", "HEAD"), ("diff", "--name-only", "--relative", "HEAD", "--")])
def test_another_users_repository_is_named_with_what_to_do(repository, monkeypatch, arguments):
    # git's own switch to be tested with
    as_another = {**os.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    monkeypatch.setattr("pipelines.git.child_environment", lambda: as_another)
    words = r"belongs to another user, so git does not use it; .*: git config --global --add safe\.directory '/.*'$"
    with pytest.raises(NoRepositoryError, match=words):
        git(repository, *arguments)
    with pytest.raises(NoRepositoryError, match=words):
        commit_of(repository, "main")


def test_names_that_are_no_utf_8_are_read(repository):
    name = os.fsdecode(b"caf\xe9.txt")
    (repository / name).write_text("")
    git(repository, "add", "--all")
    assert git(repository, "diff", "--cached", "--name-only", "-z").split("\0")[0] == name


def test_a_file_is_shown_as_a_revision_has_it(repository):
    assert shown(repository, "HEAD~1", "sub/file.txt") == "1\n"
    assert shown(repository / "sub", "HEAD", "file.txt") == "2\n"
    assert shown(repository, "HEAD", "absent.txt") is None
    assert shown(repository, "nowhere", "sub/file.txt") is None


def test_what_comes_before_is_contained(repository):
    assert contains(repository, "HEAD~1", "HEAD")
    assert contains(repository, "HEAD", "HEAD")
    assert not contains(repository, "HEAD", "HEAD~1")

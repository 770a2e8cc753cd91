import pytest

from pipelines.git import GitError, commit_of, contains, git, shown


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
    with pytest.raises(GitError, match="expected a branch, tag or commit of a git repository"):
        commit_of(tmp_path, "HEAD")


def test_a_file_is_shown_as_a_revision_has_it(repository):
    assert shown(repository, "HEAD~1", "sub/file.txt") == "1\n"
    assert shown(repository / "sub", "HEAD", "file.txt") == "2\n"
    assert shown(repository, "HEAD", "absent.txt") is None
    assert shown(repository, "nowhere", "sub/file.txt") is None


def test_what_comes_before_is_contained(repository):
    assert contains(repository, "HEAD~1", "HEAD")
    assert contains(repository, "HEAD", "HEAD")
    assert not contains(repository, "HEAD", "HEAD~1")

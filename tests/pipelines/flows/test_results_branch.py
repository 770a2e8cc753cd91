import pytest

from pipelines.flows.results_branch import BRANCH, commit, dirty
from pipelines.git import GitError, commit_of, git


@pytest.fixture
def checkout(tmp_path, under_git, monkeypatch):
    for who in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{who}_{what}", raising=False)
    root = tmp_path / "checkout"
    root.mkdir()
    under_git(root)
    (root / "dvc.lock").write_text("0\n")
    (root / "code.py").write_text("0\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    return root


def run(root, text):
    (root / "dvc.lock").write_text(text)
    return commit(root, f"results {text}")


def parents(root, revision):
    return git(root, "rev-list", "--parents", "-n", "1", revision).split()[1:]


def test_results_go_to_a_branch_and_nothing_else_moves(checkout):
    head = commit_of(checkout, "HEAD")
    made = run(checkout, "1\n")
    assert commit_of(checkout, BRANCH) == made
    assert parents(checkout, BRANCH) == [head]
    assert git(checkout, "show", f"{BRANCH}:dvc.lock") == "1"
    assert git(checkout, "log", "-1", "--format=%an %s", BRANCH) == "somebody results 1"
    assert (commit_of(checkout, "HEAD"), git(checkout, "branch", "--show-current")) == (head, "main")
    assert git(checkout, "diff", "--cached", "--name-only") == ""
    assert dirty(checkout) == []


def test_the_same_results_are_committed_once(checkout):
    made = run(checkout, "1\n")
    assert commit(checkout, "again") is None
    assert commit_of(checkout, BRANCH) == made


def test_a_run_that_changed_nothing_makes_no_branch(checkout):
    assert commit(checkout, "nothing") is None
    with pytest.raises(GitError):
        commit_of(checkout, BRANCH)


def test_nights_on_one_revision_follow_one_another(checkout):
    first = run(checkout, "1\n")
    second = run(checkout, "2\n")
    assert parents(checkout, second) == [first]


def test_a_new_revision_is_joined_and_nothing_is_lost(checkout):
    first = run(checkout, "1\n")
    (checkout / "dvc.lock").write_text("0\n")
    (checkout / "code.py").write_text("1\n")
    git(checkout, "commit", "--quiet", "-a", "-m", "work")
    second = run(checkout, "2\n")
    assert parents(checkout, second) == [first, commit_of(checkout, "HEAD")]
    assert git(checkout, "show", f"{BRANCH}:code.py") == "1"


def test_a_branch_that_was_merged_is_gone_on_from(checkout):
    run(checkout, "1\n")
    (checkout / "dvc.lock").write_text("0\n")
    git(checkout, "merge", "--quiet", BRANCH)
    (checkout / "code.py").write_text("1\n")
    git(checkout, "commit", "--quiet", "-a", "-m", "work")
    second = run(checkout, "2\n")
    assert parents(checkout, second) == [commit_of(checkout, "HEAD")]


def test_a_file_that_git_does_not_know_is_taken_when_named(checkout):
    (checkout / ".git/info/exclude").write_text("*.dvc\n")
    (checkout / "models").mkdir()
    (checkout / "models/champion.dvc").write_text("x\n")
    (checkout / "stray.txt").write_text("x\n")
    commit(checkout, "promoted")
    there = git(checkout, "ls-tree", "-r", "--name-only", BRANCH).split()
    assert there == ["code.py", "dvc.lock", "models/champion.dvc"]


def test_what_was_edited_meanwhile_is_not_committed(checkout):
    (checkout / "code.py").write_text("1\n")
    with pytest.raises(GitError, match=r"code.py was edited while it was built from"):
        run(checkout, "1\n")


def test_an_older_revision_takes_nothing_back(checkout):
    """The branch could be merged forward, and what came after that revision would be gone."""
    old = commit_of(checkout, "HEAD")
    (checkout / "code.py").write_text("1\n")
    git(checkout, "commit", "--quiet", "-a", "-m", "work")
    first = run(checkout, "1\n")
    git(checkout, "checkout", "--quiet", "--force", "--detach", old)
    with pytest.raises(
        GitError, match=f"has results of {first and commit_of(checkout, 'main')[:12]}, which {old[:12]}"
    ):
        run(checkout, "2\n")
    assert commit_of(checkout, BRANCH) == first
    git(checkout, "branch", "-m", BRANCH, "old-results")
    assert run(checkout, "2\n")


def test_another_machines_results_are_gone_on_from(checkout, tmp_path):
    """Of two clones each commits, and the second has fetched what the first pushed."""
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(checkout, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(checkout, "push", "--quiet", "origin", "main")
    git(tmp_path, "clone", "--quiet", "--branch", "main", "origin.git", "clone")
    first = run(checkout, "1\n")
    git(checkout, "push", "--quiet", "origin", BRANCH)
    git(tmp_path / "clone", "fetch", "--quiet")
    second = run(tmp_path / "clone", "2\n")
    assert parents(tmp_path / "clone", second) == [first]
    third = run(checkout, "3\n")
    git(tmp_path / "clone", "push", "--quiet", "origin", BRANCH)
    git(checkout, "fetch", "--quiet")
    fourth = run(checkout, "4\n")
    assert parents(checkout, fourth) == [third, second]


def test_a_branch_that_somebody_works_on_is_left_alone(checkout):
    git(checkout, "switch", "--quiet", "-c", BRANCH)
    with pytest.raises(GitError, match="is checked out in a work tree"):
        run(checkout, "1\n")


def test_without_a_name_of_ones_own_the_program_signs(checkout, monkeypatch, tmp_path):
    git(checkout, "config", "--unset", "user.name")
    git(checkout, "config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    run(checkout, "1\n")
    assert git(checkout, "log", "-1", "--format=%an", BRANCH) == "crackflow"


def test_an_edited_checkout_is_dirty_and_a_stray_file_is_not(checkout):
    assert dirty(checkout) == []
    (checkout / "stray.txt").write_text("x\n")
    assert dirty(checkout) == []
    (checkout / "code.py").write_text("1\n")
    assert dirty(checkout) == ["code.py"]

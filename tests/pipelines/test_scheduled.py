"""The flow in a work tree of its own: what it builds, commits and pushes, with real git, DVC and Prefect."""

import subprocess
import sys

import pytest

from pipelines.flows.results_branch import BRANCH
from pipelines.flows.work_tree import PLACE
from pipelines.git import git

# The remote's place is given from .dvc, and so another one in a work tree.
CONFIG = """[core]
    analytics = false
    check_update = false
    remote = away
['remote "away"']
    url = ../../away
"""

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("server")]


@pytest.fixture
def checkout(project, under_git):
    """The tiny project under git, with a remote for DVC and one for git beside it."""
    root = project.root
    project.shorten()
    (root / ".dvc/config").write_text(CONFIG)
    (root / ".gitignore").write_text(".crackflow/\n*.txt\nstarted\n__pycache__/\n")
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    under_git(root)
    git(root.parent, "init", "--quiet", "--bare", "origin.git")
    git(root, "remote", "add", "origin", str(root.parent / "origin.git"))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    return project


def rebuild(**parameters):
    from pipelines.flows.rebuild import rebuild as flow

    return flow(**parameters, return_state=True)


def test_it_builds_what_is_committed_and_leaves_the_checkout_alone(checkout):
    (checkout.root / "stage.py").write_text("raise SystemExit('half edited')\n")
    first = rebuild(revision="HEAD")
    assert first.message == "2 of 2 stages ran, 0 cached"
    assert (checkout.root / PLACE / "split.txt").read_text() == "split(download)0"
    assert not (checkout.root / "split.txt").exists()
    assert git(checkout.root, "status", "--porcelain") == " M stage.py"
    assert rebuild(revision="HEAD").message == "0 of 2 stages ran, 2 cached"


def test_a_commit_of_params_reruns_what_it_touches(checkout):
    rebuild(revision="main")
    checkout.set_seed(5)
    git(checkout.root, "commit", "--quiet", "-a", "-m", "another seed")
    assert rebuild(revision="main").message == "1 of 2 stages ran, 1 cached"
    assert "split(download)5" in (checkout.root / PLACE / "split.txt").read_text()
    assert rebuild(revision="main~1").message == "0 of 2 stages ran, 2 cached"


def test_what_it_reached_is_committed_and_pushed(checkout):
    state = rebuild(revision="HEAD", commit=True, push=True)
    assert state.is_completed(), state.message
    made = git(checkout.root, "rev-parse", BRANCH)
    assert f"commit: {made[:10]} on {BRANCH}; push: outputs, and {BRANCH} to origin" in state.message
    assert git(checkout.root, "diff", "--name-only", "main", BRANCH) == "dvc.lock"
    assert git(checkout.root.parent / "origin.git", "rev-parse", BRANCH) == made
    clone = checkout.root.parent / "clone" / "of"
    git(checkout.root.parent, "clone", "--quiet", "--branch", BRANCH, "origin.git", str(clone))
    (clone / ".dvc/config.local").write_text(f"['remote \"away\"']\n    url = {checkout.root.parent / 'away'}\n")
    said = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--pull"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout
    assert "Running stage" not in said
    assert (clone / "split.txt").read_text() == (checkout.root / PLACE / "split.txt").read_text()
    again = rebuild(revision="HEAD", commit=True)
    assert f"commit: {BRANCH} holds these results already" in again.message


def test_without_being_told_nothing_is_committed_or_pushed(checkout):
    rebuild(revision="HEAD")
    assert git(checkout.root, "branch", "--format=%(refname:short)") == "main"
    assert not (checkout.root.parent / "away").exists()


def test_in_place_it_commits_what_it_built(checkout):
    state = rebuild(commit=True)
    assert "2 of 2 stages ran" in state.message
    assert git(checkout.root, "ls-tree", "--name-only", BRANCH).split().count("dvc.lock") == 1
    assert git(checkout.root, "branch", "--show-current") == "main"


def test_an_edited_checkout_is_not_committed(checkout):
    checkout.set_seed(5)
    state = rebuild(commit=True)
    assert (state.name, state.is_failed()) == ("Refused", True)
    assert "params.yaml is edited" in state.message
    assert not (checkout.root / "split.txt").exists()


def test_a_revision_that_is_none_is_rejected(checkout):
    state = rebuild(revision="nowhere")
    assert state.name == "Refused"
    assert "nowhere names no commit" in state.message


def test_a_remote_that_is_away_fails_the_push_and_nothing_else(checkout):
    (checkout.root.parent / "away").write_text("a file, and no folder")
    state = rebuild(revision="HEAD", commit=True, push=True)
    assert state.is_failed()
    assert "2 of 2 stages ran, 0 cached; commit: " in state.message
    assert "push failed: " in state.message
    assert rebuild(revision="HEAD").message == "0 of 2 stages ran, 2 cached"


def test_a_revision_from_before_there_was_a_gate_leaves_the_champion_alone(checkout):
    for name in ("pipelines/__init__.py", "models/flexunet.keras"):
        path = checkout.root / name
        path.parent.mkdir()
        path.touch()
        git(checkout.root, "add", "--force", name)
    git(checkout.root, "commit", "--quiet", "-m", "long ago")
    state = rebuild(revision="HEAD")
    assert state.is_completed(), state.message
    assert "Skipped: " in state.message
    assert "is from before there was a gate; the champion stays" in state.message
    assert not (checkout.root / PLACE / "models/champion").exists()


def test_one_at_a_time_in_each_of_the_two_places(checkout):
    from pipelines.dvc_runner.run_lock import hold

    with hold(checkout.root, 0, scheduled=True):
        assert rebuild(revision="HEAD").name == "AlreadyRunning"
        assert rebuild(targets=["download"]).is_completed()

"""pipelines/flows/follow_up.py: what a commit says, and what it is compared with; test_scheduled.py has its tasks."""

import json

import pytest

from pipelines.flows.follow_up import Rebuilt, _message, figures_before, revision_of
from pipelines.flows.results_branch import BRANCH
from pipelines.git import git
from tasks.workspace import Workspace


def figures(iou):
    return {"crack": {"pooled": {"iou": iou, "f1": 0.6}}, "protocol": {"images": 24}}


@pytest.fixture
def checkout(tmp_path, under_git):
    under_git(tmp_path)
    write(tmp_path, 0.5)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "-m", "start")
    return tmp_path


def write(root, iou):
    path = Workspace(root).metrics_json
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures(iou)))


def test_the_last_commits_figures_are_those_of_the_results_branch_where_it_has_some(checkout):
    write(checkout, 0.9)
    assert figures_before(checkout) == figures(0.5)
    git(checkout, "switch", "--quiet", "-c", BRANCH)
    write(checkout, 0.6)
    git(checkout, "commit", "--quiet", "-am", "results")
    git(checkout, "switch", "--quiet", "main")
    assert figures_before(checkout) == figures(0.6)


def test_where_there_are_no_figures_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert figures_before(tmp_path) == {}
    assert revision_of(tmp_path) == "none"


def test_a_file_that_is_no_json_is_as_none(checkout):
    Workspace(checkout).metrics_json.write_text("half a fi")
    git(checkout, "commit", "--quiet", "-am", "broken")
    assert figures_before(checkout) == {}


def test_a_commit_says_what_changed_and_what_the_gate_said(checkout):
    write(checkout, 0.55)
    rebuilt = Rebuilt(Workspace(checkout), checkout, None, figures(0.5), None)
    assert _message(rebuilt, "abc", "Promoted: better") == (
        "Rebuild of abc: pooled crack IoU 0.5000 -> 0.5500\n\n"
        "Promoted: better\n\n"
        "crack_pooled_iou  0.5000  0.5500  +0.0500"
    )


def test_without_figures_it_names_the_revision(tmp_path):
    assert _message(Rebuilt(Workspace(tmp_path), tmp_path, None, {}, None), "abc", None) == "Rebuild of abc"

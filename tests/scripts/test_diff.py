"""scripts/diff.py, with real DVC on two commits."""

import json
import sys

import pytest
from dvc.repo import Repo

from pipelines.git import git
from scripts import diff


@pytest.fixture
def commits(tmp_path, monkeypatch, under_git):
    """A project whose parameter and figure change between two commits, the older one first."""
    under_git(tmp_path)
    (tmp_path / "dvc.yaml").write_text("params: [params.yaml]\nmetrics: [figures.json]\n")
    Repo.init(str(tmp_path)).close()
    monkeypatch.setattr(diff, "ROOT", tmp_path)
    monkeypatch.setattr(diff, "PAGE", tmp_path / "page.md")
    made = []
    for rate, iou in ((0.1, 0.25), (0.2, 0.5)):
        (tmp_path / "params.yaml").write_text(f"train:\n  rate: {rate}\n")
        figures = {"crack": {"iou": iou}, "other": iou, "protocol": {"threshold": 2 * iou, "images": 7}}
        (tmp_path / "figures.json").write_text(json.dumps(figures))
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "-m", "figures")
        made.append(git(tmp_path, "rev-parse", "HEAD"))
    return made


def call(monkeypatch, *revisions):
    monkeypatch.setattr(sys, "argv", ["diff", *revisions])
    return diff.main()


def test_the_page_has_the_crack_class_what_it_was_taken_at_and_its_command(commits, monkeypatch):
    assert call(monkeypatch, *commits) == 0
    assert diff.PAGE.read_text().splitlines() == [
        "| Param | before | after |",
        "| --- | --- | --- |",
        "| train.rate | 0.1 | 0.2 |",
        "",
        "| Metric | before | after | Change |",
        "| --- | --- | --- | --- |",
        "| crack.iou | 0.25 | 0.5 | 0.25 |",
        "| protocol.threshold | 0.5 | 1.0 | 0.5 |",
        "",
        f"Made by `python -m scripts.diff {commits[0]} {commits[1]}`.",
    ]


def test_commits_that_do_not_differ_are_told(commits, monkeypatch, capsys):
    assert call(monkeypatch, commits[0], commits[0]) == 2
    assert "nothing differs" in capsys.readouterr().err
    assert not diff.PAGE.exists()

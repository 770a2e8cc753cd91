"""scripts/diff.py; the trainings themselves are those of any rebuild."""

import pytest

from crackflow.params import parse
from crackflow.params.text import read_yaml
from pipelines.git import git
from scripts import diff

SAID = """<!-- a mark -->

### Crack figures: b against a

**Better: pooled IoU 0.5 -> 0.6.**

| parameter | before | after |
| --- | --- | --- |
| `x` | `1` | `2` |

By source, pooled IoU:

| source |
| --- |

Images that changed most:

| image |
| --- |
"""


def test_the_example_is_verdict_parameters_and_figures():
    assert diff.page(SAID, "0123456789") == (
        "**Better: pooled IoU 0.5 -> 0.6.**\n\n"
        "| parameter | before | after |\n| --- | --- | --- |\n| `x` | `1` | `2` |\n\n"
        "Made by `python -m scripts.diff` at revision 0123456789.\n"
    )


def test_each_augmentation_is_off_and_nothing_else_changes(tmp_path):
    before = read_yaml(diff.ROOT / "params.yaml")
    (tmp_path / "params.yaml").write_text(diff.without_augmentation(diff.ROOT / "params.yaml"))
    after = read_yaml(tmp_path / "params.yaml")
    assert not any(after["train"]["augment"].values())
    assert any(before["train"]["augment"].values())
    after["train"]["augment"] = before["train"]["augment"]
    assert after == before
    parse(after)


def test_what_is_done_is_not_done_again(tmp_path, under_git):
    """Nothing here could be rebuilt: DVC has no project in this folder."""
    under_git(tmp_path)
    for message in (diff.REBUILT, diff.DROPPED):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", message)
    diff.make(tmp_path)
    assert git(tmp_path, "log", "-1", "--format=%s") == diff.DROPPED


def test_a_command_that_fails_says_where_and_what(tmp_path):
    with pytest.raises(SystemExit, match=r"`dvc status` in .* ended with exit code 253"):
        diff.run(tmp_path, "dvc", "status")

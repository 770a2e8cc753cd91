import pytest

from crackflow.errors import DataError
from pipelines.comparing.history import history, rows


def test_commits_that_changed_the_figure_newest_first(repository):
    repository.figures(0.8182, tolerance_px=2)
    repository.commit("another tolerance, the same figure")
    repository.write("metrics/evaluation.json", "{")
    repository.commit("broken")
    repository.figures(0.9, images=5)
    last = repository.commit("best")
    found = history(repository.root, "pooled_iou", 9)
    assert [(one.subject, one.value, one.images) for one in found] == [
        ("best", 0.9, 5),
        ("new", 0.8182, 4),
        ("old", 0.4324, 4),
    ]
    assert found[0].commit == last[:10]
    assert [one.subject for one in history(repository.root, "pooled_iou", 2)] == ["best", "new"]
    assert rows(found)[1][2:] == ["0.818", "-", "4", "new"]


def test_a_figure_that_there_is_not(repository):
    with pytest.raises(DataError, match="received the figure iou, expected one of pooled_iou"):
        history(repository.root, "iou", 1)

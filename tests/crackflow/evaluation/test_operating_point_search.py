import json
import tempfile

import numpy as np
import pandas as pd
import pytest

from crackflow.errors import DataError, ModelError
from crackflow.evaluation.component_filter import FilterChoice
from crackflow.evaluation.metrics import Counts, counts, false_alarms, iou, pooled
from crackflow.evaluation.operating_point_search import OperatingPointSearch, SearchResult, look
from crackflow.inference.operating_point import OperatingPoint, classify, crack_probability
from crackflow.inference.operating_point_file import read_operating_point
from crackflow.statistics.calibration import histogram


def two_classes(crack):
    crack = np.asarray(crack, np.float32)
    return np.stack([1 - crack, crack], axis=-1)


@pytest.fixture(scope="module")
def pictures():
    """Twelve of 64 px, a third crack-free: a band of three rows at about 0.9, and specks at up to 0.8 everywhere."""
    rng = np.random.default_rng(2)
    made = []
    for number in range(12):
        truth = np.zeros((64, 64), np.uint8)
        crack = np.where(rng.random((64, 64)) < 0.01, 0.8 * rng.random((64, 64)), 0.1)
        if number % 3:
            row = rng.integers(5, 55)
            truth[row : row + 3] = 1
            crack[row : row + 3] = rng.uniform(0.55, 0.999, (3, 64))
        made.append((two_classes(crack), truth))
    return made


def choose(folder, pictures, *arguments, flips=False, foreign=0):
    """`foreign` is how many of the pictures, the last ones, are of places never seen."""
    with OperatingPointSearch(folder, flips=flips) as search:
        for number, (probabilities, truth) in enumerate(pictures):
            is_foreign = {"foreign": True} if number >= len(pictures) - foreign else {}
            search.add(look(probabilities, truth), **is_foreign)
        return search.choose(*arguments)


def test_what_is_promised_is_what_the_masks_reach(tmp_path, pictures):
    found = choose(tmp_path, pictures, "pooled_iou", 0.1, 0.02)
    at = Counts.stack(counts(classify(probabilities, found.point), truth) for probabilities, truth in pictures)
    assert found.component_filter.value == pooled(iou, at)
    assert found.component_filter.false_alarms == false_alarms(at).images == 0
    assert (found.images, found.crack_free) == (12, 4)
    before = found.as_json()["unfiltered"]
    alone = OperatingPoint(found.point.threshold)
    at = Counts.stack(counts(classify(probabilities, alone), truth) for probabilities, truth in pictures)
    assert before == {"value": pooled(iou, at), "false_alarms": false_alarms(at).images}
    assert before["false_alarms"] > 0.1
    assert before["value"] <= found.component_filter.value + 0.02
    assert found.table["chosen"].sum() == 1


def test_places_never_seen_count_by_their_weight(tmp_path, pictures):
    """The last six pictures are foreign, and their network is less sure: it wants another threshold."""
    home, far = pictures[:6], [(two_classes(seen[..., 1] ** 2), truth) for seen, truth in pictures[6:]]

    def chosen(*weight):
        return choose(tmp_path, home + far, "pooled_iou", 0.1, 0.02, *weight, foreign=6)

    alone = {0: choose(tmp_path, home, "pooled_iou", 0.1, 0.02), 1: choose(tmp_path, far, "pooled_iou", 0.1, 0.02)}
    assert alone[0].point.threshold != alone[1].point.threshold
    for weight, found in alone.items():
        assert (chosen(weight).point, chosen(weight).component_filter) == (found.point, found.component_filter)
    point, reached, *_ = chosen(0.25)
    values = [
        pooled(iou, Counts.stack(counts(classify(seen, point), truth) for seen, truth in some)) for some in (home, far)
    ]
    assert reached.value == pytest.approx(0.75 * values[0] + 0.25 * values[1])
    # unless told otherwise, both kinds weigh the same
    assert chosen().component_filter == chosen(0.5).component_filter


def test_the_odds_are_those_of_all_pixels(tmp_path, pictures):
    found = choose(tmp_path, pictures, "pooled_iou", 0.1, 0.02)
    seen, truth = (np.stack(column) for column in zip(*pictures, strict=True))
    assert found.odds.dtype == np.int64
    assert (found.odds == histogram(crack_probability(seen), truth > 0)).all()
    assert found.odds.sum(axis=1).tolist() == [(truth == 0).sum(), (truth == 1).sum()]


def test_the_file_of_it_is_read_back_as_the_same_point(tmp_path, pictures):
    for flips in (False, True):
        found = choose(tmp_path, pictures, "per_image_iou", 0.1, 0.02, flips=flips)
        (tmp_path / "point.json").write_text(json.dumps(found.as_json(), allow_nan=False))
        assert read_operating_point(tmp_path / "point.json", 64) == found.point
        assert found.point.flips == flips


def test_what_the_threshold_alone_reaches_is_the_row_without_a_filter():
    table = pd.DataFrame({"smallest_area": [0.0, 9], "peak": [0.0, 0.5], "f1": [0.25, 0.5], "false_alarms": [1, 0.75]})
    choice = FilterChoice(9, 0.5, 0.5, 0.75, "in words")
    found = SearchResult(OperatingPoint(0.5, 9, 0.5), choice, table, 3, 2, np.zeros((2, 512), np.int64)).as_json()
    assert found == {
        "threshold": 0.5,
        "smallest_area": 9,
        "peak": 0.5,
        "flips": False,
        "in_words": OperatingPoint(0.5, 9, 0.5).words(),
        "value": 0.5,
        "false_alarms": 0.75,
        "component_filter": "in words",
        "unfiltered": {"value": 0.25, "false_alarms": 1},
        "images": 3,
        "images_without_cracks": 2,
    }


def test_without_crack_free_pictures_the_file_has_no_false_alarms(tmp_path, pictures):
    cracked = [(probabilities, truth) for probabilities, truth in pictures if truth.any()]
    found = choose(tmp_path, cracked, "pooled_f1", 0.1, 0.02).as_json()
    assert found["false_alarms"] is found["unfiltered"]["false_alarms"] is None
    assert (found["smallest_area"], found["peak"], found["images_without_cracks"]) == (0, 0, 0)


def test_what_can_not_be_chosen_on_is_said(tmp_path, pictures):
    with pytest.raises(DataError, match="4 valid images without a crack pixel"):
        choose(tmp_path, [picture for picture in pictures if not picture[1].any()], "pooled_iou", 0.1, 0.02)
    with pytest.raises(ModelError, match="NaN"):
        choose(tmp_path, [(two_classes([[np.nan]]), np.zeros((1, 1), np.uint8))], "pooled_iou", 0.1, 0.02)


def test_images_of_different_sizes_are_read_back_from_disk_as_often_as_asked(tmp_path, pictures):
    corners = [(slice(64 - 3 * n), slice(64 - 5 * n)) for n in range(len(pictures))]
    cut = [(seen[corner], truth[corner]) for corner, (seen, truth) in zip(corners, pictures, strict=True)]
    with OperatingPointSearch(tmp_path, flips=False) as search:
        for image in cut:
            search.add(look(*image))
        first, second = (search.choose("pooled_iou", 0.1, 0.02) for _ in range(2))
    at = Counts.stack(counts(classify(seen, first.point), truth) for seen, truth in cut)
    assert first.component_filter == second.component_filter
    assert first.component_filter.value == pooled(iou, at)


def test_predictions_are_kept_on_the_disk_that_was_named(tmp_path, monkeypatch):
    real, named = tempfile.TemporaryFile, []
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: named.append(options) or real(**options))
    with OperatingPointSearch(tmp_path, flips=False):
        assert named == [{"dir": tmp_path}]


def test_predictions_kept_on_disk_leave_no_file_behind(tmp_path, pictures):
    """The file has no name, so that a killed process leaves none either."""
    folder = tmp_path / "not there yet" / "nor this"
    with OperatingPointSearch(folder, flips=False) as search:
        search.add(look(*pictures[1]))
        assert list(folder.iterdir()) == []
    assert list(folder.iterdir()) == []

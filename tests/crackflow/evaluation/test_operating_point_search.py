import json

import numpy as np
import pytest

from crackflow.errors import DataError, ModelError
from crackflow.evaluation.metrics import Counts, counts, false_alarms, iou, pooled
from crackflow.evaluation.operating_point_search import Chooser
from crackflow.inference.operating_point import classify, read


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


def choose(folder, pictures, *arguments, flips=False):
    with Chooser(folder, flips=flips) as chooser:
        for probabilities, truth in pictures:
            chooser.add(probabilities, truth)
        return chooser.choose(*arguments)


def test_what_is_promised_is_what_the_masks_reach(tmp_path, pictures):
    found = choose(tmp_path, pictures, "pooled_iou", 0.1, 0.02)
    at = Counts.stack(counts(classify(probabilities, found.point), truth) for probabilities, truth in pictures)
    assert found.dropping.value == pooled(iou, at)
    assert found.dropping.false_alarms == false_alarms(at).images == 0
    assert (found.images, found.crack_free) == (12, 4)
    before = found.as_json()["without_dropping"]
    assert before["false_alarms"] > 0.1
    assert before["value"] <= found.dropping.value + 0.02
    assert found.table["chosen"].sum() == 1


def test_the_file_of_it_is_read_back_as_the_same_point(tmp_path, pictures):
    for flips in (False, True):
        found = choose(tmp_path, pictures, "per_image_iou", 0.1, 0.02, flips=flips)
        (tmp_path / "point.json").write_text(json.dumps(found.as_json(), allow_nan=False))
        assert read(tmp_path / "point.json") == found.point
        assert found.point.flips == flips


def test_without_crack_free_pictures_the_file_has_no_false_alarms(tmp_path, pictures):
    cracked = [(probabilities, truth) for probabilities, truth in pictures if truth.any()]
    found = choose(tmp_path, cracked, "pooled_f1", 0.1, 0.02).as_json()
    assert found["false_alarms"] is found["without_dropping"]["false_alarms"] is None
    assert (found["smallest_share"], found["peak"], found["images_without_cracks"]) == (0, 0, 0)


def test_what_can_not_be_chosen_on_is_said(tmp_path, pictures):
    with pytest.raises(DataError, match="4 valid images without a crack pixel"):
        choose(tmp_path, [picture for picture in pictures if not picture[1].any()], "pooled_iou", 0.1, 0.02)
    with pytest.raises(ModelError, match="NaN"):
        choose(tmp_path, [(two_classes([[np.nan]]), np.zeros((1, 1), np.uint8))], "pooled_iou", 0.1, 0.02)

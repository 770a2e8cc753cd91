import numpy as np
import pytest

from crackflow.evaluation.figures import crack_figures, flat
from crackflow.evaluation.headline import HEADLINE
from crackflow.evaluation.image_scores import score_image
from crackflow.evaluation.intervals import group_sums, headline_intervals, image_sums
from crackflow.evaluation.metrics import Counts
from crackflow.statistics.ratios import ratio, ratio_interval

GROUPS = ((0, 3), (3, 5), (5, 6), (6, 8), (8, 11), (11, 12))


def image(number, group, cracked=True):
    """An image of 8 x 8 px, its crack predicted a little askew; crack-free ones may have a false alarm."""
    rng = np.random.default_rng(number)
    truth, predicted = np.zeros((2, 8, 8), np.uint8)
    if cracked:
        truth[2 : 2 + rng.integers(1, 4)] = 1
        predicted[2 + rng.integers(0, 2) : 4, : rng.integers(3, 9)] = 1
    elif number % 2:
        predicted[0, : rng.integers(1, 5)] = 1
    probabilities = np.eye(2, dtype=np.float32)[predicted]
    return score_image(f"s{number}", "road", group, probabilities, predicted, truth, tolerance_px=1)


@pytest.fixture(scope="module")
def images():
    """Twelve images in six groups of one to three; two groups are crack-free."""
    groups = ["a", "a", "a", "b", "b", "c", "d", "d", "e", "e", "e", "f"]
    return [image(number, group, group not in "ef") for number, group in enumerate(groups)]


def columns(images):
    return Counts.stack(one.counts for one in images), np.array([one.tolerant_f1 for one in images])


@pytest.mark.parametrize("name", [one.name for one in HEADLINE])
def test_a_figure_is_the_ratio_of_its_sums(name, images):
    counts, tolerant = columns(images)
    part, whole = image_sums(name, counts, tolerant)
    assert part.sum() / whole.sum() == pytest.approx(flat(crack_figures(images))[name])
    summed = group_sums(image_sums(name, counts, tolerant), [one.group for one in images])
    assert summed.part.tolist() == pytest.approx([part[a:b].sum() for a, b in GROUPS])
    assert summed.whole.tolist() == pytest.approx([whole[a:b].sum() for a, b in GROUPS])


def test_crops_of_few_photographs_tell_no_more_than_the_photographs():
    """Five photographs of ten like crops each: the interval is that of five images, not of fifty."""
    found = np.array([200, 400, 500, 700, 900])
    ends = {}
    for name, crops, groups in (
        ("photographs", 1, range(5)),
        ("by group", 10, np.repeat(range(5), 10)),
        ("one by one", 10, range(50)),
    ):
        tp = np.repeat(found, crops)
        counts = Counts(tp, np.zeros_like(tp), 1000 - tp, np.zeros_like(tp))
        ends[name] = ratio_interval(ratio(*group_sums(image_sums("pooled_recall", counts), groups)), 0.95)
    assert ends["by group"] == pytest.approx(ends["photographs"])
    width = {name: high - low for name, (low, high) in ends.items()}
    assert width["one by one"] < width["by group"] / 2


def test_every_headline_figure_has_an_interval_around_it(images):
    block = headline_intervals(images)
    assert (block["level"], block["resamples"], block["groups"]) == (0.95, 0, 6)
    figures = flat(crack_figures(images))
    assert list(block["crack"]) == [one.name for one in HEADLINE]
    for name, (low, high) in block["crack"].items():
        assert 0 < low < figures[name] < high < 1


def test_one_group_alone_has_no_interval(images):
    assert set(headline_intervals(images[:3])["crack"].values()) == {None}


def test_an_undefined_figure_has_no_interval(images):
    found = headline_intervals(images[:6])["crack"]
    assert found["pooled_iou"] is not None
    assert found["false_alarms_images"] is found["false_alarms_area"] is None


def test_no_false_alarm_at_all_is_no_certainty():
    """0 of 6: an interval from 0 to 0 would claim that there never is one."""
    images = [image(2 * number, str(number), cracked=False) for number in range(6)]
    assert crack_figures(images)["false_alarms"] == {"images": 0, "area": 0}
    assert headline_intervals(images)["crack"]["false_alarms_images"] is None


def test_an_unknown_figure_is_named(images):
    with pytest.raises(ValueError, match="accuracy has no interval here"):
        image_sums("accuracy", columns(images)[0])

import numpy as np
import pytest
from scipy import stats

from crackflow.evaluation.figures import crack_figures, flat
from crackflow.evaluation.headline import HEADLINE
from crackflow.evaluation.image_scores import score_image
from crackflow.evaluation.intervals import draw_groups, headline_intervals, percentile_interval, resampled
from crackflow.evaluation.metrics import Counts


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
def test_a_resample_has_the_figure_of_the_images_that_were_drawn(name, images):
    """Each figure equals that of a list in which an image stands as often as it was drawn."""
    counts, tolerant = columns(images)
    weights = draw_groups([one.group for one in images], resamples=8).weights
    found = resampled(name, counts, weights, tolerant)
    for row, value in zip(weights, found, strict=True):
        drawn = [one for one, often in zip(images, row, strict=True) for _ in range(often)]
        assert value == pytest.approx(flat(crack_figures(drawn))[name], nan_ok=True)


def test_whole_groups_are_drawn_as_many_as_there_are(images):
    groups = [one.group for one in images]
    drawn = draw_groups(groups)
    assert drawn.groups == 6
    assert drawn.weights.shape == (2000, 12)
    by_group = {group: drawn.weights[:, groups.index(group)] for group in groups}
    for number, group in enumerate(groups):
        assert (drawn.weights[:, number] == by_group[group]).all()
    assert (sum(by_group.values()) == 6).all()
    # each group is drawn once on average
    assert all(often.mean() == pytest.approx(1, abs=0.1) for often in by_group.values())


def test_the_same_seed_gives_the_same_draws(images):
    groups = [one.group for one in images]
    assert (draw_groups(groups).weights == draw_groups(groups).weights).all()
    assert (draw_groups(groups).weights != draw_groups(groups, seed=1).weights).any()


def test_the_interval_is_that_of_scipys_bootstrap():
    """Images of their own groups: the percentile bootstrap of a mean, which SciPy has too."""
    rng = np.random.default_rng(3)
    found = rng.integers(200, 900, 150)
    counts = Counts(found, np.zeros_like(found), 1000 - found, np.zeros_like(found))
    low, high = percentile_interval(resampled("positives_iou", counts, draw_groups(range(150)).weights))
    theirs = stats.bootstrap((found / 1000,), np.mean, method="percentile", n_resamples=20000, rng=rng)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.004)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.004)


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
        ends[name] = percentile_interval(resampled("pooled_recall", counts, draw_groups(groups).weights))
    assert ends["by group"] == pytest.approx(ends["photographs"])
    width = {name: high - low for name, (low, high) in ends.items()}
    assert width["one by one"] < width["by group"] / 2


def test_every_headline_figure_has_an_interval_around_it(images):
    block = headline_intervals(images)
    assert (block["level"], block["resamples"], block["groups"]) == (0.95, 2000, 6)
    figures = flat(crack_figures(images))
    assert list(block["crack"]) == [one.name for one in HEADLINE]
    for name, (low, high) in block["crack"].items():
        assert 0 <= low <= figures[name] <= high <= 1


def test_one_group_alone_has_no_interval(images):
    assert set(headline_intervals(images[:3])["crack"].values()) == {None}


def test_an_undefined_figure_has_no_interval(images):
    found = headline_intervals(images[:6])["crack"]
    assert found["pooled_iou"] is not None
    assert found["false_alarms_images"] is found["false_alarms_area"] is None


def test_no_false_alarm_at_all_is_no_certainty():
    """0 of 6 in every resample: an interval from 0 to 0 would claim that there never is one."""
    images = [image(2 * number, str(number), cracked=False) for number in range(6)]
    assert crack_figures(images)["false_alarms"] == {"images": 0, "area": 0}
    assert headline_intervals(images)["crack"]["false_alarms_images"] is None


def test_an_unknown_figure_is_named(images):
    with pytest.raises(ValueError, match="accuracy can't be resampled here"):
        resampled("accuracy", columns(images)[0], np.ones((1, 12), np.int64))

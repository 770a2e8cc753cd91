import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crackflow.errors import DataError
from crackflow.evaluation import comparison


def table(*rows):
    """Stem, tp, fp, fn."""
    return pd.DataFrame(rows, columns=["stem", "tp", "fp", "fn"])


OLD = table(("a", 50, 50, 0), ("b", 10, 0, 30), ("c", 0, 5, 0), ("d", 20, 20, 0))
NEW = table(("d", 20, 0, 0), ("a", 50, 0, 0), ("b", 20, 0, 20), ("c", 0, 0, 0))


@pytest.mark.parametrize(
    ("metric", "old", "new"),
    [
        ("pooled_iou", 80 / 185, 90 / 110),
        ("pooled_f1", 160 / 265, 180 / 200),
        ("per_image_iou", (0.5 + 0.25 + 0 + 0.5) / 4, (1 + 0.5 + 1 + 1) / 4),
        ("positives_iou", (0.5 + 0.25 + 0.5) / 3, (1 + 0.5 + 1) / 3),
    ],
)
def test_figures_are_those_worked_by_hand(metric, old, new):
    found = comparison.paired(OLD, NEW, metric)
    assert (found.old, found.new) == (pytest.approx(old), pytest.approx(new))
    assert found.delta == pytest.approx(new - old)
    assert (found.images, found.groups) == (4, 4)
    assert found.low < found.delta < found.high
    assert 0.9 < found.better < 1


def test_a_model_against_itself_is_a_tie():
    found = comparison.paired(OLD, OLD, "pooled_iou")
    assert (found.low, found.delta, found.high, found.better) == (0, 0, 0, 0.5)


def test_the_interval_of_a_mean_is_the_one_that_statistics_give():
    """Where each image is a group of its own, that is the paired t test."""
    rng = np.random.default_rng(5)
    stems = [f"s{number}" for number in range(400)]
    old, new = (
        pd.DataFrame({"stem": stems, "tp": tp, "fp": 0, "fn": 1000 - tp})
        for tp in (rng.integers(300, 700, 400), rng.integers(320, 720, 400))
    )
    found = comparison.paired(old, new, "positives_iou")
    difference = (new["tp"] - old["tp"]) / 1000
    low, high = stats.t.interval(0.95, 399, difference.mean(), stats.sem(difference))
    assert (found.low, found.high) == pytest.approx((low, high))
    one_sided = stats.ttest_rel(new["tp"], old["tp"], alternative="greater")
    assert found.better == pytest.approx(1 - one_sided.pvalue)


def test_tiles_of_one_photograph_are_drawn_together():
    """Forty tiles of four photographs tell no more than four: the interval is as wide as theirs."""
    gains = [-100, 0, 100, 200]
    names = [f"{photo}_{tile}" for photo in range(4) for tile in range(10)]
    groups = [name[0] for name in names]
    old = table(*((name, 500, 0, 500) for name in names))
    new = table(*((name, 500 + gains[int(name[0])], 0, 500 - gains[int(name[0])]) for name in names))
    together = comparison.paired(old, new, "positives_iou", groups)
    alone = comparison.paired(old, new, "positives_iou")
    whole = comparison.paired(old.iloc[::10], new.iloc[::10], "positives_iou")
    assert (together.low, together.high) == pytest.approx((whole.low, whole.high))
    assert together.groups == 4
    assert alone.high - alone.low < 0.5 * (together.high - together.low)


def test_one_photograph_with_all_that_counts_tells_nothing():
    old, new = table(("a", 5, 0, 5), ("b", 0, 0, 0)), table(("a", 6, 0, 4), ("b", 0, 0, 0))
    found = comparison.paired(old, new, "pooled_iou")
    assert not found.sure
    assert (found.verdict, found.better) == ("not told apart", 0.5)
    assert found.words() == (
        "pooled_iou 0.5000 -> 0.6000, +0.1000 (no interval, since all that counts is of one group) on 2 images"
    )


def test_fewer_false_alarms_are_better():
    old = table(*((str(number), 0, 4, 0) for number in range(12)))
    new = old.assign(fp=[0] * 9 + [4] * 3)
    found = comparison.paired(old, new, "false_alarms_images")
    assert found.delta == pytest.approx(-0.75)
    assert found.verdict == "better"
    assert found.better > 0.99


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (OLD, NEW.iloc[:3], "received 4 and 3 images, of which 3 are in both"),
        (OLD.iloc[:0], NEW.iloc[:0], "received 0 and 0 images"),
        (OLD, NEW.assign(fn=NEW["fn"] + 1), "other labels of the same images"),
        (OLD.iloc[2:3], NEW.iloc[3:4], "pooled_iou is undefined on these 1 images; compare on images with cracks"),
    ],
)
def test_what_can_not_be_compared_is_rejected(old, new, said):
    with pytest.raises(DataError, match=said):
        comparison.paired(old, new, "pooled_iou")


def test_changes_are_of_the_crack_class_and_leave_out_what_is_alike():
    old = {"crack": {"pooled": {"iou": 0.5, "f1": 0.6}, "tolerant_f1": None}, "original": {"dice": 0.9}}
    new = {"crack": {"pooled": {"iou": 0.55, "f1": 0.6}, "tolerant_f1": 0.7}, "original": {"dice": 0.8}}
    found = comparison.changes(old, new)
    assert [change.figure for change in found] == ["crack_pooled_iou", "crack_tolerant_f1"]
    assert comparison.rows(found) == [
        ("crack_pooled_iou", "0.5000", "0.5500", "+0.0500"),
        ("crack_tolerant_f1", "-", "0.7000", "-"),
    ]


def test_a_figure_that_went_is_shown():
    assert comparison.changes({"crack": {"pooled": {"iou": 0.5}}}, {}) == [("crack_pooled_iou", 0.5, None)]


def test_another_protocol_is_said():
    old, new = {"protocol": {"images": 20, "subset": "test"}}, {"protocol": {"images": 24, "subset": "test"}}
    assert comparison.caveats(old, new) == ["images was 20, is 24: the figures can't be compared"]
    assert comparison.caveats({}, new) == []


def test_it_can_be_said_in_a_line():
    said = comparison.paired(OLD, OLD, "pooled_iou").words()
    assert said == (
        "pooled_iou 0.4324 -> 0.4324, +0.0000 (95 % interval +0.0000 to +0.0000; 50 % sure to be better) on 4 images"
    )

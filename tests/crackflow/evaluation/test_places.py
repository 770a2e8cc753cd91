import numpy as np

from crackflow.evaluation.metrics import Counts, iou, pooled
from crackflow.evaluation.places import EVERY, Places

# three images at two thresholds; IoU of the first two together 4/8 and 6/8, of the third 1/4 and 0/4
TP = np.array([[2, 3], [2, 3], [1, 0]])
FN = np.array([[2, 1], [2, 1], [3, 4]])
AT = Counts(TP, np.zeros_like(TP), FN, np.zeros_like(TP))


def pooled_iou(counts):
    return pooled(iou, counts)


def test_both_kinds_of_places_count_by_weight_and_not_by_number():
    foreign = np.array([False, False, True])
    assert Places(foreign, 0.5).mean(pooled_iou, AT).tolist() == [0.375, 0.375]
    assert Places(foreign, 0.25).mean(pooled_iou, AT).tolist() == [0.4375, 0.5625]


def test_places_of_one_kind_are_not_weighed():
    assert EVERY.mean(pooled_iou, AT).tolist() == [5 / 12, 0.5]
    assert Places(np.ones(3, bool), 0.5).mean(pooled_iou, AT).tolist() == [5 / 12, 0.5]


def test_where_a_figure_is_undefined_the_other_kind_decides():
    def of_first(counts):
        return np.where(counts.tp[0] > 2, np.nan, counts.tp[0])

    # home: 2, undefined; abroad: 1, 0
    assert Places(np.array([False, False, True]), 0.5).mean(of_first, AT).tolist() == [1.5, 0]

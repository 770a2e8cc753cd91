import math

import numpy as np
import pandas as pd
import pytest

from crackflow.reporting.breakdown import breakdown, by_measure, by_quantile


def table(**columns):
    number = len(next(iter(columns.values())))
    empty = {"tp": [0] * number, "fp": [0] * number, "fn": [0] * number, "group": list(range(number))}
    return pd.DataFrame({**empty, **columns})


def test_each_part_has_its_pooled_figures_in_the_order_in_which_parts_come():
    images = table(tp=[6, 2, 1], fp=[2, 0, 0], fn=[0, 6, 1])
    b, a = breakdown(images, ["b", "b", "a"])
    assert (b.name, b.images, b.groups) == ("b", 2, 2)
    # 8 found of 16 in the union, of 10 marked and of 14 true ones
    assert (b.iou, b.precision, b.recall) == (8 / 16, 8 / 10, 8 / 14)
    assert (a.name, a.iou, a.precision, a.recall) == ("a", 1 / 2, 1.0, 1 / 2)


def test_the_interval_is_that_of_groups_and_absent_where_there_is_one():
    images = table(tp=[9, 8, 1, 2], fp=[1, 2, 9, 8], group=list("ppqq"))
    (apart,) = breakdown(images, ["x"] * 4)
    (single,) = breakdown(images.assign(group=list("abcd")), ["x"] * 4)
    assert (apart.groups, single.groups, apart.iou) == (2, 4, 0.5)
    # the linearized error, by hand: residuals -+ 7/40 and 2 / (2 - 1) of their squares; t of 1 degree of freedom
    reach = 12.7062047 * math.sqrt(2 * 2 * (7 / 40) ** 2) / 0.25
    assert apart.low == pytest.approx(1 / (1 + math.exp(reach)))
    assert apart.low < single.low < 0.5 < single.high < apart.high
    (one,) = breakdown(images.assign(group="p"), ["x"] * 4)
    assert (one.groups, one.iou, one.low, one.high) == (1, 0.5, None, None)


def test_crack_free_images_have_no_iou_and_their_alarms_are_counted():
    (part,) = breakdown(table(fp=[0, 7, 0]), ["free"] * 3)
    assert (part.free, part.alarms, part.low) == (3, 1, None)
    assert np.isnan(part.iou)
    assert np.isnan(part.recall)
    (mixed,) = breakdown(table(tp=[5, 0], fp=[0, 5]), ["x", "x"])
    assert (mixed.free, mixed.alarms, mixed.iou) == (1, 1, 0.5)


def test_a_measure_cuts_images_into_parts_of_the_same_number_the_smallest_first():
    width = [8.0, 1, 7, 2, 6, 3, 5, 4, np.nan]
    thin, thick = by_measure(table(tp=[1] * 9, fp=[0, 1, 0, 1, 0, 1, 0, 1, 0], width=width), "width", 1, " px")
    assert (thin.name, thin.images, thin.iou) == ("1.0 to 4.0 px", 4, 0.5)
    assert (thick.name, thick.images, thick.iou) == ("5.0 to 8.0 px", 4, 1.0)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0.25] * 9, ["25 %"]),
        ([0.1, 0.2, 0.3], ["10 to 30 %"]),
        ([np.nan] * 3, []),
        ([], []),
        ([0.1] * 12 + [0.9] * 4, ["10 %", "90 %"]),
    ],
)
def test_few_equal_or_no_values_give_fewer_parts(values, names):
    images = table(tp=[1] * len(values), share=pd.Series(values, dtype=float))
    assert [part.name for part in by_measure(images, "share", 0, " %", 100)] == names


def test_rows_by_quantile_run_from_the_least_to_the_greatest():
    values = pd.Series([0.4, 0.0, 0.8, 0.2, 1.0, 0.6, 0.1], index=list("abcdefg"))
    # sorted: b g d a f c e; ranks 0, 2, 4, 6 of four
    assert by_quantile(values, 4) == ["b", "d", "f", "e"]
    assert by_quantile(values.head(3), 6) == ["b", "a", "c"]
    assert by_quantile(values.head(0), 6) == []

import pandas as pd
import pytest

from pipelines.crossvalidating.pooled import headings, pooled, rows, words

COLUMNS = ["stem", "source", "group", "tp", "fp", "fn", "tolerant_f1"]
# Two folds: pooled IoU 6 / 16 of source x, 4 / 8 of y, 10 / 24 of all; one of two crack-free images has a false alarm.
FIRST = pd.DataFrame([("a", "x", "g", 4, 2, 2, 0.8), ("b", "x", "g", 2, 4, 2, 0.6)], columns=COLUMNS)
SECOND = pd.DataFrame(
    [("c", "y", "h", 4, 2, 2, 1.0), ("d", "z", "i", 0, 0, 0, None), ("e", "z", "j", 0, 0, 0, None)], columns=COLUMNS
).assign(fp=[2, 0, 3])


@pytest.fixture
def values():
    said = [{"images": 2, "threshold": 0.5, "pooled_iou": 0.375}, {"images": 3, "threshold": 0.4, "pooled_iou": 4 / 11}]
    start = {"folds": 2, "budget": 0.25, "seed": 0, "tolerance_px": 2}
    return {**start, **pooled([FIRST, SECOND], 64), "by_fold": said}


def test_figures_are_those_of_all_images_together(values):
    assert values["crack"]["pooled_iou"] == pytest.approx(10 / (10 + 11 + 6), abs=1e-6)
    assert values["crack"]["tolerant_f1"] == pytest.approx(0.8)
    assert values["crack"]["false_alarms_images"] == 0.5
    assert values["crack"]["false_alarms_area"] == pytest.approx(3 / 64 / 2, abs=1e-6)
    assert (values["images"], values["images_with_cracks"], values["intervals"]["groups"]) == (5, 3, 4)
    low, high = values["intervals"]["crack"]["pooled_iou"]
    assert low < 10 / 27 < high
    assert values["all_background"]["pooled_iou"] == 0
    assert values["all_background"]["per_image_iou"] == pytest.approx(2 / 5)


def test_each_source_has_its_own(values):
    by_source = values["by_source"]
    assert list(by_source) == ["x", "y", "z"]
    assert by_source["x"]["crack"]["pooled_iou"] == pytest.approx(6 / 16)
    assert by_source["z"]["crack"]["pooled_iou"] == 0
    # one photograph tells nothing of others
    assert by_source["x"]["intervals"]["crack"]["pooled_iou"] is None


def test_the_table_leads_with_all_and_an_all_black_mask(values):
    assert headings(values)[3:] == [
        "pooled IoU",
        "mean IoU, images with cracks",
        "F1 within 2 px",
        "crack-free images with a false alarm",
    ]
    table = rows(values)
    assert [row[0] for row in table] == ["all", "an all-black mask", "x", "y", "z"]
    assert table[0][3].startswith("0.370 (0.")
    assert table[2][1:4] == ["2", "1", "0.375"]
    assert words(values) == (
        "2 trainings, each with 25% of the steps (seed 0), each tested on photographs that it has not seen; in "
        "brackets the 95 % confidence interval, from 4 groups of photographs; pooled IoU by fold 0.364 to 0.375"
    )

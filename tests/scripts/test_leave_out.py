import json

import pytest

from crackflow.errors import DataError
from scripts import leave_out

PLACE = {"images": 3, "pooled_iou": 0.2, "interval": [0.1, 0.3], "positives_iou": 0.4, "alarms": None, "others": 1}
VALUES = {
    "command": "measure",
    "budget": ["train.epochs=2", "train.steps_per_epoch=400", "train.averaging=0.9"],
    "folds": [{"A": ["A"]}, {"B": ["B", "C"]}],
    "recipes": {
        "v2": {"settings": [], "places": {"A": PLACE, "B": {**PLACE, "pooled_iou": 0.4, "images": 5, "alarms": 0.5}}}
    },
}


def read(folder, values):
    path = folder / "foreign.json"
    path.write_text(json.dumps(values))
    return leave_out.read(path)


def test_the_card_keeps_what_the_page_shows(tmp_path):
    found = read(tmp_path, VALUES)
    assert (found["steps"], found["trainings"], found["command"]) == (800, 2, "measure")
    assert found["places"]["A"] == {name: value for name, value in PLACE.items() if name != "others"}


def test_the_mean_over_places_has_an_interval_by_students_t(tmp_path):
    """Of .2 and .4: the standard error is .1, and t for one degree of freedom is 12.706 (any table of it)."""
    found = read(tmp_path, VALUES)
    assert leave_out.mean_words(found, "pooled_iou") == f"0.300 ({0.3 - 1.2706:.2f} to {0.3 + 1.2706:.2f})"
    assert leave_out.mean_words(found, "positives_iou") == "0.400 (0.40 to 0.40)"


def test_a_row_a_place_and_their_mean(tmp_path):
    lines = leave_out.table(read(tmp_path, VALUES)).splitlines()
    assert lines[2:5] == [
        "| A | 3 | 0.200 (0.10 to 0.30) | 0.400 | - |",
        "| B | 5 | 0.400 (0.10 to 0.30) | 0.400 | 0.500 |",
        "| mean of places | 8 | 0.300 (-0.97 to 1.57) | 0.400 (0.40 to 0.40) | - |",
    ]
    assert "pooled IoU from 0.20 (A) to 0.40 (B)" in lines[-1]


def test_a_run_that_measured_unseen_places_itself_needs_no_other_trainings():
    assert "above" in leave_out.table(None)


@pytest.mark.parametrize("recipes", [{}, {"v2": {"settings": ["model.architecture=flexunet"], "places": {}}}])
def test_trainings_of_another_recipe_are_not_taken_for_the_profiles(tmp_path, recipes):
    with pytest.raises(DataError, match=r"no trainings of v2.*benchmarks\.accuracy\.foreign"):
        read(tmp_path, {**VALUES, "recipes": recipes})

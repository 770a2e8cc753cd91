import ast

import pytest

from benchmarks.speed import overhead


def test_medians_stand_side_by_side_and_a_stages_share_with_them():
    values = {
        "stages": 8,
        "nothing_to_do_s": {"dvc": [2.0, 1.0, 9.0], "flow": [5.0, 4.0, 6.0]},
        "every_stage_s": {"dvc": [40.0], "flow": [44.0]},
    }
    assert overhead.table(values).splitlines()[2:] == [
        "| nothing to do | 2.0 | 5.0 | +3.0 | +0.38 |",
        "| every stage | 40.0 | 44.0 | +4.0 | +0.50 |",
    ]


@pytest.mark.parametrize("parameters", ["", "force=True, "])
def test_what_calls_the_flow_is_python(parameters):
    ast.parse(overhead.FLOW.format(parameters))

import json
from pathlib import Path

import pytest

from crackflow.evaluation.figures_file import as_file, parse_figures
from crackflow.strict_json import FORMAT

FIGURES = {
    "crack": {"pooled": {"iou": 0.5, "precision": None}, "false_alarms": {"images": 0.0}},
    "intervals": {"level": 0.95, "resamples": 10, "groups": 3, "crack": {"pooled_iou": [0.4, 0.6], "pooled_f1": None}},
    "flips": {"plain": {"pooled": {"iou": 0.5}, "threshold": 0.5}},
    "protocol": {"tolerance_px": 2, "flips": False},
}


def test_what_was_written_is_read_again_and_says_its_format():
    assert parse_figures(json.dumps(as_file(FIGURES)).encode()) == {"format": FORMAT, **FIGURES}


def test_the_committed_figures_and_those_of_earlier_versions_are_read():
    committed = Path(__file__).parents[3] / "metrics/evaluation.json"
    assert parse_figures(committed.read_bytes()) == json.loads(committed.read_text())
    assert parse_figures(b'{"crack": {"pooled": {"iou": 0.5}}}') == {"crack": {"pooled": {"iou": 0.5}}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "content: "),
        ("{}", "crack: Field required"),
        ('{"crack": 1}', "crack: .*received 1"),
        ('{"crack": {"pooled": {"iou": "0.5"}}}', r"crack\.pooled\.iou: .*received '0.5'"),
        ('{"crack": {"pooled": {"iou": 1.5}}}', r"crack\.pooled\.iou: .*received 1.5"),
        ('{"crack": {"pooled": {"iou": NaN}}}', r"crack\.pooled\.iou: "),
        ('{"crack": {"pooled": {"iuo": 0.5}}}', r"crack\.pooled\.iuo: Extra"),
        ('{"crack": {}, "format": 2}', "format: "),
        ('{"crack": {}, "crack": {}}', "'crack' is there twice"),
    ],
)
def test_what_is_no_such_file_is_said_in_one_line(content, said):
    with pytest.raises(ValueError, match=said) as error:
        parse_figures(content.encode())
    assert "\n" not in str(error.value)

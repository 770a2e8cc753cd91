"""pipelines/figures.py and the artifact made of it."""

import io
import json

import pytest
from rich.console import Console

from crackflow.errors import DataError
from pipelines import figures
from tasks.workspace import Workspace

EVALUATION = {
    "crack": {
        "pooled": {"iou": 0.61234, "f1": 0.7, "precision": 0.8, "recall": 0.9},
        "per_image": {"iou": 0.5, "f1": 0.51},
        "positives": {"iou": 0.4, "f1": 0.41},
        "tolerant_f1": None,
        "false_alarms": {"images": 0.25, "area": 0.001},
    },
    "original": {"dice_coef_multiclass": 0.973, "dice_coef_multiclass_all_background": 0.965},
    "all_background": {
        "pooled": {"iou": 0, "f1": 0.0, "precision": None, "recall": 0.0},
        "per_image": {"iou": 0.13, "f1": 0.13},
        "positives": {"iou": 0.0, "f1": 0.0},
        "tolerant_f1": 0.0,
        "false_alarms": {"images": 0.0, "area": 0.0},
    },
    "protocol": {"threshold": 0.5, "reductions": {"pooled": "summed over images"}},
}


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace(tmp_path)
    for path in (workspace.metrics_json, workspace.reports / "index.html"):
        path.parent.mkdir()
        path.write_text(json.dumps(EVALUATION))
    return workspace


def shown(values, places=()):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(figures.table(values, list(places)))
    return console.export_text()


def test_the_crack_class_leads_and_the_original_comes_last():
    rows = figures.rows(EVALUATION)
    assert rows[0] == ("pooled IoU", "0.612", "0.000")
    assert rows[-1][1:] == ("0.973", "0.965")
    assert "counts background" in rows[-1][0]


def test_each_figure_has_the_all_black_masks_beside_it():
    assert ("mean IoU, all images", "0.500", "0.130") in figures.rows(EVALUATION)
    assert ("mean F1, images with cracks", "0.410", "0.000") in figures.rows(EVALUATION)


def test_an_undefined_figure_is_a_dash():
    assert ("pooled precision", "0.800", "-") in figures.rows(EVALUATION)
    assert ("F1 within the tolerance", "-", "0.000") in figures.rows(EVALUATION)


def test_figures_of_an_older_run_that_lack_some_can_be_shown():
    assert figures.rows({"crack": {"pooled": {"iou": 0.5}}})[0] == ("pooled IoU", "0.500", "-")


def test_file_names_are_shown_as_they_are():
    assert (
        "per_image.csv"
        in shown(EVALUATION, [("per_image.csv", "out/per_image.csv")]).split("outputs")[1].split("out/")[0]
    )


def test_the_table_shows_figures_protocol_and_places(workspace):
    text = shown(EVALUATION, figures.outputs(workspace))
    for words in ("pooled IoU", "0.612", "threshold", "pooled summed over images", "reports/index.html"):
        assert words in text


def test_a_figure_has_its_interval_in_brackets():
    block = {"level": 0.95, "resamples": 2000, "groups": 7, "crack": {"pooled_iou": [0.5, 0.71]}}
    values = {**EVALUATION, "intervals": block}
    assert figures.rows(values)[0] == ("pooled IoU", "0.612 (0.50 to 0.71)", "0.000")
    assert "2,000 resamples of 7 groups of photographs" in " ".join(shown(values).split())


def test_flips_are_shown_with_and_without_where_there_are_both():
    flips = {
        "plain": {"pooled": {"iou": 0.541}, "false_alarms": {"images": 0.1}},
        "averaged": {"pooled": {"iou": 0.552}, "false_alarms": {"images": None}},
    }
    assert "flips" not in shown(EVALUATION)
    lines = shown({**EVALUATION, "flips": flips}).splitlines()
    row = next(line for line in lines if "pooled IoU" in line and "0.541" in line)
    assert row.index("0.541") < row.index("0.552")
    assert any("false alarm" in line and "0.100" in line and "-" in line for line in lines)


def test_the_report_is_the_first_place_and_what_is_absent_is_left_out(workspace):
    assert figures.outputs(workspace) == [("report", "reports/index.html"), ("figures", "metrics/evaluation.json")]


@pytest.mark.parametrize(
    ("text", "message"), [(None, "no figures yet"), ("{", "can't be used"), ("[]", "content: Input")]
)
def test_figures_that_are_not_there_are_said_in_one_line(workspace, text, message):
    if text is None:
        workspace.metrics_json.unlink()
    else:
        workspace.metrics_json.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        figures.read_figures(workspace)
    assert "\n" not in str(caught.value)


def test_the_artifact_is_a_markdown_table():
    from pipelines.flows.artifacts import figure_table

    lines = figure_table(EVALUATION).splitlines()
    assert lines[:3] == [
        "| figure | this model | all-black mask |",
        "| --- | --- | --- |",
        "| pooled IoU | 0.612 | 0.000 |",
    ]

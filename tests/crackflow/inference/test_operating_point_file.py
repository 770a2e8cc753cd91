import json
from dataclasses import asdict

import pytest

from crackflow.errors import ModelError
from crackflow.inference.operating_point import OperatingPoint, sha256
from crackflow.inference.operating_point_file import read_file, read_operating_point, was_chosen_for
from crackflow.strict_json import FORMAT

GOOD = {"format": FORMAT, "threshold": 0.5, "smallest_area": 180.0, "peak": 0.9, "flips": True}


def test_what_was_written_is_read_again(tmp_path):
    point = OperatingPoint(121 / 256, 1000.0, 1 - 2**-15, flips=True)
    (tmp_path / "point.json").write_text(json.dumps({"format": FORMAT, **asdict(point), "value": 0.5}))
    assert read_operating_point(tmp_path / "point.json", 512) == point


def test_files_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "point.json").write_text(
        '{"threshold": 0.25, "metric": "pooled_f1", "chosen_on": "valid", "images": 9}'
    )
    assert read_operating_point(tmp_path / "point.json", 512) == OperatingPoint(0.25, 0, 0, flips=False)
    assert read_file(tmp_path / "point.json").origin() == "valid, pooled_f1"
    # written at revision 505d1b1, with `dropping` and `without_dropping`; 0.0006866455078125 of 512 x 512 px are 180
    (tmp_path / "share.json").write_text(
        '{"threshold": 0.42578125, "smallest_share": 0.0006866455078125, "peak": 0.98894, "flips": false,'
        ' "dropping": "within the target", "without_dropping": {"value": 0.6, "false_alarms": 0.5}}'
    )
    of_512 = read_operating_point(tmp_path / "share.json", 512)
    assert (of_512.threshold, of_512.smallest_area) == (109 / 256, 180)
    assert read_operating_point(tmp_path / "share.json", 256).smallest_area == 45


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"flips": "false"}, "flips: .* received 'false'"),
        ({"flips": 0}, "flips: .* received 0"),
        ({"threshold": True}, "threshold: .* received True"),
        ({"threshold": "0.5"}, "threshold: .* received '0.5'"),
        ({"threshold": 1.5}, "threshold: .*less than or equal to 1, received 1.5"),
        ({"threshold": float("nan")}, "threshold: .*finite"),
        ({"peak": float("inf")}, "peak: .*"),
        ({"smallest_area": -1.0}, "smallest_area: .*greater than or equal to 0, received -1.0"),
        ({"smallest_shre": 0.1}, "smallest_shre: Extra inputs are not permitted"),
        ({"format": 2}, "format: Input should be 1, received 2"),
        ({"model_sha256": "ABC"}, "model_sha256: "),
    ],
)
def test_what_is_not_as_it_was_written_is_said_in_one_line(tmp_path, change, said):
    (tmp_path / "point.json").write_text(json.dumps(GOOD | change))
    with pytest.raises(ModelError, match=rf"can't be used \({said}.*\); evaluate the model again") as error:
        read_operating_point(tmp_path / "point.json", 512)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "1",
        "{",
        "[" * 100_000,
        '{"peak": 0, "peak": 1}',
        "\ufeff{}",
        '{"threshold": null}',
    ],
)
def test_what_is_no_operating_point_is_said_in_one_line(tmp_path, text):
    (tmp_path / "point.json").write_text(text)
    with pytest.raises(ModelError, match=r"can't be used \(.*\); evaluate the model again") as error:
        read_operating_point(tmp_path / "point.json", 512)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    with pytest.raises(ModelError, match="no operating point at"):
        read_operating_point(tmp_path / "none.json", 512)


def test_a_point_belongs_to_the_model_that_it_names(tmp_path):
    model, point = tmp_path / "a.keras", tmp_path / "point.json"
    model.write_bytes(b"model")
    point.write_text(json.dumps({**GOOD, "model_sha256": sha256(model)}))
    assert was_chosen_for(point, model)
    model.write_bytes(b"other")
    assert not was_chosen_for(point, model)
    point.write_text(json.dumps(GOOD))
    assert was_chosen_for(point, model)

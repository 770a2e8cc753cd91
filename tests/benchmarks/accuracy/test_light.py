import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import foreign, light, real, trials

RANDOM = np.random.default_rng(0)


def test_grey_world_gives_all_channels_one_mean_by_hand():
    """Means 60, 90, 30: the mean of the three is 60, so the gains are 1, 2/3 and 2."""
    image = np.array([[[40, 120, 20], [80, 60, 40]]], np.uint8)
    assert light.grey_world(image).tolist() == [[[40, 80, 40], [80, 40, 80]]]


def test_a_stretch_fills_the_range_and_clahe_raises_the_contrast_of_a_pale_photograph():
    image = RANDOM.integers(110, 130, (64, 64, 1), np.uint8).repeat(3, axis=2)
    stretched = light.stretched(image)
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert light.clahe(image).std() > 1.5 * image.std()


@pytest.mark.parametrize("change", light.LIGHTS.values())
def test_every_light_keeps_shape_and_type_also_of_one_colour(change):
    for image in (np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)):
        changed = change(image)
        assert (changed.shape, changed.dtype) == (image.shape, np.uint8)


def test_without_trainings_it_says_what_to_do(tmp_path, monkeypatch):
    rows = [(f"{source}_{k}", source, "valid", f"{source}_{k}") for source in foreign.FOLDS[0] for k in range(3)]
    monkeypatch.setattr(trials, "rows", lambda: pd.DataFrame(rows, columns=["stem", "source", "subset", "group"]))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw.json").write_text('{"sha256": "0"}')
    monkeypatch.setattr(real, "TREE", tmp_path)
    monkeypatch.setattr(trials, "TRIALS", tmp_path / "trials")
    monkeypatch.setattr("sys.argv", ["light"])
    with pytest.raises(SystemExit, match="trainings are not done"):
        light.main()


def test_a_row_a_light_beside_the_photograph_as_it_is():
    place = {"pooled_iou": 0.4, "others_threshold": 0.3, "best_threshold": 0.5}
    base = {"home": [{"pooled_iou": 0.6, "false_alarms": 0.2}], "places": {"a": place, "b": place}}
    better = base | {"places": {"a": place | {"pooled_iou": 0.5}, "b": place | {"pooled_iou": 0.5}}}
    *_, first, second = light.lights({"as it is": base, "CLAHE": better}).splitlines()
    assert first == "| as it is | 0.600 | 0.200 | 0.400 | 0.300 | 0.500 | 0.400 | - | - |"
    assert second.startswith("| CLAHE | 0.600 | 0.200 | 0.500 | 0.300 | 0.500 | 0.500 | +0.100 (+0.100 to +0.100) |")


def test_the_page_has_what_was_measured():
    page = light.PAGE.read_text(encoding="utf-8")
    assert light.page(page) == page
    if light.RESULTS.exists():
        assert set(json.loads(light.RESULTS.read_text())["lights"]) == {"as it is", *light.LIGHTS}

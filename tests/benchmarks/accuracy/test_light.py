import json

import numpy as np
import pytest

from benchmarks.accuracy import light, views
from crackflow.imaging.images import write_png
from crackflow.inference import packaged_weights
from crackflow.runtimes.choice import choose_runtime, load
from crackflow.sources.folder import find_pairs

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


def test_every_light_is_scored_at_the_photographs_own_size(tmp_path):
    image = RANDOM.integers(0, 256, (40, 64, 3), np.uint8)
    mask = np.zeros((40, 64, 3), np.uint8)
    mask[20:24] = 255
    write_png(tmp_path / "images/CFD_001.png", image)
    write_png(tmp_path / "masks/CFD_001.png", mask)
    weights = packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    network = load(weights.model, choose_runtime(weights.model))
    found = light.marked(find_pairs(tmp_path).pairs[0], network, weights)
    assert list(found) == list(light.LIGHTS)
    for tp, fp, fn, tn in found.values():
        assert (tp + fn, tp + fp + fn + tn) == (4 * 64, 40 * 64)


def test_a_row_a_light_beside_the_photograph_as_it_is():
    """Pooled IoU 2 / 4, and 3 / 4 with CLAHE, of two photographs."""
    as_it_is, better = [2, 1, 1, 96], [3, 1, 0, 96]
    one = {name: better if name == "CLAHE" else as_it_is for name in light.LIGHTS}
    rows = [{"stem": stem, "group": stem, "counts": one} for stem in "ab"]
    found = {
        "command": "measure",
        "model": "weights",
        "operating_point": "crack above 0.5",
        "pairs": "2 pairs",
        "places": {light.KNOWN: {**views.figures(rows, tuple(light.LIGHTS)), "sources": ["CFD"]}},
    }
    lines = light.table(found).splitlines()
    assert lines[2] == "| known places: as it is | 0.500 |  | 0.500 |  |  |"
    assert lines[4].startswith("| known places: CLAHE | 0.750 | +0.250 (+0.250 to +0.250) | 0.750 |")
    assert "known places: 2 photographs, 2 with cracks, of 1 source." in lines[-1]


def test_the_page_has_what_was_measured():
    values = json.loads(light.RESULTS.read_text(encoding="utf-8"))
    assert light.table(values) in light.PAGE.read_text(encoding="utf-8")

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.data.copies import LABELLED, PAGE, RESULTS, changed, page
from crackflow.splitting.features.local_features import at_side, local_features
from crackflow.splitting.features.overlaps import overlap
from tests.crackflow.splitting.features.textures import pavement


def test_the_page_holds_the_figures_of_the_results():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


def test_labels_are_of_pairs_that_were_joined_and_each_stands_once():
    table = pd.read_csv(LABELLED, keep_default_na=False)
    assert set(table.label) <= {"scene", "different"}
    assert not table.duplicated(["one", "other"]).any()
    listed = json.loads(RESULTS.read_text(encoding="utf-8"))["joined"]["list"]
    assert {(one["one"], one["other"]) for one in listed} >= set(zip(table.one, table.other, strict=True))


@pytest.mark.parametrize(("crop", "share"), [(False, 1), (True, 0.5)])
def test_a_copy_is_a_plausible_one_and_of_the_area_that_was_asked_for(crop, share):
    image = np.repeat(pavement(1, 160)[..., None], 3, axis=2)
    features = local_features(image[..., 0])
    found = []
    for seed in range(6):
        copy = changed(image, np.random.default_rng(seed), crop=crop)
        assert copy.shape[0] * copy.shape[1] == pytest.approx(share * 160**2, rel=0.03)
        there = local_features(at_side(copy[..., 0]))
        found.append(overlap(features, there) or overlap(features.mirrored(), there))
    assert sum(one is not None for one in found) >= 5
    assert np.array_equal(copy, changed(image, np.random.default_rng(5), crop=crop))

import numpy as np
import pandas as pd

from benchmarks.data.duplicates import LABELLED, PAGE, page, shared, turned
from crackflow.imaging.perceptual_hash import perceptual_hash
from crackflow.splitting.near_duplicates import TURNS, near_duplicates


def test_the_page_holds_the_figures_of_the_results():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text


def test_overlap_of_two_crops():
    """10 x 10 at (0, 0) and 10 x 20 at (5, 0) share 5 x 10 = 50 of 100 + 200 - 50 = 250."""
    assert shared([0, 0, 10, 10], [5, 0, 10, 20]) == 0.2
    assert shared([0, 0, 10, 10], [10, 0, 10, 10]) == 0
    assert shared([3, 4, 10, 10], [3, 4, 10, 10]) == 1


def test_turning_a_picture_gives_what_the_search_calls_it():
    image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    for turn in TURNS:
        hashes = {"a": perceptual_hash(image), "b": perceptual_hash(turned(image, turn))}
        assert near_duplicates(hashes, 8)[0].turn == turn


def test_the_labels_are_of_pairs_that_each_stand_once():
    table = pd.read_csv(LABELLED, keep_default_na=False)
    assert set(table.label) == {"same", "scene", "different"}
    assert set(table.turn) <= set(TURNS)
    assert not table.duplicated(["one", "other"]).any()
    assert list(table.bits) == sorted(table.bits)

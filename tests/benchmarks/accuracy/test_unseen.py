import cv2
import numpy as np
import pytest

from benchmarks.accuracy.unseen import draw
from crackflow.inference.packaged_weights import Seen
from crackflow.models.seen_pairs import stem_hash


@pytest.fixture
def folder(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for stem in (*(f"CFD_{n:03d}" for n in range(8)), "wall_a"):
            cv2.imwrite(str(tmp_path / kind / f"{stem}.png"), np.zeros((4, 4), np.uint8))
    return tmp_path


def stems(found, source="CFD"):
    return [pair.stem for pair in found.by_source[source]]


def test_what_the_model_has_seen_is_never_drawn(folder):
    seen = Seen(frozenset([stem_hash("CFD_000")]), frozenset([stem_hash("CFD_001"), stem_hash("wall_a")]))
    found = draw(folder, seen, 100, 0)
    assert sorted(stems(found)) == [f"CFD_{n:03d}" for n in range(2, 8)]
    assert set(found.by_source) == {"CFD"}
    assert (found.there, found.seen, found.untrained) == (9, 3, frozenset())


def test_a_source_is_untrained_where_the_model_was_fitted_to_none_of_its_pairs(folder):
    """That its operating point was chosen on some does not change it."""
    seen = Seen(frozenset([stem_hash("CFD_000")]), frozenset([stem_hash("CFD_001")]))
    assert draw(folder, seen, 100, 0).untrained == {"wall"}


def test_more_of_a_source_hold_those_that_fewer_draw(folder):
    nothing = Seen(frozenset(), frozenset())
    few, many = (stems(draw(folder, nothing, each, 0)) for each in (3, 5))
    assert (len(few), len(many)) == (3, 5)
    assert many[:3] == few
    assert stems(draw(folder, nothing, 8, 1)) != stems(draw(folder, nothing, 8, 0))
    assert set(draw(folder, nothing, 8, 0, ["wall"]).by_source) == {"wall"}

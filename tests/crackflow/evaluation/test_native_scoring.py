import numpy as np
import pytest

from crackflow.evaluation.native_scoring import probabilities, spread
from crackflow.inference.looks import Look


def test_probabilities_of_a_look_at_half_the_size():
    """Levels 16384 and 49152 of 65536 are 0.25 and 0.75; between their centres they are interpolated."""
    found = probabilities(Look(0.5, np.array([[[16384, 49152]]], np.uint16)), (1, 4))
    assert found.shape == (1, 4, 2)
    np.testing.assert_allclose(found[0, :, 1], [0.25, 0.375, 0.625, 0.75])
    np.testing.assert_allclose(found.sum(axis=-1), 1)


def test_of_several_classes_each_has_its_own():
    """The planes are any crack, then each class."""
    planes = np.array([0.75, 0.5, 0.25]).reshape(3, 1, 1) * 65536
    found = probabilities(Look(1.0, planes.astype(np.uint16)), (1, 1))
    np.testing.assert_allclose(found[0, 0], [0.25, 0.5, 0.25])


@pytest.mark.parametrize(("sizes", "words"), [([(3, 4), (3, 4)], "4x3"), ([(30, 40), (3, 4), (9, 9)], "4x3 to 40x30")])
def test_sizes_in_words(sizes, words):
    assert spread(sizes) == words

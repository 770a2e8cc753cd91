import numpy as np
import pytest

from crackflow.evaluation.image_scores import score_image


@pytest.fixture(scope="session")
def image():
    """A function that scores one row of pixels, as a model that is sure of its classes predicts them."""

    def score(stem, source, predicted, truth, classes=2):
        predicted, truth = np.array([predicted], np.uint8), np.array([truth], np.uint8)
        probabilities = np.eye(classes, dtype=np.float32)[predicted]
        return score_image(stem, source, stem, probabilities, predicted, truth, tolerance_px=0)

    return score


@pytest.fixture
def three(image):
    """A: tp 1, fp 1, fn 1. B: rightly empty. C: a false alarm of one pixel in four, crack-free."""
    return [
        image("A", "road", [0, 1, 1, 0], [1, 1, 0, 0]),
        image("C", "wall", [1, 0, 0, 0], [0, 0, 0, 0]),
        image("B", "wall", [0, 0, 0, 0], [0, 0, 0, 0]),
    ]

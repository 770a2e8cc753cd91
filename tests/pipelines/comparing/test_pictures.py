import base64

import cv2
import numpy as np

from crackflow.visualization.overlays import FOUND, MISSED, STRONG
from pipelines.comparing.compared import compare
from pipelines.comparing.pictures import pictures
from pipelines.comparing.side import find


def colour(address):
    """The mean colour of a picture, RGB."""
    data = np.frombuffer(base64.b64decode(address.removeprefix("data:image/jpeg;base64,")), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].mean(axis=(0, 1))


def drawn(repository):
    sides = find(repository.root, "main"), find(repository.root, "better")
    return pictures(compare(*sides), *sides, 2)


def test_both_masks_beside_the_photograph(repository):
    """All pixels are crack; the old masks are empty, the new ones full. Photographs lie in the work tree alone."""
    repository.git("checkout", "-q", "main")
    sides = find(repository.root, "main"), find(repository.root, None)
    repository.git("checkout", "-q", "better")
    found, absent = pictures(compare(*sides), *sides, 2)
    assert absent == ""
    assert [one.image.stem for one in found] == ["c", "a", "d", "b"]
    assert all(one.gained for one in found)
    first = found[0]
    assert np.allclose(colour(first.photograph), 128, atol=2)
    solid = [STRONG * level + (1 - STRONG) * 128 for level in FOUND.colour]
    assert np.allclose(colour(first.new), solid, atol=3)
    # dots of yellow: less blue than red and green
    red, green, blue = colour(first.old)
    assert MISSED.colour[2] < blue < min(red, green) - 20


def test_pictures_that_can_not_be_had_are_said(repository):
    """Two commits without data/resized in DVC: it is in no cache."""
    found, absent = drawn(repository)
    assert found == []
    assert absent.startswith("data/resized/images/c.png of ")
    assert "`dvc fetch --all-commits data/resized` gets it" in absent

import json

import cv2
import numpy as np
import pytest

from crackflow.splitting.features.local_features import COUNT, SIDE, local_features, unpack
from tests.crackflow.splitting.features.textures import pavement


@pytest.fixture(autouse=True)
def one_thread():
    own = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(own)


def test_features_of_a_mirrored_picture_follow_without_looking_at_it():
    """OpenCV places features of the mirrored picture up to half a pixel off, and chooses a few others."""
    grey = pavement(1, SIDE)
    expected, found = local_features(np.ascontiguousarray(grey[:, ::-1])), local_features(grey).mirrored()
    assert len(found.points) > 100
    apart = []
    for point, angle, descriptor in zip(*found, strict=True):
        close = np.abs(expected.points - point).max(axis=1) <= 2
        close &= np.abs((expected.angles - angle + 180) % 360 - 180) <= 3
        if close.any():
            apart.append(np.abs(expected.descriptors[close].astype(int) - descriptor).max(axis=1).min())
    assert len(apart) > 0.6 * len(found.points)
    # of levels that reach 180
    assert np.percentile(apart, 90) <= 30


def test_what_is_packed_is_read_back():
    features = local_features(pavement(2))
    assert COUNT * 0.3 < len(features.points) <= COUNT + 5
    assert (features.points >= 0).all()
    assert (features.points < SIDE).all()
    back = unpack(json.loads(json.dumps(features.packed())))
    for one, other in zip(features, back, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def test_a_flat_picture_has_none():
    features = local_features(np.full((40, 30), 128, np.uint8))
    assert [array.shape for array in features] == [(0, 2), (0,), (0, 128)]
    assert [array.shape for array in unpack(features.packed())] == [(0, 2), (0,), (0, 128)]
    assert features.mirrored().points.shape == (0, 2)

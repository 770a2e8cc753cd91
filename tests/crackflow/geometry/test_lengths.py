import math

import cv2
import numpy as np
import pytest
from scipy.signal import savgol_filter

from crackflow.geometry.lengths import length, reach_tip, smooth, straight, straighten_joint


@pytest.mark.parametrize("angle", range(0, 91, 15))
def test_a_digital_line(angle):
    """Pixels of a straight line: the steps are up to 8 % too many, the smoothed ones less than 0.5 %."""
    x, y = 100 * math.cos(math.radians(angle)), 100 * math.sin(math.radians(angle))
    count = round(max(x, y)) + 1
    points = np.rint(np.linspace((0.3, 0.2), (x + 0.3, y + 0.2), count))
    true = math.dist(points[0], points[-1])
    assert length(smooth(points)) == pytest.approx(true, rel=0.005)


def test_a_digital_circle():
    mask = cv2.circle(np.zeros((80, 80), np.uint8), (40, 40), 30, 1, 1)
    points = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0][:, 0].astype(float)
    ring = np.concatenate([points, points[:1]])
    around = 2 * math.pi * np.hypot(*(points - 40).T).mean()
    assert length(ring) > 1.04 * around
    assert length(smooth(ring, ring=True)) == pytest.approx(around, rel=0.005)


@pytest.mark.parametrize("count", [5, 6, 11, 40])
def test_smoothing_is_that_of_scipy(count):
    points = np.random.default_rng(count).normal(0, 1, (count, 2)).cumsum(axis=0)
    window = min(11, count - 1 + count % 2)
    assert smooth(points)[1:-1] == pytest.approx(savgol_filter(points, window, 2, axis=0)[1:-1])
    ring = np.concatenate([points, points[:1]])
    if count > 11:
        around = savgol_filter(points, 11, 2, axis=0, mode="wrap")
        assert smooth(ring, ring=True) == pytest.approx(np.concatenate([around, around[:1]]))


def test_short_chains_stay():
    points = np.array([[0.0, 0], [1, 0], [2, 1]])
    assert smooth(points).tolist() == points.tolist()


def test_straight():
    assert straight(np.array([0.0, 0]), np.array([3.0, 4])).tolist() == [
        pytest.approx([0.6 * k, 0.8 * k]) for k in range(6)
    ]


def band(left, right, half):
    """A horizontal band around row 20 and its distances."""
    mask = np.zeros((41, 64), np.uint8)
    mask[20 - half : 21 + half, left:right] = 1
    return mask > 0, cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


@pytest.mark.parametrize("hook", [False, True])
def test_a_branch_reaches_the_blunt_end(hook):
    crack, depth = band(5, 50, 5)
    # the last pixel is column 49, whose right edge is at 49.5; thinning ends 5 px earlier, or in a corner
    points = np.stack([np.arange(10.0, 45), np.full(35, 20.0)], axis=1)
    if hook:
        points = np.concatenate([points, [[45 + k, 21 + k] for k in range(5)]])
    path = reach_tip(points, crack, depth)
    assert path[-1] == pytest.approx([49.5, 20], abs=0.2)
    assert length(path) == pytest.approx(39.5, abs=0.2)


def test_a_branch_ends_with_the_photograph():
    crack, _ = band(5, 64, 5)
    points = np.stack([np.arange(10.0, 64), np.full(54, 20.0)], axis=1)
    path = reach_tip(points, crack, np.full(crack.shape, 5.0, np.float32))
    assert path[-1] == pytest.approx([63.5, 20], abs=0.2)


def test_a_branch_runs_straight_into_a_junction():
    # 20 px along x, then 4 px aside within 8 px of the junction
    points = np.array([[k, 0.0] for k in range(21)] + [[21 + k, 1.0 + k] for k in range(4)])
    path = straighten_joint(points, 8.0)
    assert path[-1].tolist() == [24, 4]
    # 0.75 * 8 = 6 px away from (24, 4): (19, 0) is the last that is at least so far
    assert length(path) == pytest.approx(19 + math.hypot(5, 4))

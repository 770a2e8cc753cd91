import cv2
import numpy as np
import pytest

from crackflow.geometry.pruning import join_junctions, prune
from crackflow.geometry.skeleton import trace


def drawn(*lines, width=1, size=64):
    mask = np.zeros((size, size), np.uint8)
    for line in lines:
        cv2.polylines(mask, [np.array(line, np.int32)], False, 1, width)
    return mask > 0


def graph(mask):
    return trace(mask, cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def counts(mask, spur_factor=1.0):
    found = graph(mask)
    prune(found, spur_factor)
    join_junctions(found)
    return len(found.branches), found.ends, found.junctions, found.loops


PLUS = [(10, 30), (50, 30)], [(30, 10), (30, 50)]
SQUARE = [(10, 10), (50, 10), (50, 50), (10, 50), (10, 10)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([[(10, 30), (50, 30)]], (1, 2, 0, 0)),
        # a bend has a pixel with a neighbour on two sides, and is no junction
        ([[(10, 10), (30, 10), (30, 50)]], (1, 2, 0, 0)),
        ([[(0, 0), (63, 63)]], (1, 2, 0, 0)),
        (PLUS, (4, 4, 1, 0)),
        ([SQUARE], (1, 0, 0, 1)),
        # a square with a tail, and one with a bar across: two ways around
        ([SQUARE, [(50, 30), (60, 30)]], (2, 1, 1, 1)),
        ([SQUARE, [(10, 30), (50, 30)]], (3, 0, 2, 2)),
        # three crossings, with three ends beyond each side, close one triangle
        ([[(5, 10), (60, 10)], [(10, 5), (40, 60)], [(55, 5), (25, 60)]], (9, 6, 3, 1)),
    ],
)
def test_counts(lines, expected):
    assert counts(drawn(*lines)) == expected


@pytest.mark.parametrize(("pixels", "branches"), [([(5, 5)], 0), ([(5, 5), (6, 6)], 1), ([(5, 5), (5, 6), (5, 7)], 1)])
def test_the_smallest(pixels, branches):
    mask = np.zeros((12, 12), np.bool_)
    mask[tuple(np.transpose(pixels))] = True
    assert len(graph(mask).branches) == branches


@pytest.mark.parametrize("turn", range(4))
def test_a_slanted_line_of_two_pixels_keeps_its_length(turn):
    mask = np.zeros((64, 64), np.bool_)
    steps = np.arange(8, 56)
    mask[steps, steps] = mask[steps, steps + 1] = True
    (branch,) = graph(np.ascontiguousarray(np.rot90(mask, turn))).branches.values()
    assert 46 <= len(branch.points) <= 49


def test_points_of_a_branch():
    (branch,) = graph(drawn([(10, 30), (14, 30)])).branches.values()
    # thinning keeps a line of one pixel
    assert sorted(branch.points.tolist()) == [[10, 30], [11, 30], [12, 30], [13, 30], [14, 30]]
    assert branch.steps == 4


def test_spurs_go_and_branches_stay():
    band = drawn([(5, 30), (58, 30)], width=9)
    tooth, branch = band.copy(), band.copy()
    # the band ends 4 px from its middle line: the tooth 4 px beyond that is shorter than the width, the branch isn't
    tooth[22:31, 30:32] = True
    branch[8:31, 30:32] = True
    assert counts(tooth) == (1, 2, 0, 0)
    assert counts(branch) == (3, 3, 1, 0)
    assert counts(tooth, 0.1)[0] > 1


def test_a_blob_keeps_one_branch():
    assert counts(cv2.circle(np.zeros((40, 40), np.uint8), (20, 20), 12, 1, -1) > 0)[2] == 0


def test_a_slanted_crossing_is_one_junction():
    crossing = drawn([(5, 20), (58, 44)], [(5, 44), (58, 20)], width=7)
    found = graph(crossing)
    prune(found, 1.0)
    assert found.junctions == 2
    join_junctions(found)
    assert (len(found.branches), found.ends, found.junctions) == (4, 4, 1)
    # at the crossing, 31.5 across and 32 down
    (node,) = (number for number, branches in found.at.items() if len(branches) > 2)
    for branch in found.branches.values():
        place = branch.points[0 if branch.nodes[0] == node else -1]
        assert np.hypot(*(place - (31.5, 32))) < 2
        assert np.hypot(*np.diff(branch.points, axis=0).T).max() < 1.5

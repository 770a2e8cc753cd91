import cv2
import numpy as np
import pytest
import shapely
from skimage.draw import polygon2mask

from crackflow.results.outlines import regions, without_holes


def test_an_outline_runs_along_the_edges_of_pixels():
    mask = np.zeros((6, 7), np.uint8)
    mask[2:4, 1:5] = 1
    (found,) = regions(mask, {})
    assert {tuple(point) for point in found.outer} == {(1, 2), (5, 2), (5, 4), (1, 4)}
    assert (found.box, found.area_px, found.class_number, found.crack) == ((1, 2, 4, 2), 8, 1, None)
    assert found.holes == ()


def test_a_single_pixel_is_a_square():
    (found,) = regions(np.ones((1, 1), np.uint8), {})
    assert {tuple(point) for point in found.outer} == {(0, 0), (1, 0), (1, 1), (0, 1)}


def test_pixels_that_touch_at_a_corner_are_one_region():
    (found,) = regions(np.eye(3, dtype=np.uint8), {})
    assert shapely.Polygon(found.outer).area == 3


def test_a_region_belongs_to_the_crack_whose_skeleton_runs_through_it(mask):
    """The skeleton passes the gap between ring and bar; the lone pixel has none."""
    path = np.array([(3, 1), (4, 1), (5, 1)], np.int32)
    assert [(one.box, one.crack) for one in regions(mask, {7: [path]})] == [
        ((1, 1, 3, 3), 7),
        ((5, 1, 3, 1), 7),
        ((10, 6, 1, 1), None),
    ]


@pytest.mark.parametrize("cell", [1, 3, 7])
def test_cut_up_by_cells_the_regions_are_those_of_the_whole_mask(monkeypatch, cell):
    mask = (np.random.default_rng(1).random((40, 50)) < 0.3).astype(np.uint8)
    mask[:, 30:35] = 0
    path = np.array([(x, 20) for x in range(50) if mask[20, x]], np.int32)

    def found():
        return {
            (one.box, one.area_px, one.crack, shapely.Polygon(one.outer).area) for one in regions(mask, {4: [path]})
        }

    monkeypatch.setattr("crackflow.results.outlines._CELL", 100)
    whole = found()
    monkeypatch.setattr("crackflow.results.outlines._CELL", cell)
    assert found() == whole
    assert len(whole) > 20
    assert {crack for _, _, crack, _ in whole} == {4, None}


def test_each_class_has_its_own_regions():
    mask = np.array([[1, 1, 3]], np.uint8)
    assert [(one.class_number, one.box) for one in regions(mask, {})] == [(1, (0, 0, 2, 1)), (3, (2, 0, 1, 1))]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_polygons_give_back_the_mask_whoever_fills_them(share):
    """shapely tells areas, scikit-image and OpenCV fill; noise has holes in holes and all kinds of corners."""
    mask = (np.random.default_rng(1).random((37, 53)) < share).astype(np.uint8)
    by_scikit, by_opencv = np.zeros_like(mask), np.zeros_like(mask)
    for found in regions(mask, {}):
        assert shapely.Polygon(found.outer, found.holes).area == found.area_px
        ring = without_holes(found)
        by_scikit |= polygon2mask(mask.shape, ring[:, ::-1] - 0.5).astype(np.uint8)
        part = np.zeros((37 * 8, 53 * 8), np.uint8)
        cv2.fillPoly(part, [np.int32(ring * 8)], 1)
        # the centre of each pixel, off the border that OpenCV fills too
        by_opencv |= part[3::8, 4::8]
    np.testing.assert_array_equal(by_scikit, mask)
    np.testing.assert_array_equal(by_opencv, mask)


def test_cuts_to_holes_have_no_area(mask):
    ring = without_holes(regions(mask, {})[0])
    after = np.roll(ring, -1, axis=0)
    # the shoelace formula
    assert abs((ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0]).sum()) / 2 == 8

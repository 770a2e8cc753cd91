import numpy as np

from crackflow.visualization.outlines import LINE, RIM, outlined


def test_the_line_lies_around_the_mask_and_leaves_it_visible():
    """A band of rows 20..23: line on rows 18, 19, 24, 25, rim on 16, 17, 26, 27, the photograph everywhere else."""
    image = np.random.default_rng(0).integers(50, 200, (48, 40, 3)).astype(np.uint8)
    crack = np.zeros((48, 40), bool)
    crack[20:24] = True
    before = image.copy()
    out = outlined(image, crack, line_px=2)
    line, rim = [18, 19, 24, 25], [16, 17, 26, 27]
    assert (out[line] == LINE).all()
    assert (out[rim] == RIM).all()
    rest = [row for row in range(48) if row not in line + rim]
    assert (out[rest] == before[rest]).all()
    assert (image == before).all()


def test_holes_of_one_pixel_get_no_line():
    image = np.full((32, 32, 3), 90, np.uint8)
    crack = np.zeros((32, 32), bool)
    crack[10:20, 5:25] = True
    crack[14, 8:22:3] = False
    assert (outlined(image, crack)[10:20, 5:25] == 90).all()


def test_an_empty_mask_changes_nothing():
    image = np.full((16, 16, 3), 90, np.uint8)
    assert (outlined(image, np.zeros((16, 16), bool)) == image).all()

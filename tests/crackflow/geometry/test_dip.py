import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from crackflow.geometry.dip import find_dips
from crackflow.geometry.dip_fit import fit_widths

X = np.arange(-20, 21.0)
FINE = 40


def profile(width, *, blur=0.0, floor=5.0, surface=100.0, centre=0.0):
    """A bar, blurred by SciPy on a grid 40 times as fine, then averaged over each pixel."""
    fine = (np.arange(len(X) * FINE) + 0.5) / FINE - 0.5 + X[0]
    bar = np.where(np.abs(fine - centre) < width / 2, floor, surface)
    if blur:
        bar = gaussian_filter1d(bar, blur * FINE)
    return bar.reshape(-1, FINE).mean(axis=1)


def found(*profiles):
    levels = np.stack(profiles)
    valid = np.ones(levels.shape, np.bool_)
    dips = find_dips(X, levels, valid, np.full(len(levels), 8.0))
    return dips, fit_widths(X, levels, valid, dips)


def test_a_bar_of_whole_pixels():
    # five pixels of level 5: half of the depth, 52.5, is crossed half-way to the neighbours at level 100
    dips, _ = found(profile(5.0))
    assert dips.half_depth[0] == pytest.approx(5.0)
    # the floor is 5 % of the surface, so the area of 5 * 95 is 5 px wide
    assert dips.rectangle[0] == pytest.approx(5.0)
    assert (dips.surface[0], dips.lowest[0], dips.centre[0]) == (100, 5, 0)


def test_a_bar_within_a_pixel():
    # the pixel is 0.4 dark: level 62. The rectangle transform finds 0.4, the half-depth crossing a whole pixel
    dips, widths = found(profile(0.4))
    assert dips.rectangle[0] == pytest.approx(0.4)
    assert dips.half_depth[0] == pytest.approx(1.0)
    assert widths.width[0] == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("blur", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("width", [1.0, 2.0, 4.0, 9.0])
def test_the_fit_knows_blur(width, blur):
    _, widths = found(*(profile(width, blur=blur, centre=c) for c in (0.0, 0.3, -1.2)))
    assert widths.clear.all()
    assert widths.width == pytest.approx(width, abs=0.1)
    assert widths.centre == pytest.approx([0, 0.3, -1.2], abs=0.1)


def test_a_wide_crack_tells_its_own_floor():
    dips, widths = found(profile(9.0, blur=1.0, floor=45.0))
    assert widths.width[0] == pytest.approx(9.0, abs=0.1)
    assert dips.rectangle[0] < 6


def test_what_is_no_dip():
    noise = np.random.default_rng(0).normal(100, 4, len(X))
    flat, bright = np.full(len(X), 100.0), profile(3.0, floor=200.0)
    # a step is dark on one side up to the end of the profile: there is no surface beyond
    step = np.where(X < 0, 100.0, 20.0)
    assert found(flat, bright, step, noise)[1].clear.tolist() == [False, False, False, False]


def test_a_black_photograph():
    dips, widths = found(np.zeros(len(X)), np.full(len(X), 255.0))
    assert np.isfinite(np.stack(dips)).all()
    assert not widths.clear.any()


def test_samples_outside_of_the_photograph_do_not_count():
    levels = np.stack([profile(3.0, blur=0.7)] * 2)
    levels[1, :14] = 0
    valid = np.ones(levels.shape, np.bool_)
    valid[1, :14] = False
    dips = find_dips(X, levels, valid, np.full(2, 8.0))
    widths = fit_widths(X, levels, valid, dips)
    assert widths.clear.all()
    assert widths.width[1] == pytest.approx(widths.width[0], abs=0.05)

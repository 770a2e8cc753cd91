"""A made surface photographed twice: by which tone and blur the two differ is known."""

import cv2
import numpy as np
import pytest

from crackflow.geometry.alike import make_alike
from crackflow.geometry.growth import compare, look

SHAPE = (160, 240)
ALL = np.ones(SHAPE, bool)


def surface(seed=0):
    """Levels around 150 with grain and stains of some px, float64 (H, W)."""
    rng = np.random.default_rng(seed)
    grain = sum(2 * sigma * cv2.GaussianBlur(rng.normal(0, 9, SHAPE), (0, 0), sigma) for sigma in (0.8, 2.0, 5.0))
    return 150 + grain


def bar(width, level=0.3):
    """How much light a crack along row 80 leaves: its edges lie within pixels."""
    rows = np.arange(SHAPE[0])[:, None] + np.zeros(SHAPE)
    return 1 - (1 - level) * np.clip(width / 2 + 0.5 - np.abs(rows - 80), 0, 1)


def photograph(scene, seed=0, gamma=1.0, blur=0.6, light=1.0):
    seen = cv2.GaussianBlur(scene * light, (0, 0), blur) + np.random.default_rng(seed).normal(0, 2, SHAPE)
    return np.rint(255 * (np.clip(seen, 0, 255) / 255) ** gamma).astype(np.uint8)


@pytest.mark.parametrize("gamma", [0.7, 1.0, 1.4])
@pytest.mark.parametrize("light", [0.7, 1.2])
def test_the_tone_of_the_first(gamma, light):
    first, second = photograph(surface(), 1), photograph(surface(), 2, gamma, light=light)
    found = make_alike(first, second, ALL)
    assert found.known
    # level^gamma to the power 1 / gamma
    assert found.exponent == pytest.approx(1 / gamma, rel=0.06)
    assert abs(found.blur_px) <= 0.5
    assert found.second.mean() == pytest.approx(found.first.mean(), abs=2)
    assert found.second.std() == pytest.approx(found.first.std(), rel=0.1)


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_the_sharper_one_is_blurred(blur):
    sharp, dull = photograph(surface(), 1), photograph(surface(), 2, blur=float(np.hypot(0.6, blur)))
    for first, second, sign in ((sharp, dull, 1), (dull, sharp, -1)):
        found = make_alike(first, second, ALL)
        assert found.blur_px == pytest.approx(sign * blur, abs=0.5)
        assert found.exponent == pytest.approx(1, abs=0.06)
        assert np.corrcoef(found.first.ravel(), found.second.ravel())[0, 1] > 0.95


def test_what_is_no_surface_takes_no_part():
    """A crack that is darker at one date, and a part that one photograph does not show."""
    first, second = photograph(surface() * bar(9, 0.9), 1), photograph(surface() * bar(9, 0.1), 2)
    second[:, :60] = 0
    known = ALL.copy()
    known[70:91] = False
    known[:, :70] = False
    found = make_alike(first, second, known)
    assert found.exponent == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("what", ["another place", "no texture", "black", "no surface"])
def test_photographs_that_tell_nothing_stay_as_they_are(what):
    first = photograph(surface(), 1)
    second = {"another place": photograph(surface(5), 2), "black": np.zeros(SHAPE, np.uint8)}.get(
        what, np.full(SHAPE, 150, np.uint8)
    )
    found = make_alike(first, first if what == "no surface" else second, ALL & (what != "no surface"))
    assert not found.known
    np.testing.assert_array_equal(found.first, first)
    assert (found.exponent, found.blur_px) == (1, 0)


def width_change(first, second, *, alike):
    """What is said of the width of the crack along row 80; its mask is broader than it, as a network's is."""
    mask = np.zeros(SHAPE, bool)
    mask[74:87, 20:220] = True
    surface = ALL.copy()
    surface[64:97] = False
    found = make_alike(first, second, surface)
    photos = (found.first, found.second) if alike else (first, second)
    (crack,) = compare(*(look(photo, mask) for photo in photos), 0.0).cracks
    return crack.width_change, crack.width_after_px - crack.width_before_px


@pytest.mark.parametrize(("change", "told"), [({"gamma": 0.7}, True), ({"gamma": 1.4}, False), ({"blur": 2.1}, True)])
def test_other_tone_and_focus_make_no_crack_wider(change, told):
    scene = surface() * bar(4)
    first, second = photograph(scene, 1), photograph(scene, 2, **change)
    said, by = width_change(first, second, alike=False)
    assert (said in ("wider", "narrower"), abs(by) > 0.5) == (told, told)
    said, by = width_change(first, second, alike=True)
    assert said == "not told apart"
    assert abs(by) < 0.3


@pytest.mark.parametrize("change", [{"gamma": 0.7}, {"gamma": 1.4}, {"blur": 2.1}, {}])
def test_a_crack_that_is_wider_is_told_in_other_light(change):
    first, second = photograph(surface() * bar(4), 1), photograph(surface() * bar(5.5), 2, **change)
    said, by = width_change(first, second, alike=True)
    assert said == "wider"
    assert by == pytest.approx(1.5, abs=0.6)

import cv2
import numpy as np
import pytest

from crackflow.params import AugmentParams
from crackflow.training import augmentation

OFF = AugmentParams(
    flips=False, rot90=False, scale=0, brightness=0, contrast=0, gamma=0, noise=0, blur=0, shadow=0, jpeg=0, style=0
)


def rng(seed=0):
    return np.random.default_rng(seed)


def coordinates(size):
    """An image whose colours say where a pixel came from, and a mask that says the same."""
    rows, columns = np.mgrid[:size, :size]
    return np.stack([rows, columns, np.zeros_like(rows)], -1).astype(np.uint8), (rows * size + columns).astype(np.uint8)


def test_off_changes_nothing():
    image, mask = coordinates(16)
    box = augmentation.crop_box(mask, 0, 0.0, 0, rng())
    assert box == (0, 0, 16)
    turned, turned_mask = augmentation.geometry(image, mask, box, 16, OFF, rng())
    np.testing.assert_array_equal(turned, image)
    np.testing.assert_array_equal(turned_mask, mask)
    np.testing.assert_array_equal(augmentation.light(image, OFF, rng()), image)


@pytest.mark.parametrize("seed", range(20))
def test_image_and_mask_move_together(seed):
    image, mask = coordinates(16)
    turning = OFF.model_copy(update={"flips": True, "rot90": True})
    turned, turned_mask = augmentation.geometry(image, mask, (4, 2, 8), 8, turning, rng(seed))
    np.testing.assert_array_equal(turned[..., 0].astype(int) * 16 + turned[..., 1], turned_mask)
    assert sorted(turned_mask.ravel()) == sorted(mask[4:12, 2:10].ravel())


def test_all_eight_turns_are_drawn():
    image, mask = coordinates(4)
    turning = OFF.model_copy(update={"flips": True, "rot90": True})
    drawn = {augmentation.geometry(image, mask, (0, 0, 4), 4, turning, rng(seed))[1].tobytes() for seed in range(100)}
    assert len(drawn) == 8


def test_a_crack_crop_holds_a_crack_pixel_and_stays_inside():
    mask = np.zeros((64, 64), np.uint8)
    mask[63, 0] = 1
    for seed in range(50):
        top, left, side = augmentation.crop_box(mask, 16, 1.0, 0.5, rng(seed))
        assert mask[top : top + side, left : left + side].any()
        assert min(top, left) >= 0
        assert max(top, left) + side <= 64


def test_other_crops_go_anywhere():
    mask = np.zeros((64, 64), np.uint8)
    mask[0, 0] = 1
    tops = [augmentation.crop_box(mask, 16, 0.0, 0, rng(seed))[0] for seed in range(200)]
    assert min(tops) < 5
    assert max(tops) > 43


def test_sides_spread_about_the_crop():
    mask = np.zeros((64, 64), np.uint8)
    sides = [augmentation.crop_box(mask, 32, 0.0, 0.25, rng(seed))[2] for seed in range(200)]
    assert min(sides) == pytest.approx(32 / 1.25, abs=1.5)
    assert max(sides) == pytest.approx(32 * 1.25, abs=1.5)


def test_scaled_masks_hold_classes_alone():
    _, mask = coordinates(32)
    classes = (mask % 3).astype(np.uint8)
    image = np.zeros((32, 32, 3), np.uint8)
    _, scaled = augmentation.geometry(image, classes, (3, 3, 21), 16, OFF, rng())
    assert set(np.unique(scaled)) <= {0, 1, 2}


def test_brightness_alone_shifts_every_pixel_alike():
    image = np.full((8, 8, 3), 100, np.uint8)
    lit = augmentation.light(image, OFF.model_copy(update={"brightness": 0.2}), rng(3))
    assert len(np.unique(lit)) == 1
    assert 0 < abs(int(lit[0, 0, 0]) - 100) <= 51


def test_noise_is_grey_and_within_its_deviation():
    image = np.full((64, 64, 3), 128, np.uint8)
    lit = augmentation.light(image, OFF.model_copy(update={"noise": 0.04}), rng(1)).astype(int)
    assert (lit[..., 0] == lit[..., 1]).all()
    assert 0 < (lit - 128).std() <= 0.04 * 255 * 1.1


def test_blur_softens_an_edge():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 200
    lit = augmentation.light(image, OFF.model_copy(update={"blur": 2.0}), rng(1))
    assert 0 < lit[8, 7, 0] < 200


def test_a_shadow_darkens_one_side_of_some_images_and_no_more_than_allowed():
    image = np.full((64, 64, 3), 200, np.uint8)
    shaded = [augmentation.light(image, OFF.model_copy(update={"shadow": 0.5}), rng(seed)) for seed in range(100)]
    # nothing is left of less than half of 200, nothing becomes brighter
    assert all(lit.min() >= 100 and lit.max() <= 200 for lit in shaded)
    dark = [lit for lit in shaded if lit.min() < 180]
    # a share SHADOWED of 100, less those of a shallow or distant shadow
    assert 10 <= len(dark) <= 40
    # an edge runs through some of them: both light and dark are there
    assert sum(lit.max() > 195 for lit in dark) > 5


def test_same_generator_same_pair():
    image, mask = coordinates(16)
    one, two = (augmentation.light(image, AugmentParams(), rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert augmentation.crop_box(mask, 8, 0.5, 0.2, rng(5)) == augmentation.crop_box(mask, 8, 0.5, 0.2, rng(5))


def test_zoom_never_breaks_a_slanted_line_of_one_pixel():
    """By nearest neighbour, 97 % of such lines break on their way from 320 px to 256."""
    for seed in range(50):
        numbers = rng(seed)
        (left, right), mask = numbers.integers(5, 315, 2).tolist(), np.zeros((320, 320), np.uint8)
        cv2.line(mask, (left, 5), (right, 314), 1)
        _, scaled = augmentation.geometry(mask[..., None], mask, (0, 0, 320), 256, OFF, rng())
        assert cv2.connectedComponents(scaled)[0] == 2, seed
        # a line in one piece needs a pixel in each row or column that it passes, and no second one
        needed = np.count_nonzero(mask) * 256 / 320
        assert 0.97 * needed <= np.count_nonzero(scaled) <= 1.03 * needed, seed


def test_compression_leaves_marks_of_jpeg_and_keeps_grey_grey():
    """At quality 30 or so the 8x8 blocks of JPEG stand out: levels jump more between them than within."""
    image = rng(0).integers(60, 190, (64, 64, 3)).astype(np.uint8)
    strong = OFF.model_copy(update={"jpeg": 0.9})
    found = [augmentation.light(image, strong, rng(seed)) for seed in range(20)]
    untouched = sum(np.array_equal(lit, image) for lit in found)
    assert 3 <= untouched <= 17  # COMPRESSED of them are saved
    worst = min(found, key=lambda lit: lit.std()).astype(float)
    jumps = np.abs(np.diff(worst, axis=1)).mean(axis=(0, 2))
    assert jumps[7::8].mean() > 1.2 * np.delete(jumps, np.s_[7::8]).mean()
    grey = augmentation.light(image[..., :1], strong, rng(1))
    assert grey.shape == (64, 64, 1)


def test_red_stays_red_when_it_is_compressed():
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 0] = 200
    found = [augmentation.light(image, OFF.model_copy(update={"jpeg": 0.3}), rng(seed)) for seed in range(10)]
    assert all(lit[..., 0].min() > 180 and lit[..., 1:].max() < 40 for lit in found)


@pytest.mark.parametrize("channels", [1, 3])
def test_restyling_goes_from_the_own_colours_to_those_of_the_other(channels):
    """By hand for grey: own mean 100 and spread 10, the other's 160 and 20: 100 + 60 s and 10 + 10 s of a share s."""

    class Share:
        def __init__(self, share):
            self.share = share

        def uniform(self):
            return self.share

    own = np.repeat(np.array([[90, 110], [110, 90]], np.uint8)[..., None], channels, 2)
    other = np.repeat(np.array([[140, 180]], np.uint8)[..., None], channels, 2)
    for share in (0.0, 0.5, 1.0):
        found = augmentation.restyle(own, other, Share(share)).astype(float)
        assert found.mean() == pytest.approx(100 + 60 * share, abs=3)
        assert found.std() == pytest.approx(10 + 10 * share, abs=2)
        # what was dark is dark
        assert (found[0, 0] < found[0, 1]).all()

import io

import numpy as np
import pytest
from PIL import Image

from crackflow.reporting.layers import layers
from crackflow.visualization.overlays import overlay

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8)
TRUTH, PREDICTED = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint8)
TRUTH[10:20], PREDICTED[15:25] = 1, 1


def opened(content):
    return Image.open(io.BytesIO(content))


def test_errors_laid_over_the_photograph_look_as_the_overlay_does():
    files = layers(IMAGE, TRUTH, PREDICTED, 2)
    laid = Image.alpha_composite(Image.fromarray(IMAGE).convert("RGBA"), opened(files.errors).convert("RGBA"))
    difference = np.asarray(laid)[..., :3].astype(int) - overlay(IMAGE, TRUTH, PREDICTED)
    # opacity is stored in steps of 1/255
    assert np.abs(difference).max() <= 1


def test_masks_keep_every_pixel_and_need_one_bit():
    files = layers(IMAGE, TRUTH, PREDICTED, 2)
    for content, mask in ((files.truth, TRUTH), (files.prediction, PREDICTED)):
        assert opened(content).mode == "1"
        assert (np.asarray(opened(content)) == (mask > 0)).all()


def test_three_classes_keep_their_levels():
    mask = TRUTH.copy()
    mask[30:] = 2
    assert sorted(np.unique(np.asarray(opened(layers(IMAGE, mask, mask, 3).truth)))) == [0, 127, 255]


def test_the_photograph_is_a_small_webp_of_the_same_size():
    smooth = np.full((48, 64, 3), (200, 100, 50), np.uint8)
    photo = opened(layers(smooth, TRUTH, PREDICTED, 2).photo)
    assert (photo.format, photo.size) == ("WEBP", (64, 48))
    assert np.abs(np.asarray(photo.convert("RGB")).astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("row", [0, 10, 31, 47])
def test_a_crack_of_one_pixel_is_still_there_in_a_smaller_picture(row):
    line = np.zeros((48, 64), np.uint8)
    line[row] = 1
    files = layers(IMAGE, line, line, 2, side=20)
    assert opened(files.photo).size == opened(files.truth).size == opened(files.errors).size == (20, 15)
    assert np.asarray(opened(files.truth)).any(axis=0).all()


def test_the_thumbnail_is_the_overlay_made_small():
    image, mask = np.full((512, 384, 3), 100, np.uint8), np.zeros((512, 384), np.uint8)
    mask[:256] = 1
    thumb = np.asarray(opened(layers(image, mask, mask, 2).thumb).convert("RGB")).astype(int)
    assert thumb.shape == (256, 192, 3)
    found = overlay(image[:1, :1], np.ones((1, 1), np.uint8), np.ones((1, 1), np.uint8))[0, 0]
    # WebP keeps colours to a few levels
    assert np.abs(thumb[:120] - found).max() <= 6
    assert np.abs(thumb[136:] - 100).max() <= 6


def test_a_side_that_is_larger_changes_nothing():
    assert layers(IMAGE, TRUTH, PREDICTED, 2, side=100) == layers(IMAGE, TRUTH, PREDICTED, 2)

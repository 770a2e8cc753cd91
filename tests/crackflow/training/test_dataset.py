import collections

import numpy as np
import pytest

from crackflow.errors import DataError
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.params import AugmentParams, TrainParams
from crackflow.training.dataset import TrainingCrops, WholeImages, frequencies, one_hot
from crackflow.training.workers import Workers

PLAIN = AugmentParams(
    flips=False, rot90=False, scale=0, brightness=0, contrast=0, gamma=0, noise=0, blur=0, shadow=0, jpeg=0, style=0
)
PARAMS = TrainParams(crop=16, batch_size=4, steps_per_epoch=0)


def test_whole_images_come_in_order_and_unchanged(pairs):
    folder, stems = pairs
    data = WholeImages(folder, stems, 4)
    assert len(data) == 3
    pixels, truth = data[2]
    assert pixels.shape == (2, 32, 32, 3)
    assert pixels.dtype == truth.dtype == np.float32
    np.testing.assert_array_equal(pixels[0], folder.image("p8"))
    np.testing.assert_array_equal(truth[0].argmax(-1), folder.mask("p8"))


def test_a_batch_follows_from_seed_epoch_and_index_alone(pairs):
    folder, stems = pairs
    fresh, used = TrainingCrops(folder, stems, PARAMS, 3), TrainingCrops(folder, stems, PARAMS, 3)
    _ = used[0], used[1], used[0]
    for one, two in zip(fresh[1], used[1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert (fresh[1][0] != TrainingCrops(folder, stems, PARAMS, 4)[1][0]).any()
    other = PARAMS.model_copy(update={"seed": 9})
    assert (fresh[1][0] != TrainingCrops(folder, stems, other, 3)[1][0]).any()


def test_parts_of_several_workers_are_the_batch_of_one(pairs):
    folder, stems = pairs
    alone = TrainingCrops(folder, stems[:7], PARAMS, 0)
    three = [Workers(["a:1", "b:1", "c:1"], index) for index in range(3)]
    parts = [TrainingCrops(folder, stems[:7], PARAMS, 0, workers=workers) for workers in three]
    for index, rows in ((0, (1, 1, 2)), (1, (1, 1, 1))):
        found = [part[index] for part in parts]
        assert tuple(len(pixels) for pixels, _ in found) == rows
        for whole, side in zip(alone[index], zip(*found, strict=True), strict=True):
            np.testing.assert_array_equal(whole, np.concatenate(side))


def test_an_epoch_without_a_step_count_goes_through_all_once(pairs):
    folder, stems = pairs
    data = TrainingCrops(folder, stems, PARAMS, 0)
    assert len(data) == 3
    assert sorted(data.stems) == sorted(stems)
    assert data[2][0].shape == (2, 16, 16, 3)


def test_short_epochs_take_turns_through_all_images(pairs):
    """Two steps of 4 an epoch, ten images: five epochs are four passes, so each image is drawn four times."""
    folder, stems = pairs
    params = PARAMS.model_copy(update={"steps_per_epoch": 2})
    drawn = collections.Counter(s for epoch in range(5) for s in TrainingCrops(folder, stems, params, epoch).stems)
    assert drawn == dict.fromkeys(stems, 4)


def test_long_epochs_pass_more_than_once(pairs):
    folder, stems = pairs
    params = PARAMS.model_copy(update={"steps_per_epoch": 5})
    assert collections.Counter(TrainingCrops(folder, stems, params, 1).stems) == dict.fromkeys(stems, 2)


def test_sources_are_drawn_as_often_as_asked(tmp_path):
    """Weights 2, 1, 0.5 and 0 for two pairs each: a pass of 7 draws; four passes hold 8, 4, 2 and 0 of each pair."""
    stems = [f"{source}_{number}" for source in ("CFD", "forest", "noncrack", "GAPS384") for number in (1, 2)]
    params = PARAMS.model_copy(
        update={"draw": {"CFD": 2.0, "noncrack": 0.5, "GAPS384": 0.0}, "steps_per_epoch": 1, "batch_size": 28}
    )
    folder = ResizedPairs(tmp_path, 2)
    often = frequencies(folder, stems, params, {stem: stem.split("_")[0] for stem in stems})
    assert often == (2, 2, 1, 1, 0.5, 0.5, 0, 0)
    drawn = collections.Counter(TrainingCrops(folder, stems, params, 0, often=often).stems)
    assert drawn["CFD_1"] == drawn["CFD_2"] == 8
    assert drawn["forest_1"] == drawn["forest_2"] == 4
    assert drawn["noncrack_1"] + drawn["noncrack_2"] == 4
    assert "GAPS384_1" not in drawn


def test_crack_free_pairs_are_told_by_their_masks(tmp_path):
    for stem, level in (("a", 0), ("b", 255)):
        write_png(tmp_path / "masks" / f"{stem}.png", np.full((8, 8), level, np.uint8))
    params = PARAMS.model_copy(update={"crack_free": 3.0})
    assert frequencies(ResizedPairs(tmp_path, 2), ["a", "b"], params, {}) == (3, 1)


def test_drawing_from_a_source_that_is_not_there_says_which_are(tmp_path):
    params = PARAMS.model_copy(update={"draw": {"noncrak": 2.0}})
    with pytest.raises(DataError, match=r"noncrak, which no training pair comes from; expected some of CFD, noncrack"):
        frequencies(ResizedPairs(tmp_path, 2), ["1", "a"], params, {"1": "CFD", "a": "noncrack"})


def test_drawing_nothing_is_rejected(tmp_path):
    params = PARAMS.model_copy(update={"draw": {"CFD": 0.0}})
    with pytest.raises(DataError, match="leave no training pair to draw"):
        frequencies(ResizedPairs(tmp_path, 2), ["1"], params, {"1": "CFD"})


def test_crops_take_colours_of_other_training_photographs_and_the_same_ones_again(tmp_path):
    """One level a photograph, so a crop's level tells whose colours it has; half way is as likely as any share."""
    levels = {"a": 40, "b": 120, "c": 220}
    for stem, level in levels.items():
        write_png(tmp_path / "images" / f"{stem}.png", np.full((8, 8, 3), level, np.uint8))
        write_png(tmp_path / "masks" / f"{stem}.png", np.zeros((8, 8), np.uint8))
    styled = PLAIN.model_copy(update={"style": 1.0})
    params = PARAMS.model_copy(update={"crop": 0, "augment": styled, "batch_size": 30, "steps_per_epoch": 1})
    data, again = (TrainingCrops(ResizedPairs(tmp_path, 2), list(levels), params, 0) for _ in range(2))
    pixels, _ = data[0]
    np.testing.assert_array_equal(pixels, again[0][0])
    moved = [abs(float(picture.mean()) - levels[stem]) > 3 for stem, picture in zip(data.stems, pixels, strict=True)]
    # two of three partners are others
    assert 10 <= sum(moved) <= 28


def test_without_a_crop_whole_images_are_drawn(pairs):
    folder, stems = pairs
    params = PARAMS.model_copy(update={"crop": 0, "augment": PLAIN})
    data = TrainingCrops(folder, stems, params, 0)
    pixels, truth = data[0]
    np.testing.assert_array_equal(pixels[1], folder.image(data.stems[1]))
    np.testing.assert_array_equal(truth[1].argmax(-1), folder.mask(data.stems[1]))


def test_grey_images_have_one_channel(pairs):
    folder, stems = pairs
    grey = ResizedPairs(folder.root, 2, channels=1)
    assert grey.image("p0").shape == (32, 32, 1)
    assert TrainingCrops(grey, stems, PARAMS, 0)[0][0].shape == (4, 16, 16, 1)


def test_three_classes(tmp_path):
    mask = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3
    write_png(tmp_path / "images/a.png", np.zeros((8, 8, 3), np.uint8))
    write_png(tmp_path / "masks/a.png", encode_classes(mask, 3))
    _, truth = WholeImages(ResizedPairs(tmp_path, 3), ["a"], 1)[0]
    np.testing.assert_array_equal(truth[0].argmax(-1), mask)
    assert truth.sum() == pytest.approx(64)


def test_one_hot_by_hand():
    np.testing.assert_array_equal(one_hot(np.array([[[0, 2]]], np.uint8), 3), [[[[1, 0, 0], [0, 0, 1]]]])

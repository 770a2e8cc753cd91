"""The sample holds what the stages must cope with, and its masks are exact."""

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from crackflow.params import SampleParams, SplitParams
from crackflow.sources.provenance import NameRules
from crackflow.sources.synthetic import dataset, distractors, scene
from crackflow.sources.synthetic.cracks import Crack, coverage, grow
from crackflow.sources.synthetic.surfaces import Canvas, step

# Two rounds of sources at a size that is quick to draw.
NAMES = NameRules.of(SplitParams())
SMALL = SampleParams(seed=3, images=35, size=64)


@pytest.fixture(scope="module")
def pairs():
    return list(dataset.pairs(SMALL))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    count = dataset.write(folder, SMALL)
    return folder, count


def canvas(side=64, unit=1.0):
    return Canvas(np.random.default_rng(0), side, unit)


def same(first, second):
    return (
        first.stem == second.stem
        and first.mask_suffix == second.mask_suffix
        and np.array_equal(first.image, second.image)
        and np.array_equal(first.mask, second.mask)
    )


@pytest.mark.parametrize("images", [1, 8, 12])
def test_gives_exactly_as_many_pairs_as_asked_for(images):
    assert len(list(dataset.pairs(SampleParams(images=images, size=32)))) == images


@pytest.mark.parametrize("size", [32, 77])
def test_pairs_have_the_size_asked_for(size):
    for pair in dataset.pairs(SampleParams(images=8, size=size)):
        assert pair.image.shape == (size, size, 3)
        assert pair.mask.shape == (size, size)
        assert pair.image.dtype == pair.mask.dtype == np.uint8


def test_a_size_too_small_to_hold_a_crack_is_rejected():
    with pytest.raises(ValidationError, match="greater than or equal to 32"):
        SampleParams(size=31)


def test_same_seed_gives_the_same_pairs_whatever_the_number_of_threads(pairs):
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1 if threads > 1 else 4)
    try:
        again = list(dataset.pairs(SMALL))
    finally:
        cv2.setNumThreads(threads)
    assert all(map(same, pairs, again))


def test_fewer_images_are_the_first_of_more(pairs):
    fewer = list(dataset.pairs(SMALL.model_copy(update={"images": 9})))
    assert all(map(same, pairs[:9], fewer))


def test_another_seed_gives_other_photographs_under_the_same_names(pairs):
    others = list(dataset.pairs(SMALL.model_copy(update={"seed": 4, "images": 9})))
    for pair, other in zip(pairs, others, strict=False):
        assert pair.stem == other.stem
        assert not np.array_equal(pair.image, other.image)


def test_a_written_sample_is_the_same_bytes_again(written, tmp_path):
    folder, _ = written
    dataset.write(tmp_path, SMALL)
    first = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert first == again


def test_stems_differ():
    stems = [pair.stem for pair in dataset.pairs(SampleParams(images=120, size=32))]
    assert len(set(stems)) == 120


def test_names_are_read_as_eight_sources_with_several_crops_of_one_photo(pairs):
    assert {NAMES.source(pair.stem) for pair in pairs} == {*dataset.ORDER, "forest"}
    crops = {}
    for pair in pairs:
        crops.setdefault(NAMES.parent(pair.stem), []).append(pair)
    # Two rounds of seven photos: three crops each of CRACK500, noncrack, Rissbilder and Volker, two of DeepCrack, and
    # CFD with forest; cracktree200's first has two names, which tell of two photos.
    assert sorted(map(len, crops.values())) == [1, 1, 1, *[2] * 4, *[3] * 8]


def test_the_default_number_of_pairs_leaves_enough_photos_of_each_source_to_split():
    """160 pairs are nine rounds of seven photos and a part of a tenth: 9 photos or more of each source."""
    parents = {}
    for pair in dataset.pairs(SampleParams(size=32)):
        parents.setdefault(NAMES.source(pair.stem), set()).add(NAMES.parent(pair.stem))
    assert sum(map(len, parents.values())) >= 45
    assert min(map(len, parents.values())) >= 8


def test_crops_of_one_photo_overlap(pairs):
    """Crops lie at shares of the room of 102 - 64 = 38 px: (0, 4) and (34, 8), so the second is 34 right and 4 down."""
    first, second, _ = (pair for pair in pairs if pair.stem.startswith("CRACK500_20160222_081011_"))
    assert (first.stem[-4:], second.stem[-5:]) == ("_0_4", "_34_8")
    assert np.array_equal(first.image[4:, 34:], second.image[:-4, :-34])
    assert np.array_equal(first.mask[4:, 34:], second.mask[:-4, :-34])


def test_one_photograph_goes_by_two_names(pairs):
    by_stem = {pair.stem: pair for pair in pairs}
    for one, other in (("CFD_001", "forest_001"), ("cracktree200_6192", "cracktree200_6193")):
        one, other = by_stem[one], by_stem[other]
        assert np.array_equal(one.mask, other.mask)
        assert not np.array_equal(one.image, other.image)
        assert np.corrcoef(one.image.ravel(), other.image.ravel())[0, 1] > 0.99
    wall = "noncrack_noncrack_concrete_wall_1_"
    assert np.array_equal(by_stem[f"{wall}0"].image, by_stem[f"{wall}2"].image)


def test_a_part_of_the_pairs_is_free_of_cracks():
    pairs = list(dataset.pairs(SampleParams(size=64, images=80)))
    bare = [pair for pair in pairs if not pair.mask.any()]
    assert 0.1 < len(bare) / len(pairs) < 0.35
    assert all(not pair.mask.any() for pair in pairs if NAMES.source(pair.stem) == "noncrack")
    assert any(NAMES.source(pair.stem) != "noncrack" for pair in bare)


def test_masks_hold_nothing_but_0_and_255(pairs):
    for pair in pairs:
        assert set(np.unique(pair.mask)) <= {0, 255}


def test_write_names_each_file_after_its_pair_and_leaves_no_part(written, pairs):
    folder, count = written
    assert count == len(pairs)
    assert sorted(path.name for path in (folder / "images").iterdir()) == sorted(f"{pair.stem}.jpg" for pair in pairs)
    names = sorted(path.name for path in (folder / "masks").iterdir())
    assert names == sorted(pair.stem + pair.mask_suffix for pair in pairs)


def test_written_images_are_the_photographs_in_their_colours(written, pairs):
    folder, _ = written
    for pair in pairs:
        bgr = cv2.imread(str(folder / "images" / f"{pair.stem}.jpg"))
        # Channel means survive JPEG to about a level; red and blue exchanged would not.
        assert np.allclose(bgr[..., ::-1].mean((0, 1)), pair.image.mean((0, 1)), atol=2)


def test_written_masks_keep_the_crack(written, pairs):
    folder, _ = written
    greys = {".png": 0, ".jpg": 0}
    for pair in pairs:
        mask = cv2.imread(str(folder / "masks" / (pair.stem + pair.mask_suffix)), cv2.IMREAD_UNCHANGED)
        assert mask.shape == pair.mask.shape
        greys[pair.mask_suffix] += int(np.count_nonzero((mask > 0) & (mask < 255)))
        # A JPEG of quality 95 moves single pixels over the threshold, if any.
        assert np.mean((mask > 127) != (pair.mask > 127)) <= 0.001
    assert greys[".png"] == 0
    assert greys[".jpg"] > 1000


def test_about_half_of_the_masks_are_jpeg(pairs):
    assert 0.3 < np.mean([pair.mask_suffix == ".jpg" for pair in pairs]) < 0.7


def test_cracks_are_darker_than_what_surrounds_them(pairs):
    darker = []
    for pair in pairs:
        crack = pair.mask > 0
        near = cv2.dilate(pair.mask, np.ones((9, 9), np.uint8)) > 0
        if crack.sum() > 20:
            grey = pair.image.mean(2)
            darker.append(grey[near & ~crack].mean() - grey[crack].mean())
    assert len(darker) > 15
    assert min(darker) > 0
    assert np.mean(darker) > 20


def test_a_joint_is_in_the_photograph_and_not_in_the_mask(monkeypatch):
    """With nothing but a joint on it, a wall is darkest in one line from edge to edge, and none of it is crack."""
    look = scene.Look(surfaces=("plaster",), cast=0, marks={"joint": 1.0})
    monkeypatch.setitem(scene.LOOKS, "noncrack", look)
    photo = scene.render(np.random.default_rng(2), "noncrack", False, 128, 1.0)
    assert photo.coverage.max() == 0
    grey = photo.image.mean(2)
    dark = grey < 0.8 * np.median(grey)
    assert dark.any(0).mean() > 0.95 or dark.any(1).mean() > 0.95
    assert dark.mean() < 0.15


@pytest.mark.parametrize("name", ["joint", "boards", "stain", "drips", "streaks", "tyre", "paint", "seal", "shadow"])
def test_every_mark_is_a_share_and_shows_somewhere(name):
    drawn = [getattr(distractors, name)(Canvas(np.random.default_rng(seed), 96, 0.5)) for seed in range(8)]
    for mark in drawn:
        assert mark.shape == (96, 96)
        assert mark.min() >= 0
        assert mark.max() <= 1
    assert max(mark.max() for mark in drawn) > 0.5


def test_coverage_of_a_straight_crack_is_its_width():
    """A level crack 4 px wide: each column holds about 4 px of crack, and its mask is 4 rows high."""
    points = np.stack([np.arange(-10, 74, 0.5), np.full(168, 30.0)], 1)
    covered = coverage(canvas(), [Crack(points, np.full(168, 4.0))], 0)
    # The outline itself is drawn too: a quarter of a pixel at four times the size.
    assert np.allclose(covered.sum(0), 4.25, atol=0.13)
    assert set((covered > 0.5).sum(0)) == {4}


def test_a_crack_that_crosses_itself_leaves_no_hole():
    there = np.stack([np.arange(0, 64, 0.5), np.full(128, 32.0)], 1)
    points = np.concatenate([there, there[::-1]])
    covered = coverage(canvas(), [Crack(points, np.full(256, 6.0))], 0)
    assert (covered[30:34, 8:56] == 1).all()


def test_a_crack_grows_through_the_middle_and_keeps_its_width_in_bounds():
    for seed in range(20):
        cracks = grow(Canvas(np.random.default_rng(seed), 200, 1.0), 3.0, 3.0)
        middle = cracks[0].points[0]
        assert np.all((middle > 0.35 * 200) & (middle < 0.65 * 200))
        assert min(crack.widths.min() for crack in cracks) >= 1.25
        assert np.median(np.concatenate([crack.widths for crack in cracks[:2]])) < 9


def test_a_branch_starts_on_its_crack():
    cracks = grow(Canvas(np.random.default_rng(5), 200, 1.0), 3.0, 4.0)
    assert len(cracks) > 2
    for number, crack in enumerate(cracks[2:], 2):
        older = np.concatenate([other.points for other in cracks[:number]])
        # The first step of a walk is half a pixel from where it starts.
        assert np.hypot(*(older - crack.points[0]).T).min() <= 0.51


def test_noise_is_standardised_and_as_coarse_as_asked():
    drawing = canvas(256)
    fine, coarse = drawing.noise(2), drawing.noise(32)
    for plane in (fine, coarse, drawing.fractal(64, 2)):
        assert abs(plane.mean()) < 1e-3
        assert abs(plane.std() - 1) < 1e-2
    # Neighbours differ less, the longer the noise is.
    assert np.abs(np.diff(fine)).mean() > 4 * np.abs(np.diff(coarse)).mean()


def test_step_is_a_cubic_from_0_to_1():
    """3t^2 - 2t^3 at t = 0.25 is 0.1875 - 0.03125 = 0.15625."""
    assert np.allclose(step(np.array([-1, 2, 2.5, 3, 4, 9], np.float32), 2, 4), [0, 0, 0.15625, 0.5, 1, 1])

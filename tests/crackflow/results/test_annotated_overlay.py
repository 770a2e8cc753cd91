import cv2
import numpy as np
import pytest

from crackflow.geometry.cracks import CrackNetwork
from crackflow.results import annotated_overlay
from crackflow.results.annotated_overlay import thumbnail, words
from crackflow.results.record import key, record
from crackflow.visualization.overlays import overlay
from tests.crackflow.results.conftest import made_crack


@pytest.fixture
def photo():
    return np.full((200, 400, 3), 200, np.uint8)


def annotated(*args):
    return np.concatenate([*annotated_overlay.annotated(*args)])


def made(mask, *cracks):
    network = CrackNetwork(cracks, 1.0, 0.1, 0, 0.5, (mask.shape[1], mask.shape[0]))
    return record(key("0" * 64, {}), "a.jpg", "a", mask, network, None)


def test_a_label_stands_beside_the_widest_place_and_the_crack_stays_visible(photo):
    mask = np.zeros((200, 400), np.uint8)
    mask[100, 50:350] = 1
    crack = made_crack(1, [(50, 100), (349, 100)], 3.0, widest_at=(120, 100))
    found = annotated(photo, mask, made(mask, crack))
    plain = overlay(photo, None, mask)
    y, x = np.nonzero((found != plain).any(axis=-1))
    # the ring around the place, and words to the right of it
    assert (abs(x - 120) + abs(y - 100)).min() < 10
    assert x.max() > 200
    assert y.max() < 120
    painted = (found[100, 50:350] == plain[100, 50:350]).all(axis=-1)
    assert painted.mean() > 0.9
    np.testing.assert_array_equal(photo, 200)


@pytest.mark.parametrize("x", [3, 100, 177])
def test_a_label_as_wide_as_the_photograph_has_room_above_or_below(x):
    mask = np.zeros((240, 180), np.uint8)
    box = annotated_overlay.room_for((x, 100), (15, 178), mask, 11, [])
    assert box is not None
    assert 0 <= box[0] <= 2
    assert annotated_overlay.room_for((x, 100), (15, 181), mask, 11, []) is None


def test_a_picture_in_strips_is_the_whole_one(photo):
    """The label and the ring lie across borders of strips of 7 rows."""
    mask = np.zeros((200, 400), np.uint8)
    mask[100, 50:350] = 1
    record = made(mask, made_crack(1, [(50, 100), (349, 100)], 3.0, widest_at=(120, 100)))
    strips = annotated(photo, mask, record, 7 * 400)
    # lines are cut at a border before they are smoothed, so single pixels may differ
    assert (strips != annotated(photo, mask, record)).any(axis=-1).mean() < 0.001


def test_labels_do_not_lie_on_each_other_and_the_widest_comes_first(photo):
    """Nine cracks with the same widest place: each of the six places around it holds one label at most."""
    mask = np.zeros((200, 400), np.uint8)
    mask[100, 200] = 1
    one = made_crack(1, [(200, 100)], 9.0, widest_at=(200, 100))
    many = [made_crack(n, [(200, 100)], 8.0 - n / 10, widest_at=(200, 100)) for n in range(2, 10)]
    plates = [
        (annotated(photo, mask, made(mask, *cracks)) == (24, 24, 24)).all(axis=-1) for cracks in ([one], [one, *many])
    ]
    # lines to the other labels cross its ring, and not its words
    assert (plates[1] & plates[0]).sum() > 0.99 * plates[0].sum()
    assert plates[0].sum() < plates[1].sum() < 7 * plates[0].sum()


def test_a_label_keeps_off_the_cracks(photo):
    """A vertical crack right of the place: the label goes to its left."""
    mask = np.zeros((200, 400), np.uint8)
    mask[:, 305:320] = 1
    found = annotated(photo, mask, made(mask, made_crack(1, [(300, 100)], 3.0, widest_at=(300, 100))))
    assert (found[:, 310:] == overlay(photo, None, mask)[:, 310:]).all()
    assert (found[:, :280] == (24, 24, 24)).all(axis=-1).sum() > 1000


def test_a_photograph_too_small_for_words_is_painted_alone():
    photo, mask = np.full((16, 16, 3), 200, np.uint8), np.eye(16, dtype=np.uint8)
    found = annotated(photo, mask, made(mask, made_crack(1, [(3, 3)], 2.0)))
    np.testing.assert_array_equal(found, overlay(photo, None, mask))


def test_words_are_in_mm_only_with_a_scale(made_run):
    crack = made_run("a.jpg").read()[0].cracks[0]
    assert words(crack, None) == "1: 6 px long, 1.5 px wide, here 2.0 px"
    assert words(crack, 0.5) == "1: 3.2 mm long, 0.75 mm wide, here 1.00 mm"


def test_a_thin_crack_is_seen_on_a_small_picture():
    """A line of 1 px on 1600 px, shrunk by 16, would be a sixteenth of a grey level's step."""
    photo, mask = np.full((800, 1600, 3), 200, np.uint8), np.zeros((800, 1600), np.uint8)
    mask[400] = 1
    found = cv2.imdecode(np.frombuffer(thumbnail(photo, mask, 100), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert found.shape == (50, 100, 3)
    assert (found[25, :, 1] < 170).all()
    assert (abs(found[:20].astype(int) - 200) < 12).all()


def test_a_small_photograph_keeps_its_size(photo):
    found = cv2.imdecode(np.frombuffer(thumbnail(photo, np.zeros((200, 400), np.uint8), 1000), np.uint8), 1)
    assert found.shape == (200, 400, 3)

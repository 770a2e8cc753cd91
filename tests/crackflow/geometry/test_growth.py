"""Bars whose length and width are known by how they are drawn; the photograph is dark where they are."""

import numpy as np
import pytest

from crackflow.geometry.growth import Limits, compare, look

SHAPE = (120, 260)
LIMITS = Limits(length_px=15, width_px=0.4)


def bars(*boxes):
    """A mask of bars, each (top, bottom, left, right); bottom and right are left out."""
    mask = np.zeros(SHAPE, bool)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def photo_of(mask, level=20):
    """A surface of 128 that is darker where the mask is."""
    photo = np.full((*SHAPE, 3), 128, np.uint8)
    photo[mask] = level
    return photo


def compared(before, after, error_px=0.0, photos=None):
    """Compare two masks; the photographs show what they do, without noise."""
    one, other = photos or (photo_of(before), photo_of(after))
    return compare(look(one, before), look(other, after), error_px, LIMITS)


def test_the_same_mask_twice_has_not_grown():
    mask = bars((48, 52, 20, 120), (80, 84, 30, 200))
    found = compared(mask, mask)
    assert [one.length_change for one in found.cracks] == ["not told apart"] * 2
    assert [one.width_change for one in found.cracks] == ["not told apart"] * 2
    assert [(one.added_px, one.lost_px) for one in found.cracks] == [(0, 0)] * 2
    assert not found.added.any()
    assert not found.lost.any()


def test_a_longer_crack():
    found = compared(bars((48, 52, 20, 120)), bars((48, 52, 20, 180)))
    (crack,) = found.cracks
    assert (crack.length_change, crack.before, crack.after) == ("longer", (1,), (1,))
    # the bar ends 60 px farther right
    assert crack.added_px == pytest.approx(60, abs=1.5)
    assert crack.lost_px == 0
    assert (crack.length_before_px, crack.length_after_px) == pytest.approx((100, 160), abs=1.5)
    np.testing.assert_array_equal(found.added, bars((48, 52, 120, 180)))
    assert not found.lost.any()


def test_a_shorter_crack_is_the_reverse():
    found = compared(bars((48, 52, 20, 180)), bars((48, 52, 20, 120)))
    assert [one.length_change for one in found.cracks] == ["shorter"]
    assert found.cracks[0].lost_px == pytest.approx(60, abs=1.5)
    np.testing.assert_array_equal(found.lost, bars((48, 52, 120, 180)))


def test_new_cracks_and_those_not_seen_again():
    found = compared(bars((20, 24, 20, 120)), bars((90, 94, 20, 180)))
    assert [(one.number, one.length_change, one.before, one.after) for one in found.cracks] == [
        (1, "new", (), (1,)),
        (2, "not seen again", (1,), ()),
    ]
    assert [one.width_change for one in found.cracks] == ["not measured"] * 2
    assert found.cracks[0].added_px == pytest.approx(160, abs=1.5)
    x, y = found.cracks[0].at
    assert 20 <= x < 180
    assert 90 <= y < 94


def test_growth_below_the_limit_is_not_told_apart():
    found = compared(bars((48, 52, 20, 120)), bars((48, 52, 20, 132)))
    assert found.cracks[0].added_px == pytest.approx(12, abs=1.5)
    assert found.cracks[0].length_change == "not told apart"


def test_the_error_of_the_registration_widens_the_limit():
    before, after = bars((48, 52, 20, 120)), bars((48, 52, 20, 140))
    assert compared(before, after).cracks[0].length_change == "longer"
    # the root of 15^2 + (2 * 10)^2 is 25
    moved = compared(before, after, error_px=10).cracks[0]
    assert moved.length_limit_px == pytest.approx(25)
    assert moved.length_change == "not told apart"


def test_what_the_earlier_photograph_shows_has_not_grown_though_its_mask_lacks_it():
    """A network misses a part at one date: the photographs are alike, the masks are not."""
    before, after = bars((48, 52, 20, 120)), bars((48, 52, 20, 180))
    found = compared(before, after, photos=(photo_of(after), photo_of(after)))
    assert (found.cracks[0].added_px, found.cracks[0].length_change) == (0, "not told apart")
    assert not found.added.any()
    alone = compared(bars(), after, photos=(photo_of(after), photo_of(after)))
    assert [one.length_change for one in alone.cracks] == ["not told apart"]


def test_other_light_does_not_make_a_line_new():
    """Levels of 40 % are the same line in less light: 128 and 20 become 51 and 8."""
    before, after = bars((48, 52, 20, 120)), bars((48, 52, 20, 180))
    dim = (photo_of(after) * 0.4).astype(np.uint8)
    assert compared(before, after, photos=(dim, photo_of(after))).cracks[0].added_px == 0


def test_growth_is_told_from_a_part_that_the_earlier_mask_lacks():
    """The earlier photograph shows the crack up to 140, its mask up to 100; the later one both up to 200."""
    before, after = bars((48, 52, 20, 100)), bars((48, 52, 20, 200))
    found = compared(before, after, photos=(photo_of(bars((48, 52, 20, 140))), photo_of(after)))
    # the average along the way is 21 px long
    assert found.cracks[0].added_px == pytest.approx(60, abs=10.5)


def test_a_wide_crack_that_grew():
    """Its middle is 20 px from its edges: the surroundings lie beyond."""
    found = compared(bars((30, 70, 20, 120)), bars((30, 70, 20, 200)))
    assert found.cracks[0].length_change == "longer"
    assert found.cracks[0].added_px == pytest.approx(80, abs=5)


def test_a_crack_drawn_some_pixels_aside_is_the_same():
    found = compared(bars((48, 52, 20, 120)), bars((51, 55, 20, 120)))
    assert [(one.before, one.after, one.length_change) for one in found.cracks] == [((1,), (1,), "not told apart")]


def test_a_new_crack_beside_an_old_one_is_told_though_one_mask_holds_both():
    """Two lines 10 px apart, from middle to middle; the later mask is a bar over both, as a network's is."""
    old, new, both = bars((48, 52, 20, 220)), bars((58, 62, 60, 180)), bars((46, 64, 20, 220))
    found = compared(bars((46, 54, 20, 220)), both, photos=(photo_of(old), photo_of(old | new)))
    (crack,) = found.cracks
    assert crack.length_change == "longer"
    # the average along the way is 21 px long
    assert crack.added_px == pytest.approx(120, abs=10.5)
    assert crack.width_change == "not told apart"
    assert found.added[60, 70:170].all()
    assert not found.added[:54].any()


def test_a_broader_mask_alone_is_no_new_crack():
    old = bars((48, 52, 20, 220))
    found = compared(bars((46, 54, 20, 220)), bars((46, 64, 20, 220)), photos=(photo_of(old), photo_of(old)))
    assert [(one.length_change, one.width_change, one.added_px) for one in found.cracks] == [
        ("not told apart", "not told apart", 0)
    ]


def test_pieces_of_a_crack_that_grew_together_are_one():
    found = compared(bars((48, 52, 20, 80), (48, 52, 140, 200)), bars((48, 52, 20, 200)))
    (crack,) = found.cracks
    assert (crack.before, crack.after, crack.length_change) == ((1, 2), (1,), "longer")
    assert crack.added_px == pytest.approx(60, abs=1.5)


def lined(*widths):
    """Photographs of a dark line in row 50, of these widths from column 20 on; the last number is where it ends."""
    photos = []
    for width, end in widths:
        photo = np.full((*SHAPE, 3), 150, np.uint8)
        photo[50 - width // 2 : 50 - width // 2 + width, 20:end] = 8
        noise = np.random.default_rng(0).normal(0, 2, photo.shape[:2])[..., None]
        photos.append(np.clip(photo + noise, 0, 255).astype(np.uint8))
    return photos


def test_widths_are_those_of_the_photographs_and_not_of_the_masks():
    """The masks differ by 2 px; the dark line is as wide as it was."""
    found = compared(bars((45, 56, 20, 240)), bars((44, 57, 20, 240)), photos=lined((3, 240), (3, 240)))
    assert found.cracks[0].width_change == "not told apart"
    assert found.cracks[0].width_before_px == pytest.approx(3, abs=0.25)


def test_a_wider_and_a_narrower_crack():
    """The masks are alike; the dark line in the photographs is 3 and 5 px wide."""
    mask = bars((45, 56, 20, 240))
    (crack,) = compared(mask, mask, photos=lined((3, 240), (5, 240))).cracks
    assert (crack.length_change, crack.width_change, crack.width_limit_px) == ("not told apart", "wider", 0.4)
    assert (crack.width_before_px, crack.width_after_px) == pytest.approx((3, 5), abs=0.25)
    assert compared(mask, mask, photos=lined((5, 240), (3, 240))).cracks[0].width_change == "narrower"


def test_a_new_thin_end_does_not_hide_that_the_rest_is_wider():
    """The line is 3 px wide and 110 long, then 5 px; its new end is 1 px wide and 100 px long."""
    before, after = lined((3, 130), (5, 130))
    after[50, 130:230] = 8
    (crack,) = compared(bars((45, 56, 20, 130)), bars((45, 56, 20, 230)), photos=(before, after)).cracks
    assert (crack.length_change, crack.width_change) == ("longer", "wider")
    assert (crack.width_before_px, crack.width_after_px) == pytest.approx((3, 5), abs=0.25)


def test_widths_of_short_parts_and_of_what_no_photograph_shows_are_not_compared():
    short, long = bars((45, 56, 20, 100)), bars((45, 56, 20, 240))
    (crack,) = compared(short, short, photos=lined((3, 100), (5, 100))).cracks
    assert (crack.width_change, crack.width_before_px, crack.width_limit_px) == ("not measured", None, None)
    (crack,) = compared(long, long, photos=[photo_of(bars())] * 2).cracks
    assert crack.width_change == "not measured"


def test_no_crack_at_either_date():
    found = compared(bars(), bars())
    assert found.cracks == ()
    assert not found.added.any()

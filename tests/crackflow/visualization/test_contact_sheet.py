import numpy as np
import pytest

from crackflow.visualization.contact_sheet import captioned, font, sheet, shorten


def noise(height, width, seed=0):
    """A picture that is found again, and never white or black."""
    return np.random.default_rng(seed).integers(60, 200, (height, width, 3)).astype(np.uint8)


def enlarged(picture, times):
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def ink(picture):
    """Whether something nearly black is there."""
    return picture.size > 0 and picture.min() < 80


def test_pictures_stand_in_rows_at_the_asked_width_with_white_around(place_of):
    pictures = [noise(8, 8, seed) for seed in range(3)]
    out = sheet([pictures[:2], pictures[2:]], width=16)
    (top, left), (beside_top, beside_left), (below_top, below_left) = (
        place_of(out, enlarged(picture, 2)) for picture in pictures
    )
    assert top == beside_top
    assert left == below_left
    assert beside_left > left + 16
    assert below_top > top + 16
    assert top > 0
    assert left > 0
    covered = np.zeros(out.shape[:2], bool)
    for y, x in ((top, left), (beside_top, beside_left), (below_top, below_left)):
        covered[y : y + 16, x : x + 16] = True
    assert (out[~covered] == 255).all()
    assert not covered[-1].any()
    assert not covered[:, -1].any()


def test_headings_stand_above_the_first_row_and_captions_below_their_pictures(place_of):
    one, other = noise(64, 64, 1), noise(64, 64, 2)
    out = sheet([[one], [other]], [["above"], ["below"]], ["image"], 64)
    first, second = place_of(out, one)[0], place_of(out, other)[0]
    assert ink(out[:first])
    assert ink(out[first + 64 : second])
    assert ink(out[second + 64 :])
    bare = sheet([[one], [other]], width=64)
    first, second = place_of(bare, one)[0], place_of(bare, other)[0]
    assert not ink(bare[:first])
    assert not ink(bare[first + 64 : second])
    assert not ink(bare[second + 64 :])


def test_a_lone_caption_runs_along_the_row_and_one_of_many_stays_in_its_column(place_of):
    pictures = [noise(8, 64, seed) for seed in range(3)]
    words = "a caption that is longer than one column"
    alone = sheet([pictures], [[words]], width=64)
    each = sheet([pictures], [[words, "", ""]], width=64)
    top, second_column = place_of(alone, pictures[1])
    assert place_of(each, pictures[1]) == (top, second_column)
    assert ink(alone[top + 8 :, second_column:])
    assert not ink(each[top + 8 :, second_column:])
    assert ink(each[top + 8 :])


def test_grey_pictures_other_shapes_and_short_rows_are_accepted(place_of):
    tall, flat, last = noise(20, 10)[..., 0], noise(5, 10, 1), noise(5, 10, 2)
    out = sheet([[tall, flat], [last]], width=10)
    top, left = place_of(out, tall)
    # the flat one stands at the top of its row, with white below it
    beside_top, beside_left = place_of(out, flat)
    assert beside_top == top
    assert (out[top + 5 : top + 20, beside_left : beside_left + 10] == 255).all()
    below_top, below_left = place_of(out, last)
    assert below_top > top + 20
    assert below_left == left


def test_making_smaller_averages_so_that_a_thin_crack_stays_visible(place_of):
    """A quarter of the four columns that column 1 stands for is white."""
    mask = np.zeros((16, 16), np.uint8)
    mask[:, 5] = 255
    place_of(sheet([[mask]], width=4), np.array([[0, 64, 0, 0]] * 4, np.uint8))


def test_the_key_stands_above_all_at_its_own_size_and_the_sheet_is_wide_enough(place_of):
    key, picture = noise(6, 100, 3), noise(8, 8)
    out = sheet([[picture]], width=8, key=key)
    top, left = place_of(out, key)
    assert place_of(out, picture)[0] > top + 6
    assert left > 0
    assert out.shape[1] > left + 100


@pytest.mark.parametrize("rows", [[], [[]]])
def test_no_picture_is_rejected(rows):
    with pytest.raises(ValueError, match="at least one"):
        sheet(rows)


def test_captions_for_another_number_of_rows_are_rejected():
    with pytest.raises(ValueError, match="2 rows of captions for 1 rows"):
        sheet([[noise(8, 8)]], [["a"], ["b"]])


def test_pictures_with_several_lines_below_stand_side_by_side(place_of):
    one, other = noise(32, 32, 1), noise(32, 32, 2)
    found = {lines: captioned([one, other], ["name", "reason"][:lines], 32) for lines in range(3)}
    for made in found.values():
        top, left = place_of(made, one)
        beside_top, beside_left = place_of(made, other)
        assert (top, left) == (0, 0)
        assert beside_top == 0
        assert beside_left > 32
        assert (made[:32, 32:beside_left] == 255).all()
        assert made.shape[1] == beside_left + 32
    heights = [made.shape[0] for made in found.values()]
    assert heights[1] - heights[0] == heights[2] - heights[1] > 0
    for lines in (1, 2):
        words = found[lines][heights[lines - 1] : heights[lines]]
        assert words.min() < 128
    assert not ink(found[0][32:])


def test_large_pictures_are_averaged():
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2] = 255
    assert np.abs(captioned([checks], [], 32)[:32].astype(int) - 128).max() <= 1


def test_captioned_pictures_can_be_laid_out_on_a_sheet(place_of):
    made = [captioned([noise(16, 16, seed)] * 2, ["name"], 16) for seed in range(3)]
    out = sheet([made[:2], made[2:]], width=made[0].shape[1])
    places = [place_of(out, one) for one in made]
    assert places[0][0] == places[1][0] < places[2][0]
    assert places[0][1] == places[2][1] < places[1][1]


def test_a_text_that_fits_stays_as_it_is():
    face = font(13)
    assert shorten("CFD_001", round(face.getlength("CFD_001")) + 1, face) == "CFD_001"


@pytest.mark.parametrize("width", range(140, 160))
def test_a_long_text_loses_its_middle_and_no_more_than_it_must(width):
    face = font(13)
    text = "Rissbilder_for_Florian_9S6A2803_272_142_3359_3107"
    short = shorten(text, width, face)
    head, tail = short.split("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert face.getlength(short) <= width
    # The ends are equal, or the head has one letter more; and one more letter would not have fitted.
    assert len(head) - len(tail) in (0, 1)
    longer = (
        f"{head}…{text[len(text) - len(tail) - 1 :]}" if len(tail) < len(head) else f"{text[: len(head) + 1]}…{tail}"
    )
    assert face.getlength(longer) > width


def test_no_room_leaves_the_ellipsis():
    assert shorten("CFD_001", 1, font(13)) == "…"


def test_bold_is_another_face():
    assert font(13, bold=True).getlength("crack") > font(13).getlength("crack")

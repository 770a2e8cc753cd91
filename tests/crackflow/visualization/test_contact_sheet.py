import numpy as np
import pytest

from crackflow.visualization.contact_sheet import GAP, LINE_PX, sheet


def plain(height, width, *colour):
    return np.full((height, width, 3), colour, np.uint8)


def test_pictures_stand_in_their_columns_at_the_asked_width():
    red, green = plain(8, 8, 255, 0, 0), plain(8, 8, 0, 255, 0)
    out = sheet([[red, green]], width=16)
    # Two columns of 16 between three gaps; one row of 16 between two.
    assert out.shape == (16 + 2 * GAP, 2 * 16 + 3 * GAP, 3)
    assert (out[GAP : GAP + 16, GAP : GAP + 16] == (255, 0, 0)).all()
    assert (out[GAP : GAP + 16, 2 * GAP + 16 : 2 * GAP + 32] == (0, 255, 0)).all()
    assert (out[:GAP] == 255).all()


def test_headings_and_captions_take_a_line_each_and_leave_ink():
    grey = plain(32, 32, 128, 128, 128)
    out = sheet([[grey], [grey]], [["above"], ["below"]], ["image"], 64)
    assert out.shape[0] == GAP + LINE_PX + 2 * (64 + LINE_PX + GAP)
    heading = out[GAP : GAP + LINE_PX]
    first_caption = out[GAP + LINE_PX + 64 : GAP + 2 * LINE_PX + 64]
    for words in (heading, first_caption):
        assert words.min() < 80
        assert words.max() == 255


def test_a_lone_caption_runs_along_the_row_and_one_of_many_stays_in_its_column():
    grey = plain(8, 64, 128, 128, 128)
    words = "a caption that is longer than one column"
    alone = sheet([[grey, grey, grey]], [[words]], width=64)[GAP + 8 :]
    each = sheet([[grey, grey, grey]], [[words, "", ""]], width=64)[GAP + 8 :]
    second_column = slice(GAP + 64 + GAP, None)
    assert alone[:, second_column].min() < 80
    assert each[:, second_column].min() == 255


def test_grey_pictures_other_shapes_and_short_rows_are_welcome():
    tall, flat = np.zeros((20, 10), np.uint8), plain(5, 10, 9, 9, 9)
    out = sheet([[tall, flat], [flat]], width=10)
    assert out.shape == (GAP + 20 + GAP + 5 + GAP, GAP + 2 * (10 + GAP), 3)
    assert (out[GAP : GAP + 20, GAP : GAP + 10] == 0).all()
    # The flat one stands at the top of its row, with paper below it.
    assert (out[GAP + 5 : GAP + 20, 2 * GAP + 10 : 2 * GAP + 20] == 255).all()


def test_making_smaller_averages_so_that_a_thin_crack_stays_visible():
    mask = np.zeros((16, 16), np.uint8)
    mask[:, 5] = 255
    out = sheet([[mask]], width=4)[GAP : GAP + 4, GAP : GAP + 4, 0]
    # A quarter of the four columns that column 1 stands for is white.
    assert out.tolist() == [[0, 64, 0, 0]] * 4


def test_the_key_stands_above_all_at_its_own_size():
    key = plain(6, 100, 1, 2, 3)
    out = sheet([[plain(8, 8, 0, 0, 0)]], width=8, key=key)
    assert out.shape == (GAP + 6 + GAP + 8 + GAP, 100 + 2 * GAP, 3)
    assert (out[GAP : GAP + 6, GAP : GAP + 100] == (1, 2, 3)).all()


@pytest.mark.parametrize("rows", [[], [[]]])
def test_no_picture_is_refused(rows):
    with pytest.raises(ValueError, match="at least one"):
        sheet(rows)


def test_captions_for_another_number_of_rows_are_refused():
    with pytest.raises(ValueError, match="2 rows of captions for 1 rows"):
        sheet([[plain(8, 8, 0, 0, 0)]], [["a"], ["b"]])

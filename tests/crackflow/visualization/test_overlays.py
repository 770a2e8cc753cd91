import numpy as np
import pytest

from crackflow.visualization.overlays import (
    FALSE_ALARM,
    FOUND,
    LINE,
    MISSED,
    PREDICTED,
    RIM,
    STRONG,
    WEAK,
    legend,
    outlined,
    overlay,
    transparent,
)

GREY = np.full((16, 16, 3), 100, np.uint8)


def painted(mark, share):
    """What a pixel of level 100 becomes: share * colour + (1 - share) * 100, rounded to even."""
    return np.rint(share * np.array(mark.colour) + (1 - share) * 100).astype(np.uint8).tolist()


def test_each_kind_of_pixel_has_its_colour_and_the_rest_is_the_photograph():
    truth, predicted = np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint8)
    truth[0:8, :8] = 1
    predicted[4:12, :8] = 1
    out = overlay(GREY, truth, predicted)
    colours = {tuple(pixel) for pixel in out[0:4, :8].reshape(-1, 3).tolist()}
    assert colours == {tuple(painted(MISSED, STRONG)), tuple(painted(MISSED, WEAK))}
    assert (out[4:8, :8] == painted(FOUND, STRONG)).all()
    colours = {tuple(pixel) for pixel in out[8:12, :8].reshape(-1, 3).tolist()}
    assert colours == {tuple(painted(FALSE_ALARM, STRONG)), tuple(painted(FALSE_ALARM, WEAK))}
    assert (out[:, 8:] == 100).all()
    assert (out[12:] == 100).all()


def test_the_transparent_overlay_has_the_same_marks_and_nothing_elsewhere():
    truth, predicted = np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint8)
    truth[0:8], predicted[4:12] = 1, 2
    indices, colours = transparent(truth, predicted)
    assert colours[0] == (0, 0, 0, 0)
    assert not indices[12:].any()
    assert {colours[index] for index in indices[4:8].ravel()} == {(*FOUND.colour, round(255 * STRONG))}
    shares = {round(255 * STRONG), round(255 * WEAK)}
    assert {colours[index] for index in indices[8:12].ravel()} == {(*FALSE_ALARM.colour, share) for share in shares}
    assert {colours[index] for index in indices[0:4].ravel()} == {(*MISSED.colour, share) for share in shares}


def test_stripes_and_dots_differ_where_whole_areas_are_wrong():
    empty, full = np.zeros((16, 16), np.uint8), np.ones((16, 16), np.uint8)
    stripes = (overlay(GREY, empty, full) == painted(FALSE_ALARM, STRONG)).all(-1)
    dots = (overlay(GREY, full, empty) == painted(MISSED, STRONG)).all(-1)
    # Stripes run along the diagonal: x + y alone decides. Dots repeat with period 8 and have a hole between four.
    assert (stripes[1:, :-1] == stripes[:-1, 1:]).all()
    assert 0.4 < stripes.mean() < 0.6
    assert (dots[:8, :8] == dots[8:, 8:]).all()
    assert dots[3, 3]
    assert not dots[0, 0]
    assert not dots[7, 7]


def test_without_truth_every_predicted_pixel_is_marked_as_predicted():
    predicted = np.zeros((16, 16), np.uint8)
    predicted[2] = 1
    out = overlay(GREY, None, predicted)
    assert (out[2] == painted(PREDICTED, STRONG)).all()
    assert (np.delete(out, 2, axis=0) == 100).all()


def test_any_foreground_class_is_crack():
    truth, predicted = np.full((16, 16), 1, np.uint8), np.full((16, 16), 2, np.uint8)
    assert (overlay(GREY, truth, predicted) == painted(FOUND, STRONG)).all()


def test_the_photograph_given_is_not_changed():
    overlay(GREY, np.ones((16, 16), np.uint8), np.ones((16, 16), np.uint8))
    assert (GREY == 100).all()


def test_other_sizes_are_rejected():
    with pytest.raises(ValueError, match="truth of shape"):
        overlay(GREY, np.zeros((8, 8), np.uint8), np.zeros((16, 16), np.uint8))


def lightness(colour):
    """CIE L* of an sRGB colour, 0 to 100 (IEC 61966-2-1 for the linear values, CIE 1976 for L*)."""
    levels = np.array(colour) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return 116 * np.cbrt(linear @ (0.2126, 0.7152, 0.0722)) - 16


def test_marks_can_be_told_apart_without_colour():
    levels = sorted(lightness(mark.colour) for mark in (FOUND, FALSE_ALARM, MISSED))
    assert np.diff(levels).min() > 15
    assert len({mark.pattern for mark in (FOUND, FALSE_ALARM, MISSED)}) == 3


def test_the_legend_is_as_wide_as_asked_and_flows_onto_more_lines():
    """On a narrow one each of the three marks has a line of its own: three times the height of a single line."""
    wide, narrow, one = legend(1200), legend(400), legend(400, with_truth=False)
    assert [picture.shape[1] for picture in (wide, narrow, one)] == [1200, 400, 400]
    assert wide.shape[0] == one.shape[0]
    assert narrow.shape[0] == 3 * one.shape[0]


def test_the_legend_shows_each_mark_as_it_is_painted_in_order():
    """Each mark's strong colour on grey 128, the colours of one mark below those of the one before."""
    tops = []
    for mark in (FOUND, FALSE_ALARM, MISSED):
        strong = np.rint(STRONG * np.array(mark.colour) + (1 - STRONG) * 128).astype(np.uint8)
        rows, _ = np.nonzero((legend(400) == strong).all(-1))
        assert len(rows) > 200, mark.words
        tops.append((rows.min(), rows.max()))
    assert tops[0][1] < tops[1][0] < tops[1][1] < tops[2][0]


def test_the_line_lies_around_the_mask_and_leaves_it_visible():
    """A band of rows 20..23: line on rows 18, 19, 24, 25, rim on 16, 17, 26, 27, the photograph everywhere else."""
    image = np.random.default_rng(0).integers(50, 200, (48, 40, 3)).astype(np.uint8)
    crack = np.zeros((48, 40), bool)
    crack[20:24] = True
    before = image.copy()
    out = outlined(image, crack, line_px=2)
    line, rim = [18, 19, 24, 25], [16, 17, 26, 27]
    assert (out[line] == LINE).all()
    assert (out[rim] == RIM).all()
    rest = [row for row in range(48) if row not in line + rim]
    assert (out[rest] == before[rest]).all()
    assert (image == before).all()


def test_holes_of_one_pixel_get_no_line():
    image = np.full((32, 32, 3), 90, np.uint8)
    crack = np.zeros((32, 32), bool)
    crack[10:20, 5:25] = True
    crack[14, 8:22:3] = False
    assert (outlined(image, crack)[10:20, 5:25] == 90).all()


def test_an_empty_mask_changes_nothing():
    image = np.full((16, 16, 3), 90, np.uint8)
    assert (outlined(image, np.zeros((16, 16), bool)) == image).all()


def test_the_line_is_as_wide_in_every_direction():
    """Around a single pixel the line reaches 2 px along rows and columns, and (1, 1) on the diagonal, not (1, 2)."""
    image = np.full((16, 16, 3), 90, np.uint8)
    crack = np.zeros((16, 16), bool)
    crack[8, 8] = True
    line = (outlined(image, crack, line_px=2) == LINE).all(-1)
    down, right = np.nonzero(line)
    assert set(zip((down - 8).tolist(), (right - 8).tolist(), strict=True)) == {
        (y, x) for y in range(-2, 3) for x in range(-2, 3) if 0 < y * y + x * x <= 4
    }

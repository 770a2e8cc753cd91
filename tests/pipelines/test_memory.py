"""pipelines/memory.py; what a pixel takes is measured by benchmarks/speed/large.py."""

import math

import pytest

from crackflow.errors import ImageError, ParamsError
from pipelines.memory import BYTES_A_PIXEL, BYTES_A_PIXEL_ON_DISK, MORE_IN_A_STRIP, Space, room


def test_what_does_not_grow_with_the_photograph_is_left_out_of_the_room():
    """The first 2^23 px take more each, further ones do not."""
    more = BYTES_A_PIXEL + MORE_IN_A_STRIP
    assert Space(more * 2**23 / 2**30).most_pixels == 2**23
    assert Space(more * 2**22 / 2**30).most_pixels == 2**22
    further = BYTES_A_PIXEL * 10**8 / 2**30
    assert Space(more * 2**23 / 2**30 + further).most_pixels == pytest.approx(2**23 + 10**8, abs=1)


def test_a_larger_copy_counts():
    """A photograph of 3 bytes, and at scale 8 64 times its copy of 3 and its probability of 2: 323."""
    assert Space(1, 8.0).bytes_a_pixel(on_disk=False) == 323
    # on the disk the copy alone is in memory
    assert Space(1, 8.0).bytes_a_pixel(on_disk=True) == 192
    assert Space(1, 1.0).bytes_a_pixel(on_disk=False) == BYTES_A_PIXEL
    # a smaller copy takes no more than its probabilities at the photograph's own size
    assert Space(1, 0.5).bytes_a_pixel(on_disk=True) == BYTES_A_PIXEL_ON_DISK + 2
    assert Space(4, 8.0).most_pixels < Space(4).most_pixels / 8


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1, 0, 0.001, 1e308])
def test_what_no_computer_has_is_rejected(wrong):
    with pytest.raises(ParamsError, match=r"--max-memory .* GiB, expected a number from 0.01 to 1,048,576; correct"):
        Space(wrong)
    assert room(2) == 2**31


@pytest.mark.parametrize(
    ("height", "width", "scale", "mode"),
    [
        # 171 squares of which 1 row of 512 is no mirror image
        (1, 65_500, "auto", "stretch"),
        (65_500, 20, "several", "stretch"),
        (65_500, 10, "fit", "tile"),
        (100, 65_500, 0.25, "stretch"),
    ],
)
def test_a_strip_is_not_shown_as_its_mirror_image(height, width, scale, mode):
    with pytest.raises(ImageError, match=rf"a.jpg is a strip of {width}x{height} px, expected at least \d+ px on its"):
        Space(1.5, scale).check_squares("a.jpg", height, width, 512, mode)


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [(1, 65_500, "fit"), (32, 65_500, "auto"), (1, 512, "auto"), (1, 4000, 1.0), (8660, 11_546, 1.0), (9, 9, 8.0)],
)
def test_what_is_looked_at_in_a_few_squares_or_holds_enough_of_them(height, width, scale):
    Space(1.5, scale).check_squares("a.jpg", height, width, 512)


def test_rows_of_squares_that_are_too_wide_for_memory_are_rejected():
    """Two rows of 512 px, 24 bytes a pixel together: 2,000,000 px take 23,438 MiB."""
    with pytest.raises(ImageError, match=r"is 2,000,000 px wide, .* take 23,438 MiB, expected at most 1,536; allow"):
        Space(1.5).check_squares("a.tif", 40, 2_000_000, 512)
    Space(1.5).check_squares("a.tif", 2_000_000, 40, 512)

import pytest

from crackflow.inference.scale_choice import choose_scale


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(512, 512, "fit"), (1, 1, "fit"), (384, 512, "fit"), (513, 512, 1), (64, 513, 1), (3000, 4000, 1)],
)
def test_what_is_larger_than_the_square_on_any_side_is_looked_at_in_its_own_pixels(height, width, expected):
    assert choose_scale(height, width, 512) == expected

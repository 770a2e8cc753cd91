import pytest

from crackflow.errors import DataError
from crackflow.rejections import Rejection, check_rejections

BAD = [Rejection(name, "is blue") for name in "abcd"]


def test_as_many_as_allowed_pass():
    check_rejections(BAD, 80, 0.05)
    check_rejections([], 0, 0)


def test_one_more_stops_and_says_what_and_what_to_do():
    with pytest.raises(DataError) as caught:
        check_rejections(BAD, 79, 0.05)
    # 4 / 79 = 0.0506
    assert str(caught.value) == (
        "4 of 79 pairs (5.1%) can't be used, at most 5.0% may be: a: is blue; b: is blue; c: is blue; .... "
        "Fix them, leave them out with data.exclude, or raise data.max_rejected"
    )

import pytest

from scripts.tables import fill, markdown

PAGE = "before\n<!-- a: written by me -->\nold\n<!-- end of a -->\nafter\n"


def test_what_stands_between_the_marks_is_replaced():
    filled = fill(PAGE, "a", "me", "new\n")
    assert filled == "before\n<!-- a: written by me -->\nnew\n<!-- end of a -->\nafter\n"
    assert fill(filled, "a", "me", "new\n") == filled


@pytest.mark.parametrize(("page", "places"), [("nothing", 0), (PAGE + PAGE, 2), (PAGE.replace("end of", ""), 0)])
def test_a_page_without_just_one_place_is_told(page, places):
    with pytest.raises(ValueError, match=f"{places} places for a, expected one"):
        fill(page, "a", "me", "new\n")


def test_a_table():
    assert markdown(["name", "px"], [["a", 1.5], ["b", None]], "---:") == (
        "| name | px |\n| --- | ---: |\n| a | 1.5 |\n| b |  |\n"
    )

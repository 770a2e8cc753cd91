import pytest

from crackflow.visualization.lettering import font, shorten


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

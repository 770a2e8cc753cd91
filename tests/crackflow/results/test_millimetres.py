import pytest

from crackflow.results.millimetres import in_mm, length, rounded


def test_units():
    assert length(1234.56, None, 2, 1) == "1,234.6 px"
    assert length(1234.56, 0.5, 2, 1) == "617.28 mm"


@pytest.mark.parametrize(
    ("px", "mm_per_px", "cell", "words"),
    [
        (250.0, 0.5, 125.0, "125 mm"),
        (12.3456, 1.0, 12.346, "12 mm"),
        (12.3456, 0.1, 1.235, "1.2 mm"),
        # three digits in a table and two in words, however small
        (12.3456, 0.001, 0.0123, "0.012 mm"),
        (12.3456, 1e-6, 0.0000123, "0.000012 mm"),
        (12.3456, 1e7, 123456000.0, "123,456,000 mm"),
        (0.0, 0.001, 0.0, "0 mm"),
    ],
)
def test_a_length_that_is_not_0_never_reads_as_0(px, mm_per_px, cell, words):
    assert in_mm(px, mm_per_px) == pytest.approx(cell, rel=1e-12)
    assert length(px, mm_per_px, 0, 0) == words


def test_a_loss_is_rounded_as_a_gain():
    assert rounded(-0.00012349, 3) == -0.000123
    assert rounded(-12.34567, 3) == -12.346

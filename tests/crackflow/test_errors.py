import pytest

from crackflow.errors import one_line


@pytest.mark.parametrize(
    ("error", "said"),
    [(ValueError("first\n   second\n"), "first second"), (KeyError("x"), "'x'"), (OSError(), "OSError")],
)
def test_an_error_is_one_line(error, said):
    assert one_line(error) == said

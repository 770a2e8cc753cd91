import pytest
from typer.testing import CliRunner

from pipelines.cli import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--folds", "2"], "--folds is 2, expected 3 or more"),
        (["--budget", "0"], "--budget is 0, expected a share of the steps"),
        (["--budget", "1.5"], "--budget is 1.5, expected a share of the steps"),
    ],
)
def test_what_can_not_be_is_rejected_in_a_line(arguments, said):
    done = CliRunner().invoke(app, ["crossvalidate", *arguments])
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output

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


def test_a_file_of_the_user_that_speaks_of_folds_stays(tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text('{"folds": [1, 2, 3], "mine": true}')
    done = CliRunner().invoke(app, ["crossvalidate", "--out", str(mine)])
    assert done.exit_code == 2
    assert "which this command did not write" in " ".join(done.output.split())
    assert mine.read_text() == '{"folds": [1, 2, 3], "mine": true}'

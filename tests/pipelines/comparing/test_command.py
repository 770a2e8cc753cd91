import json
import shutil

import pytest
from typer.testing import CliRunner

from crackflow.errors import CrackflowError
from pipelines.cli import app


@pytest.fixture
def run(repository):
    return lambda *arguments: CliRunner().invoke(app, ["compare", *arguments])


def test_each_way_to_show_it(run, repository):
    printed = run("main", "better")
    assert printed.exit_code == 0, printed.output
    assert "Not told apart: pooled IoU 0.432 -> 0.818" in printed.stdout
    assert json.loads(run("main", "better", "--json").stdout)["outcome"] == "not told apart"
    done = run("main", "--markdown", "--note", "No cache was at hand.", "--html", "page.html")
    assert "the working files against" in done.stdout
    assert "\n> **Caveat:** No cache was at hand.\n" in done.stdout
    page = (repository.root / "page.html").read_text()
    assert page.count('src="data:image/jpeg;base64,') == 12


def test_a_file_of_the_user_beside_the_page_stays(run, repository):
    repository.write("h/.page.html.part", "mine")
    assert run("main", "better", "--html", "h/page.html").exit_code == 0
    assert (repository.root / "h/.page.html.part").read_text() == "mine"


def test_without_a_name_it_is_the_last_commit_against_the_working_files(run, repository):
    repository.write("params.yaml", "train:\n  epochs: 16\n")
    found = json.loads(run("--json").stdout)
    assert (found["old"], found["new"]) == (repository.git("rev-parse", "HEAD")[:10], "the working files")
    assert found["params"][0] == ["train.epochs", "8", "16"]


def test_history(run):
    found = json.loads(run("--history", "1", "--json").stdout)
    assert [one["value"] for one in found] == [0.8182]
    assert "| new |" in run("--history", "2", "--markdown").stdout
    assert "0.432" in run("--history", "2").stdout


def no_figures(repository):
    repository.git("rm", "-q", "-r", "metrics")


def broken_figures(repository):
    repository.write("metrics/evaluation.json", "{")


def broken_params(repository):
    repository.write("params.yaml", "train: [")


def bytes_for_params(repository):
    (repository.root / "params.yaml").write_bytes(b"\xff\xfe\x00")


def no_repository(repository):
    shutil.rmtree(repository.root / ".git")


@pytest.mark.parametrize(
    ("spoil", "arguments", "words"),
    [
        (None, ["nowhere"], "nowhere names no commit"),
        (no_repository, ["main"], "is in no git repository"),
        (no_figures, ["main"], "the working files holds no metrics/evaluation.json"),
        (broken_figures, ["main"], "metrics/evaluation.json of the working files can't be used"),
        (broken_params, ["main"], "params.yaml of the working files line 1 is not YAML"),
        (bytes_for_params, ["main"], "params.yaml can't be read"),
        (None, ["main", "--html", "params.yaml/page.html"], "params.yaml: File exists"),
        (None, ["main", "--figure", "iou"], "received the figure iou, expected one of pooled_iou"),
    ],
)
def test_what_can_be_fixed_is_one_line_and_exit_code_2(run, repository, spoil, arguments, words):
    if spoil:
        spoil(repository)
    done = run(*arguments)
    assert done.exit_code == CrackflowError.exit_code
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_two_formats_are_too_many(run):
    done = run("main", "--json", "--markdown")
    assert done.exit_code == 2
    assert "expected one of them" in done.stderr

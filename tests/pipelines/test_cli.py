"""pipelines/cli.py."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from crackflow.params import Params, dump, parse, render
from pipelines.cli import app

PROFILES = Path(__file__).parents[2] / "profiles"
# a default is tuned now and then; these tests are of what is done with it
EPOCHS = Params().train.epochs
CRACKFLOW = [sys.executable, "-c", "from pipelines.cli import app; app()"]


@pytest.fixture
def crackflow():
    return lambda *args, **kwargs: CliRunner().invoke(app, [str(arg) for arg in args], **kwargs)


def process(*arguments):
    """Run the command in a process: DVC and Prefect set up logging for good, which CliRunner's streams don't bear."""
    return subprocess.run([*CRACKFLOW, *arguments], capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with params.yaml and profiles/, as the current one."""
    (tmp_path / "params.yaml").write_text(render(Params()))
    shutil.copytree(PROFILES, tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(checkout):
    return parse(yaml.safe_load((checkout / "params.yaml").read_text()))


def test_help_waits_for_nothing_heavy():
    heavy = "{'prefect', 'dvc', 'keras', 'tensorflow', 'pandas', 'numpy', 'cv2', 'rich.table', 'pydantic'}"
    code = f"import sys, pipelines.cli; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_help_names_the_commands(crackflow):
    result = crackflow("--help")
    assert result.exit_code == 0
    commands = ("rebuild", "serve", "deploy", "notify", "doctor", "check", "profile", "figures", "predict", "score")
    for command in (*commands, "export-dataset"):
        assert command in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("profile", "qick"), "error: no profile qick; expected one of quick, kaggle, original, photos\n"),
        (
            ("profile", "quick", "--set", "train.epoch=1"),
            "error: --set: unknown key train.epoch; did you mean train.epochs?\n",
        ),
        (("figures",), "error: no figures yet at "),
        (
            ("predict", "nowhere", "--out", "out"),
            "error: no photograph and no folder at nowhere; expected one of the two\n",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_a_user_can_fix_is_one_line_and_exit_code_2(crackflow, checkout, arguments, message):
    result = crackflow(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_an_unknown_option_is_exit_code_2_too(crackflow):
    assert crackflow("rebuild", "--nope").exit_code == 2


# profile


def test_profile_shows_each_change_and_writes_it(crackflow, checkout):
    result = crackflow("profile", "quick", "--set", "train.epochs=3", "--set", "data.source=folder")
    assert result.stdout.splitlines()[:2] == ["data.source: sample -> folder", f"train.epochs: {EPOCHS} -> 3"]
    assert result.exit_code == 0
    assert (written(checkout).train.epochs, written(checkout).data.source) == (3, "folder")


def test_profile_writes_the_comments_too(crackflow, checkout):
    crackflow("profile", "original")
    crackflow("profile", "quick")
    assert (checkout / "params.yaml").read_text() == render(Params())


def test_profile_that_changes_nothing_writes_nothing(crackflow, checkout):
    (checkout / "params.yaml").write_text("# mine\n" + render(Params()))
    result = crackflow("profile", "quick")
    assert result.stdout == "params.yaml is quick already\n"
    assert (checkout / "params.yaml").read_text().startswith("# mine\n")


def test_profile_replaces_a_params_yaml_that_no_run_can_use(crackflow, checkout):
    values = dump(Params())
    del values["train"]["epochs"]
    values["trian"] = 1
    (checkout / "params.yaml").write_text(yaml.safe_dump(values))
    result = crackflow("profile", "quick")
    assert result.stdout.splitlines()[:2] == [f"train.epochs: (absent) -> {EPOCHS}", "trian: 1 -> (absent)"]
    assert written(checkout) == Params()


def test_profile_makes_a_params_yaml_where_there_is_none(crackflow, checkout):
    (checkout / "params.yaml").unlink()
    assert crackflow("profile", "quick").exit_code == 0
    assert written(checkout) == Params()


def test_profile_upgrade_brings_an_old_params_yaml_up_to_date(crackflow, checkout):
    values = dump(Params())
    values["train"] |= {"epochs": 7, "loss": {"focal": 0.5}}
    del values["train"]["encoder_rate"]
    values["data"]["max_refused"] = 0.25
    del values["data"]["max_rejected"]
    (checkout / "params.yaml").write_text("# mine\n" + yaml.safe_dump(values))
    result = crackflow("profile", "--upgrade")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"train.encoder_rate: (absent) -> {Params().train.encoder_rate}",
        "data.max_refused is now data.max_rejected",
        "wrote params.yaml: keys added 1, renamed 1; every value that it had is kept",
    ]
    assert (checkout / "params.yaml").read_text() == render(written(checkout))
    assert (written(checkout).train.epochs, dict(written(checkout).train.loss)) == (7, {"focal": 0.5})
    assert written(checkout).data.max_rejected == 0.25
    assert crackflow("profile", "--upgrade").stdout == "params.yaml is up to date already\n"


def test_profile_upgrade_leaves_a_file_that_it_can_not_read(crackflow, checkout):
    text = (checkout / "params.yaml").read_text() + "zzz: 1\n"
    (checkout / "params.yaml").write_text(text)
    result = crackflow("profile", "--upgrade")
    assert (result.exit_code, result.stderr) == (2, "error: params.yaml: unknown key zzz; remove it\n")
    assert (checkout / "params.yaml").read_text() == text
    (checkout / "params.yaml").unlink()
    result = crackflow("profile", "--upgrade")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: params.yaml can't be read: ")


@pytest.mark.parametrize(
    "arguments", [(), ("quick", "--upgrade"), ("--upgrade", "--set", "train.epochs=3"), ("--set", "train.epochs=3")]
)
def test_profile_takes_a_name_or_upgrade_alone(crackflow, checkout, arguments):
    before = (checkout / "params.yaml").read_text()
    result = crackflow("profile", *arguments)
    assert result.exit_code == 2
    assert "expected either NAME" in result.stderr
    assert (checkout / "params.yaml").read_text() == before


@pytest.mark.parametrize(("answer", "epochs", "code"), [("y\n", 3, 0), ("n\n", EPOCHS, 1)])
def test_profile_asks_in_a_terminal(checkout, answer, epochs, code):
    ours, theirs = os.openpty()
    command = [*CRACKFLOW, "profile", "quick", "--set", "train.epochs=3"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.write(ours, answer.encode())
        assert process.wait(120) == code
    os.close(ours)
    os.close(theirs)
    assert written(checkout).train.epochs == epochs


def test_profile_yes_does_not_ask(checkout):
    ours, theirs = os.openpty()
    command = [*CRACKFLOW, "profile", "quick", "--set", "train.epochs=3", "--yes"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        assert process.wait(120) == 0
    os.close(ours)
    os.close(theirs)
    assert written(checkout).train.epochs == 3


# figures


def test_figures_as_json_are_those_of_the_file_and_the_places(crackflow, checkout):
    (checkout / "metrics").mkdir()
    values = {"crack": {"pooled": {"iou": 0.5}}}
    (checkout / "metrics/evaluation.json").write_text(json.dumps(values))
    result = crackflow("figures", "--json")
    assert json.loads(result.stdout) == {**values, "outputs": {"figures": "metrics/evaluation.json"}}
    assert "pooled IoU" in crackflow("figures").stdout


# rebuild


def test_rebuild_without_changes_starts_no_prefect(built):
    code = "import sys; from pipelines.cli import app; app(standalone_mode=False); print('prefect' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code, "rebuild"], capture_output=True, text=True, check=True)
    assert found.stdout == "nothing changed: download, split, statistics, report up to date\nFalse\n"


def test_rebuild_outside_a_repository_is_one_line_and_exit_code_2(checkout):
    refused = process("rebuild")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: DVC can't use ")
    assert refused.stderr.count("\n") == 1


def test_rebuild_with_a_bad_params_yaml_starts_no_prefect(built):
    path = built.root / "params.yaml"
    path.write_text(path.read_text().replace("  epochs:", "  epoch:"))
    code = "import sys; from pipelines.cli import app\ntry: app()\nfinally: print('prefect' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code, "rebuild"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "False\n")
    assert found.stderr == "error: params.yaml: unknown key train.epoch; did you mean train.epochs?\n"


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_rebuild_exits_with_1_when_a_stage_failed_and_with_0_when_done(project):
    project.ask("fail", "statistics")
    failed = process("rebuild", "statistics")
    assert failed.returncode == 1
    assert "error: statistics failed: statistics: a pity" in failed.stderr.splitlines()

    done = process("rebuild", "split")
    assert done.returncode == 0
    assert done.stdout.startswith("1 of 2 stages ran, 1 cached")


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_rebuild_brings_a_server_where_none_is_configured_and_leaves_none_behind(project):
    project.ask("slow", "split")
    # the home of the fixture's server has a database; making one takes ten seconds more
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    with subprocess.Popen([*CRACKFLOW, "rebuild"], env=environment, stderr=subprocess.DEVNULL) as process:
        project.wait_until_started(120)
        working = [found.cmdline() for found in project.processes()]
        assert any("pipelines.scheduling.prefect_server" in command for command in working)
        process.send_signal(signal.SIGKILL)
        process.wait(120)
    project.wait_until(lambda: project.processes() == [], 120)

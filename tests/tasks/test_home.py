"""tasks/environment.py, settle_home: real users without a name or a home, in processes of their own."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import environment as module

NUMBER = 12345
AS_STRANGER = ("unshare", "--user", f"--map-user={NUMBER}", f"--map-group={NUMBER}")
# what libraries ask, in a process that has settled
ASK = """
import getpass, json, os
from tasks.environment import settle_home
settle_home()
import kagglehub.config, matplotlib, dvc.dirs, dvc.repo
from prefect.settings import get_current_settings
from pathlib import Path
dvc.repo.Repo.init('.', no_scm=True).close()
places = [matplotlib.get_configdir(), matplotlib.get_cachedir(), str(get_current_settings().home),
          kagglehub.config.get_cache_folder()]
for place in places:
    Path(place).mkdir(parents=True, exist_ok=True)
    Path(place, 'tried').write_text('')
print(json.dumps({'user': getpass.getuser(), 'home': os.environ.get('HOME'), 'places': places,
                  'pages': os.environ.get('PREFECT_SERVER_UI_STATIC_DIRECTORY')}))
"""


def stranger(*command, temporary, **changes):
    """Run a program as a user number that has no name."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "XDG_"))}
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME", "HOME", "MPLCONFIGDIR", "KERAS_HOME", "KAGGLEHUB_CACHE"):
        environment.pop(name, None)
    environment |= {"TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[2]), **changes}
    return subprocess.run(
        [*AS_STRANGER, sys.executable, *command],
        env=environment,
        cwd=temporary,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def temporary(tmp_path):
    if subprocess.run([*AS_STRANGER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody map user numbers")
    return tmp_path


@pytest.mark.slow
def test_libraries_find_a_name_and_a_place_that_they_can_write(temporary):
    done = stranger("-c", ASK, temporary=temporary, HOME="/proc/nowhere")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    instead = temporary / f"crackflow-{NUMBER}"
    assert (found["user"], found["home"]) == (f"uid{NUMBER}", str(instead))
    assert all(Path(place).is_relative_to(instead) for place in found["places"]), found
    assert stat.S_IMODE(instead.stat().st_mode) == 0o700


# Docker gives a user number without a name HOME=/, which it can read and not write, as /proc here
@pytest.mark.parametrize(("home", "kept"), [(None, False), ("/proc/nowhere", False), ("/proc", True)])
def test_a_home_that_can_be_read_stays(temporary, home, kept):
    ask = "import os, tasks.environment as e; e.settle_home(); print(os.environ['HOME'], os.environ['KERAS_HOME'])"
    done = stranger("-c", ask, temporary=temporary, **({"HOME": home} if home else {}))
    instead = temporary / f"crackflow-{NUMBER}"
    assert done.stdout.split() == ["/proc" if kept else str(instead), str(instead / "keras")], done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("-m", "tasks", "download"), ("-m", "pipelines", "check")])
def test_stages_and_commands_settle_first(temporary, arguments):
    done = stranger(*arguments, temporary=temporary, HOME="/proc/nowhere")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "no params.yaml in" in done.stderr
    assert (temporary / f"crackflow-{NUMBER}").is_dir()


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """A home that can't be written, whoever runs the test; what `settle` sets is undone."""
    for name in (module.STAND_IN, "DVC_SITE_CACHE_DIR", "PREFECT_SERVER_UI_STATIC_DIRECTORY", *module._KEPT_IN_HOME):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    return monkeypatch


def test_what_the_environment_names_stays(environment):
    environment.setenv("PREFECT_HOME", "/somewhere")
    module.settle_home()
    assert os.environ["PREFECT_HOME"] == "/somewhere"
    assert os.environ["KERAS_HOME"].endswith(f"crackflow-{os.geteuid()}/keras")


def test_a_home_that_can_be_written_is_used(environment, tmp_path):
    environment.setenv("HOME", str(tmp_path))
    module.settle_home()
    assert module.STAND_IN not in os.environ
    assert "PREFECT_HOME" not in os.environ


@pytest.mark.parametrize("spoilt", ["a link", "a file", "open to others"])
def test_a_folder_that_somebody_else_may_have_put_there_is_not_used(environment, tmp_path, spoilt):
    place = tmp_path / f"crackflow-{os.geteuid()}"
    (tmp_path / "other").mkdir(mode=0o700)
    if spoilt == "a link":
        place.symlink_to(tmp_path / "other")
    elif spoilt == "a file":
        place.touch(mode=0o600)
    else:
        place.mkdir()
        place.chmod(0o755)
    with pytest.raises(
        module.HomeError, match=r"crackflow-\d+(: File exists| is not a folder of yours alone).*set HOME"
    ):
        module.settle_home()
    assert not list((tmp_path / "other").iterdir())


@pytest.mark.parametrize(
    ("place", "name"),
    [("_prefect_pages", "PREFECT_SERVER_UI_STATIC_DIRECTORY"), ("_DVC_SITE_CACHE", "DVC_SITE_CACHE_DIR")],
)
def test_packages_and_shared_folders_of_another_user_are_not_written(environment, tmp_path, place, name):
    environment.setenv("HOME", str(tmp_path))
    module.settle_home()
    assert name not in os.environ
    closed = getattr(module, place) if place.isupper() else getattr(module, place)()
    can = module._can_be_written
    # no mode of a folder keeps root out
    environment.setattr(module, "_can_be_written", lambda path: path != closed and can(path))
    module.settle_home()
    assert os.environ[name].startswith(str(tmp_path / ".cache/crackflow"))
    assert module.STAND_IN not in os.environ

"""What can be checked of the Dockerfiles where no Docker engine runs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def instructions(path, word):
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split(None, 1)[1] for line in text.splitlines() if line.startswith(f"{word} ")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path):
    found = subprocess.run([shutil.which("hadolint"), path], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_copied_is_there_and_let_through_by_dockerignore(path):
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for line in instructions(path, "COPY") if "--from" not in line for word in line.split()[:-1]]
    assert copied
    for one in copied:
        assert (ROOT / one).exists(), one
        assert one in allowed, one


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_runs_as_an_ordinary_user_and_has_a_health_check(path):
    users = instructions(path, "USER")
    assert users
    assert users[-1] not in {"root", "0"}
    assert len(instructions(path, "HEALTHCHECK")) == 1

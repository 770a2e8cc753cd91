"""What the data source `kaggle` says of itself; what it downloads is tested in test_kaggle.py."""

import json

import pytest

from crackflow.params import DataParams
from crackflow.sources.kaggle_source import KaggleSource
from crackflow.sources.source import Origin

TOKEN = "KGAT-0123456789abcdef"  # noqa: S105


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without credentials."""
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".kaggle").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    # read when kagglehub is imported, which may have been before
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / ".kaggle"))
    return tmp_path


def account():
    return KaggleSource(DataParams(source="kaggle"), None).account()


def test_origin_and_needs(tmp_path):
    source = KaggleSource(DataParams(source="kaggle", kaggle={"handle": "owner/name", "version": 3}), tmp_path)
    assert source.origin() == Origin("Kaggle, owner/name version 3", "owner/name", 3)
    assert source.local_path() is None
    assert source.disk_bytes() == 6 * 2**30


def test_without_credentials(home):
    found = account()
    assert (found.state, found.found) == ("ok", "no credentials; a public set needs none")


def in_environment(home, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    return None, "the environment (KAGGLE_API_TOKEN)"


def in_a_named_file(home, monkeypatch):
    (home / "token").write_text(TOKEN)
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token"))
    return home / "token", "the file that KAGGLE_API_TOKEN names"


def in_the_token_file(home, monkeypatch):
    path = home / ".kaggle/access_token"
    path.write_text(f"{TOKEN}\n")
    return path, str(path)


def in_two_variables(home, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    return None, "the environment (KAGGLE_USERNAME and KAGGLE_KEY)"


def in_the_old_file(home, monkeypatch):
    path = home / ".kaggle/kaggle.json"
    path.write_text(json.dumps({"username": "somebody", "key": TOKEN}))
    return path, str(path)


@pytest.mark.parametrize("put", [in_environment, in_a_named_file, in_the_token_file, in_two_variables, in_the_old_file])
def test_credentials_are_found_and_never_shown(home, monkeypatch, capfd, caplog, put):
    caplog.set_level("DEBUG")
    path, place = put(home, monkeypatch)
    found = []
    for mode in (0o644, 0o600):
        if path:
            path.chmod(mode)
        found += [account()]
    if path:
        assert (found[0].state, found[0].advice) == ("warning", f"chmod 600 {path}")
        assert found[0].found == f"credentials in {place}, which others can read"
    assert (found[1].state, found[1].found) == ("ok", f"credentials in {place}")
    said = str(found) + caplog.text + "".join(capfd.readouterr())
    assert "somebody" not in said
    assert [part for start in range(len(TOKEN) - 3) if (part := TOKEN[start : start + 4]) in said] == []


@pytest.mark.parametrize("text", ["{", "[]", '{"username": "somebody"}', '{"username": "a", "key": "b c"}'])
def test_credentials_that_cannot_be_used(home, text):
    (home / ".kaggle/kaggle.json").write_text(text)
    found = account()
    assert found.state == "fault"
    assert "credentials that can't be used, in " in found.found


def test_a_token_that_is_longer_than_a_file_name(home, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN * 400)
    found = account()
    assert found.state == "fault"
    assert TOKEN not in str(found)

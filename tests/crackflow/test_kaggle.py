import kagglehub
import pytest
import requests
from kagglehub import exceptions

from crackflow.errors import DataError
from crackflow.kaggle import fetch

HANDLE = "owner/crack-set"


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """No cache and no credentials of whoever runs the tests, and no way out to the network."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_pinned_version_in_the_cache_needs_no_network(tmp_path):
    # where kagglehub keeps a version, and the mark that it is complete
    place = tmp_path / "cache/datasets/owner/crack-set"
    (place / "versions/3/images").mkdir(parents=True)
    (place / "3.complete").touch()
    assert fetch(HANDLE, 3) == place / "versions/3"


def test_no_network_says_so_and_what_else_there_is():
    with pytest.raises(
        DataError, match=r"Kaggle can't be reached for owner/crack-set version 1 .*data\.source"
    ) as caught:
        fetch(HANDLE, 1)
    assert "\n" not in str(caught.value)


def answer(status):
    response = requests.Response()
    response.status_code = status
    return exceptions.KaggleApiHTTPError("https://signed.example/?token=secret", response=response)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (answer(401), r"refuses owner/crack-set version 2 \(401\); put an API token into"),
        (answer(403), r"refuses owner/crack-set version 2 \(403\)"),
        (
            answer(404),
            r"has no owner/crack-set version 2 \(404\); check data\.kaggle\.handle and data\.kaggle\.version",
        ),
        (answer(429), r"answers 429 for owner/crack-set version 2; run again later"),
        (exceptions.UnauthenticatedError(), r"refuses owner/crack-set version 2 \(401\)"),
        (exceptions.DataCorruptionError("secret"), "arrived damaged"),
        (requests.Timeout("secret"), r"can't be reached .*\(Timeout\)"),
        (ValueError("secret"), "credentials are malformed"),
    ],
)
def test_what_kaggle_answers_becomes_one_line_without_its_text(monkeypatch, raised, message):
    def refuse(handle):
        assert handle == "owner/crack-set/versions/2"
        raise raised

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(DataError, match=message) as caught:
        fetch(HANDLE, 2)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("handle", ["crack-set", "a/b/c", "owner/", "https://kaggle.com/owner/name", ""])
def test_a_handle_is_owner_and_name(handle):
    with pytest.raises(DataError, match=r"data\.kaggle\.handle is .*expected owner/name"):
        fetch(handle, 1)

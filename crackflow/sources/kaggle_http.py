"""Ask Kaggle for a data set's archive, with time limits, and without showing addresses or credentials.

The request is the one that kagglehub itself sends (a test compares the two). kagglehub's own download is not used: it
resumes without asking whether the file is still the same, and its client has no time limit.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from kagglehub import __version__
from kagglehub.config import KaggleApiCredentials, get_kaggle_credentials
from kagglehub.handle import DatasetHandle
from kagglesdk.kaggle_env import KaggleEnv, get_endpoint, get_env

# Characters that a header may hold. Any other makes an exception that quotes the whole value.
_PLAIN = re.compile(r"[\x21-\x7e]+")
_DOWNLOAD = "v1/datasets.DatasetApiService/DownloadDataset"


class CredentialsError(Exception):
    """Credentials were found but can't be used. The message never holds them."""


def read_credentials() -> KaggleApiCredentials:
    """Read the credentials from where kagglehub reads them; all fields are None where there are none.

    Raises:
        CredentialsError: when they are malformed or unreadable. It has no cause, since that may quote them.
    """
    try:
        found = get_kaggle_credentials() or KaggleApiCredentials()
        fields = [field for field in (found.username, found.key, found.api_key) if field is not None]
        stripped = [field.strip() for field in fields]
    # kaggle.json is not a JSON object; or a token is too long for a file name, which kagglehub takes it for
    except (ValueError, TypeError, AttributeError, OSError):
        raise CredentialsError from None
    if not all(_PLAIN.fullmatch(field) for field in stripped):
        raise CredentialsError
    if found.api_key is not None:
        return KaggleApiCredentials(api_key=stripped[0])
    return KaggleApiCredentials(*stripped)


@contextmanager
def open_archive(
    handle: DatasetHandle, headers: Mapping[str, str], timeout: tuple[float, float]
) -> Iterator[requests.Response]:
    """Ask for the archive and follow Kaggle's redirect to the storage; the body is not read yet.

    The headers reach the storage too. The Authorization does not, since requests drops it where the host changes.

    Args:
        handle: with its version.
        headers: added to the request.
        timeout: seconds to connect, and between two blocks of bytes.

    Yields:
        The response, status 200 or 206.

    Raises:
        CredentialsError: when the credentials can't be used.
        requests.RequestException: when there is no such response.
    """
    env = get_env()
    endpoint = get_endpoint(env) if env == KaggleEnv.PROD else f"{get_endpoint(env)}/api"
    with _without_addresses(), requests.Session() as session:
        session.headers.update({"User-Agent": f"kagglehub/{__version__}", **headers})
        session.auth = _authentication(read_credentials())
        body = {
            "ownerSlug": handle.owner,
            "datasetSlug": handle.dataset,
            "datasetVersionNumber": handle.version,
        }
        try:
            response = session.post(f"{endpoint}/{_DOWNLOAD}", json=body, timeout=timeout, stream=True)
        except requests.RequestException:
            raise
        except ValueError:
            # a redirect to something that is not an address; the cause may quote it
            raise requests.exceptions.ContentDecodingError from None
        with response:
            _check(response)
            yield response


def _authentication(credentials: KaggleApiCredentials) -> "_Bearer | tuple[str, str] | None":
    if credentials.api_key:
        return _Bearer(credentials.api_key)
    return (credentials.username, credentials.key) if credentials.username and credentials.key else None


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _check(response: requests.Response) -> None:
    """Raise on a status that is an error, also when it stands inside a response with status 200."""
    if response.ok and "application/json" in response.headers.get("Content-Type", ""):
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("code"), int):
            raise requests.exceptions.ContentDecodingError
        response.status_code = answer["code"]
    if not response.ok:
        raise requests.HTTPError(f"status {response.status_code}", response=response)


@contextmanager
def _without_addresses() -> Iterator[None]:
    """Keep urllib3 from logging addresses at DEBUG. Kaggle redirects to a signed address, which is a secret."""
    logger = logging.getLogger("urllib3.connectionpool")

    def silent(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(silent)
    try:
        yield
    finally:
        logger.removeFilter(silent)

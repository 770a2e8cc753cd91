"""Ask Kaggle for a data set's archive: with kagglehub's address and credentials, with time limits and discretion."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import requests
from kagglehub import __version__
from kagglehub.config import KaggleApiCredentials, get_kaggle_credentials
from kagglehub.handle import DatasetHandle
from kagglesdk.datasets.services.dataset_api_service import DatasetApiClient
from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest
from kagglesdk.kaggle_env import get_env
from kagglesdk.kaggle_http_client import KaggleHttpClient
from requests.adapters import HTTPAdapter

# What may stand in a header as it is; anything else makes an exception that quotes it.
_PLAIN = re.compile(r"[\x21-\x7e]+")


class CredentialsError(Exception):
    """Credentials are there but can't be used; never holds what they are."""


def read_credentials() -> KaggleApiCredentials:
    """Take the credentials where kagglehub takes them; all fields are None where there are none.

    Raises:
        CredentialsError: when they are malformed or unreadable. The cause is dropped, since it may quote them.
    """
    try:
        found = get_kaggle_credentials() or KaggleApiCredentials()
        fields = [field for field in (found.username, found.key, found.api_key) if field is not None]
        stripped = [field.strip() for field in fields]
    # kaggle.json that is no JSON object; a token longer than a file name, which kagglehub takes for one
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

    The headers reach the storage too; the Authorization does not, since requests drops it where the host changes.

    Args:
        handle: with its version.
        headers: added to the request.
        timeout: seconds to connect, and between two blocks of bytes.

    Yields:
        The answer, status 200 or 206.

    Raises:
        CredentialsError: when the credentials can't be used.
        requests.RequestException: when there is no such answer.
    """
    credentials = read_credentials()
    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = handle.owner, handle.dataset
    request.dataset_version_number = handle.version
    client = _Client(credentials, headers, timeout)
    with _without_addresses(), client:
        try:
            # typed as the redirect, it is the answer of the storage that the redirect leads to
            response: Any = DatasetApiClient(client).download_dataset(request)
        except requests.HTTPError as error:
            # the API may also send a status inside an answer of status 200
            if error.response is not None and error.response.ok:
                error.response.status_code = int(error.response.json()["code"])
            raise
        except requests.RequestException:
            raise
        except (ValueError, TypeError):
            # a redirect to what is no address, or JSON of another shape; the cause may quote it
            raise requests.exceptions.ContentDecodingError from None
        with response:
            yield response


class _Client(KaggleHttpClient):  # type: ignore[misc] # the sdk has no types
    """kagglesdk's client, which knows no time limit and no headers of the caller's."""

    _session: Any

    def __init__(
        self, credentials: KaggleApiCredentials, headers: Mapping[str, str], timeout: tuple[float, float]
    ) -> None:
        super().__init__(
            env=get_env(),
            username=credentials.username,
            password=credentials.key,
            api_token=credentials.api_key,
            # kagglehub's own adds to this what it finds by reading the source of every caller, which takes a second
            user_agent=f"kagglehub/{__version__}",
        )
        self._headers, self._timeout = headers, timeout

    def _init_session(self) -> None:
        new = self._session is None
        super()._init_session()
        if new:
            self._session.headers.update(self._headers)
            for scheme in ("https://", "http://"):
                self._session.mount(scheme, _Strict(self._timeout))


class _Strict(HTTPAdapter):
    """Sends with time limits, and raises on what is refused."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__()
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **{**kwargs, "timeout": self._timeout})
        # before the sdk reads the body, which in a gateway's answer need not be what its header says
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise requests.HTTPError(f"status {response.status_code}", response=response)
        return response


@contextmanager
def _without_addresses() -> Iterator[None]:
    """Keep urllib3 from logging addresses at DEBUG: the one that Kaggle redirects to is signed, so it is a key."""
    logger = logging.getLogger("urllib3.connectionpool")

    def silent(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(silent)
    try:
        yield
    finally:
        logger.removeFilter(silent)

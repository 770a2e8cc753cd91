"""What can go wrong with a request, and whether it is worth trying again."""

import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus

import requests
import urllib3
from urllib3.util.retry import Retry

# Asking again later may help, as it may with every 5xx.
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Patience:
    """Time limits of a download, in seconds.

    The wait after the n-th failed try is `first_s * 2**(n - 1)` plus a random part of `first_s`, and at most
    `longest_s`. If the server asks for a longer wait (Retry-After), that is kept, up to `longest_s`. A server that asks
    for more is not waited for.
    """

    first_s: float = 1.0
    longest_s: float = 120.0
    connect_s: float = 10.0
    read_s: float = 30.0
    """Between two blocks of bytes."""
    slow_bytes_per_s: float = 1024.0
    """A connection that is slower than this for `slow_s` is replaced by a new one."""
    slow_s: float = 30.0


class IncompleteDownloadError(Exception):
    """The file did not arrive completely; the bytes that did are kept.

    The message is what went wrong last, without addresses.

    Attributes:
        tries: how many tries in a row made no progress.
    """

    def __init__(self, reason: str, tries: int) -> None:
        super().__init__(reason)
        self.tries = tries


class DiskFullError(Exception):
    """The disk can't hold the file; the message says what is free and what is needed."""


class RetryableError(Exception):
    """A try failed, and the next one may succeed.

    The message says why, without addresses.

    Attributes:
        after_s: seconds that the server asks to wait.
    """

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


def classify(error: requests.RequestException, patience: Patience, *, first: bool) -> Exception:
    """Classify a failed request.

    Args:
        error: what requests raised.
        patience: time limits.
        first: whether this was the first request. A name that can't be resolved then means that there is no network.

    Returns:
        The exception to raise: a RetryableError if a later try may succeed; an IncompleteDownloadError if there is no
        network or the server asks to wait too long; `error` itself in every other case.
    """
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        if status not in _LATER and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return error
        asked_s = _retry_after(error.response)
        if asked_s > patience.longest_s:
            return IncompleteDownloadError(f"the server answers {status} and asks to wait {asked_s:,.0f} s", 1)
        return RetryableError(f"the server answers {status}", asked_s)
    if not isinstance(error, requests.ConnectionError | requests.Timeout):
        return error
    if _caused_by(error, ssl.SSLCertVerificationError):
        return error
    if first and _caused_by(error, socket.gaierror):
        return IncompleteDownloadError(_kind(error, patience), 1)
    return RetryableError(_kind(error, patience))


def _kind(error: requests.RequestException, patience: Patience) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy rejects the request or does not answer"
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {patience.connect_s:g} s"
    if isinstance(error, requests.Timeout):
        return f"no answer within {patience.read_s:g} s"
    if _caused_by(error, socket.gaierror):
        return "the server's name can't be resolved"
    return "the connection is refused" if _caused_by(error, ConnectionRefusedError) else "the connection dropped"


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(response: requests.Response) -> float:
    """Return the seconds that the server asks to wait, 0 when it does not ask; it may also name a date."""
    try:
        return max(0.0, Retry().parse_retry_after(response.headers.get("Retry-After", "0")))
    except urllib3.exceptions.InvalidHeader:
        return 0.0

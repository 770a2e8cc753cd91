"""What can go wrong with a request, and whether it is worth another one."""

import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus

import requests
import urllib3
from urllib3.util.retry import Retry

# The server's own trouble, or too much at once: asking again later may help. 5xx belongs here too.
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True)
class Patience:
    """How long to wait for what; seconds.

    The wait after the n-th fruitless try is `first_s * 2**(n - 1)` and up to `first_s` more by chance, at most
    `longest_s`, or what the server asks for (Retry-After) where that is more. A server that asks for more than
    `longest_s` is not waited for.
    """

    first_s: float = 1.0
    longest_s: float = 120.0
    connect_s: float = 10.0
    read_s: float = 30.0
    """Between two blocks of bytes."""
    slow_bytes_per_s: float = 1024.0
    """Below this rate for `slow_s`, the connection is given up and another one made."""
    slow_s: float = 30.0


class BrokenOffError(Exception):
    """The file did not arrive; what did is kept.

    Its text is what went wrong last, without addresses.

    Attributes:
        tries: how often it was tried in a row without getting on.
    """

    def __init__(self, reason: str, tries: int) -> None:
        super().__init__(reason)
        self.tries = tries


class NoRoomError(Exception):
    """The disk can't take the file; the message says what is free and what is needed."""


class AgainError(Exception):
    """A try that failed in a way that the next one may not.

    Its text says how, without addresses.

    Attributes:
        after_s: seconds that the server asks to wait.
    """

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


def meaning_of(error: requests.RequestException, patience: Patience, *, first: bool) -> Exception:
    """Tell what a failed request means.

    Args:
        error: what requests raised.
        patience: how long may be waited.
        first: whether nothing was asked before it; a name that can't be resolved then means that there is no network.

    Returns:
        The exception to raise: an AgainError for what may pass; a BrokenOffError for what it is no use to wait for, no
        network or a server that asks to wait too long; `error` itself for everything else.
    """
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        if status not in _LATER and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return error
        asked_s = _retry_after(error.response)
        if asked_s > patience.longest_s:
            return BrokenOffError(f"the server answers {status} and asks to wait {asked_s:,.0f} s", 1)
        return AgainError(f"the server answers {status}", asked_s)
    if not isinstance(error, requests.ConnectionError | requests.Timeout):
        return error
    if _caused_by(error, ssl.SSLCertVerificationError):
        return error
    if first and _caused_by(error, socket.gaierror):
        return BrokenOffError(_kind(error, patience), 1)
    return AgainError(_kind(error, patience))


def _kind(error: requests.RequestException, patience: Patience) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refuses or does not answer"
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
    """Seconds that the server asks to wait, 0 when it asks for none; it may also name a date."""
    try:
        return max(0.0, Retry().parse_retry_after(response.headers.get("Retry-After", "0")))
    except urllib3.exceptions.InvalidHeader:
        return 0.0

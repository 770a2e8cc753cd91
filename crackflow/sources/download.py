"""Fetch one large file over HTTP: resumed where it broke off, tried again with patience, checked before it is named.

Nothing lies under the final name that is not whole. What arrived so far lies beside it as NAME.part, with what the
server said of the file in NAME.part.json; a later call goes on from there, whoever killed the first one.
"""

import base64
import errno
import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, NoReturn

import requests
import tenacity
import urllib3

from crackflow.progress import bar
from crackflow.sources.download_faults import AgainError, BrokenOffError, NoRoomError, Patience, meaning_of
from crackflow.sources.download_state import Entity, Partial

BLOCK = 2**16
# no room on the disk, in the quota, or within the limit for one file
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Ask = Callable[[Mapping[str, str]], AbstractContextManager[requests.Response]]


def download(
    ask: Ask,
    target: Path,
    label: str,
    attempts: int,
    damage: Callable[[Path], str],
    patience: Patience | None = None,
) -> None:
    """Fetch a file, or the rest of it, and give it its name once it is whole.

    Bytes are appended only to what the same file began: a 206 for exactly the range asked for, of the same size, ETag
    and MD5. Anything else starts anew. A whole file is checked by the server's MD5 (x-goog-hash), or by `damage` where
    the server gives none; a damaged one is dropped and fetched again.

    Args:
        ask: sends the request with the headers it is given, and gives the open answer, status 200 or 206; raises
            `requests.HTTPError` for any other status.
        target: the file to make. One process at a time may fetch it.
        label: the words before the bar on stderr, which counts bytes.
        attempts: tries, from 1, before the failure is an error; one that brings a hundredth of the file begins the
            count anew.
        damage: what is wrong with a whole file, "" when nothing is.
        patience: how long to wait for what; `Patience()` when absent.

    Raises:
        BrokenOffError: when the tries are used up, when there is no network, or when the server asks to wait too long.
        NoRoomError: when the disk is full, or is too small for what the server announces.
        requests.HTTPError: when the server refuses for good: a status that no patience mends.
        requests.RequestException: on anything else that can't be tried again, such as an untrusted certificate.
        OSError: when the place can't be written.
    """
    patience = patience or Patience()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Partial(target)
    gained = _Gain(part)
    jitter = tenacity.wait_random(0, patience.first_s)
    backoff = tenacity.wait_exponential(multiplier=patience.first_s, max=patience.longest_s) + jitter

    def wait(state: tenacity.RetryCallState) -> float:
        return max(min(backoff(state), patience.longest_s), _failure(state).after_s)

    def announce(state: tenacity.RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        told = f"{label}: {_failure(state)}; try {state.attempt_number + 1} of {attempts} in {pause:.1f} s"
        print(told, file=sys.stderr, flush=True)

    def give_up(state: tenacity.RetryCallState) -> NoReturn:
        raise BrokenOffError(str(_failure(state)), state.attempt_number) from None

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(AgainError),
        stop=tenacity.stop_after_attempt(attempts),
        wait=wait,
        after=gained.forget_failures,
        before_sleep=announce,
        retry_error_callback=give_up,
    )

    def fetch() -> None:
        _fetch(ask, part, label, damage, patience, first=retrying.statistics["attempt_number"] == 1)

    retrying(fetch)
    part.publish(target)


class _Gain:
    """Forgets earlier failures when a try got on, so that a long download survives many short breaks."""

    def __init__(self, part: Partial) -> None:
        self.part, self.best = part, part.size

    def forget_failures(self, state: tenacity.RetryCallState) -> None:
        entity = self.part.entity
        if entity and entity.total and self.part.size - self.best >= max(1, entity.total // 100):
            self.best = self.part.size
            state.attempt_number = 1


def _failure(state: tenacity.RetryCallState) -> AgainError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, AgainError) else AgainError(str(error))


def _fetch(
    ask: Ask, part: Partial, label: str, damage: Callable[[Path], str], patience: Patience, *, first: bool
) -> None:
    """One try: ask for what is missing, and check the whole."""
    if not part.complete:
        # what a storage compresses on the way has other bytes than its checksum and its ranges count
        headers = {"Accept-Encoding": "identity", **part.range_headers()}
        try:
            with ask(headers) as response:
                _take(response, part, label, patience)
        except requests.RequestException as error:
            if getattr(error.response, "status_code", 0) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.drop()
                raise AgainError("the server has no such range (416); the part is dropped") from None
            raise meaning_of(error, patience, first=first) from None
    if part.entity and part.entity.total is not None and part.size != part.entity.total:
        raise AgainError(f"the connection dropped after {part.size:,} of {part.entity.total:,} bytes")
    wrong = _md5_differs(part.path, part.entity.md5) if part.entity and part.entity.md5 else damage(part.path)
    if wrong:
        part.drop()
        raise AgainError(f"{wrong}; the file is dropped")


def _take(response: requests.Response, part: Partial, label: str, patience: Patience) -> None:
    entity = Entity.of(response)
    if response.status_code == HTTPStatus.PARTIAL_CONTENT and not part.continues_with(response, entity):
        part.drop()
        raise AgainError("the file changed on the server since the download began")
    try:
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            part.begin(entity)
        if entity.total is not None:
            _check_room(part, entity.total)
        with part.path.open("ab") as file, bar(label, entity.total, part.size, "B", scaled=True) as shown:
            _receive(response, file, shown.update, patience)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise NoRoomError(f"{part.path.parent} takes no more than {part.size:,} bytes ({error.strerror})") from None


def _receive(response: requests.Response, file: BinaryIO, count: Callable[[float], object], patience: Patience) -> None:
    since, got = time.monotonic(), 0
    while True:
        try:
            # read1 gives what is there: a killed run loses nothing, and a trickle is seen for what it is
            block = response.raw.read1(BLOCK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError:
            raise AgainError(f"nothing came for {patience.read_s:g} s") from None
        except urllib3.exceptions.HTTPError:
            raise AgainError("the connection dropped") from None
        if not block:
            return
        file.write(block)
        file.flush()
        count(len(block))
        got += len(block)
        past = time.monotonic() - since
        if past >= patience.slow_s:
            if got < patience.slow_bytes_per_s * past:
                raise AgainError(f"only {got / past:,.0f} bytes a second came for {past:.0f} s")
            since, got = time.monotonic(), 0


def _check_room(part: Partial, total: int) -> None:
    free, missing = shutil.disk_usage(part.path.parent).free, total - part.size
    if missing > free:
        raise NoRoomError(
            f"{part.path.parent} has {free / 2**20:,.1f} MiB free, expected {missing / 2**20:,.1f} MiB for the download"
        )


def _md5_differs(path: Path, expected: str) -> str:
    with path.open("rb") as file:
        found = base64.b64encode(
            hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        ).decode()
    return "" if found == expected else f"its MD5 is {found}, expected {expected}"

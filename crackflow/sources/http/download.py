"""Download one large file over HTTP. It is resumed after a break, retried with back-off, and checked when complete.

The file gets its name only when it is complete. Until then its bytes lie beside it in NAME.part, and NAME.part.json
holds what the server said about the file. A later call resumes from there, also after the process was killed.
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
from crackflow.sources.http.faults import DiskFullError, IncompleteDownloadError, Patience, RetryableError, classify
from crackflow.sources.http.state import PartialFile, RemoteFile

BLOCK = 2**16
# the disk, the quota or the limit for one file is full
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
    """Download a file, or the rest of it, and give it its name once it is complete.

    Bytes are appended only if the server continues the same file: status 206 for exactly the range asked for, with the
    same size, ETag and MD5. Otherwise the download starts again. A complete file is checked by the server's MD5
    (x-goog-hash), or by `damage` where the server gives none. A damaged file is deleted and downloaded again.

    Args:
        ask: sends the request with the given headers and returns the open response, status 200 or 206. It raises
            `requests.HTTPError` for any other status.
        target: the file to make. Only one process at a time may download it.
        label: the words before the bar on stderr, which counts bytes.
        attempts: tries before the failure is an error, from 1. A try that brings a hundredth of the file resets the
            count.
        damage: says what is wrong with a complete file; "" when nothing is.
        patience: time limits; `Patience()` when absent.

    Raises:
        IncompleteDownloadError: when the tries are used up, when there is no network, or when the server asks to wait
            too long.
        DiskFullError: when the disk is full, or too small for the size that the server announces.
        requests.HTTPError: on a status that waiting does not change, such as 403.
        requests.RequestException: on anything else that can't be tried again, such as an untrusted certificate.
        OSError: when the target can't be written.
    """
    patience = patience or Patience()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = PartialFile(target)
    progress = _ProgressCheck(part)
    jitter = tenacity.wait_random(0, patience.first_s)
    backoff = tenacity.wait_exponential(multiplier=patience.first_s, max=patience.longest_s) + jitter

    def wait(state: tenacity.RetryCallState) -> float:
        return max(min(backoff(state), patience.longest_s), _failure(state).after_s)

    def announce(state: tenacity.RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        told = f"{label}: {_failure(state)}; try {state.attempt_number + 1} of {attempts} in {pause:.1f} s"
        print(told, file=sys.stderr, flush=True)

    def give_up(state: tenacity.RetryCallState) -> NoReturn:
        raise IncompleteDownloadError(str(_failure(state)), state.attempt_number) from None

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(RetryableError),
        stop=tenacity.stop_after_attempt(attempts),
        wait=wait,
        after=progress.reset_tries,
        before_sleep=announce,
        retry_error_callback=give_up,
    )

    def fetch() -> None:
        _try_once(ask, part, label, damage, patience, first=retrying.statistics["attempt_number"] == 1)

    retrying(fetch)
    part.publish(target)


class _ProgressCheck:
    """Resets the count of tries when a try made progress, so that a long download survives many short breaks."""

    def __init__(self, part: PartialFile) -> None:
        self.part, self.best = part, part.size

    def reset_tries(self, state: tenacity.RetryCallState) -> None:
        entity = self.part.entity
        if entity and entity.total and self.part.size - self.best >= max(1, entity.total // 100):
            self.best = self.part.size
            state.attempt_number = 1


def _failure(state: tenacity.RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, RetryableError) else RetryableError(str(error))


def _try_once(
    ask: Ask, part: PartialFile, label: str, damage: Callable[[Path], str], patience: Patience, *, first: bool
) -> None:
    """Try once: ask for the missing bytes, and check the complete file."""
    if not part.complete:
        # checksum and ranges count the bytes as stored, not as compressed for the transfer
        headers = {"Accept-Encoding": "identity", **part.range_headers()}
        try:
            with ask(headers) as response:
                _receive(response, part, label, patience)
        except requests.RequestException as error:
            if getattr(error.response, "status_code", 0) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.drop()
                raise RetryableError("the server has no such range (416); the part is deleted") from None
            raise classify(error, patience, first=first) from None
    if part.entity and part.entity.total is not None and part.size != part.entity.total:
        raise RetryableError(f"the connection dropped after {part.size:,} of {part.entity.total:,} bytes")
    wrong = _md5_differs(part.path, part.entity.md5) if part.entity and part.entity.md5 else damage(part.path)
    if wrong:
        part.drop()
        raise RetryableError(f"{wrong}; the file is deleted")


def _receive(response: requests.Response, part: PartialFile, label: str, patience: Patience) -> None:
    entity = RemoteFile.of(response)
    if response.status_code == HTTPStatus.PARTIAL_CONTENT and not part.continues_with(response, entity):
        part.drop()
        raise RetryableError("the file changed on the server since the download began")
    try:
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            part.begin(entity)
        if entity.total is not None:
            _check_room(part, entity.total)
        with part.path.open("ab") as file, bar(label, entity.total, part.size, "B", scaled=True) as shown:
            _copy_body(response, file, shown.update, patience)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        told = f"{part.path.parent} can't hold more than {part.size:,} bytes ({error.strerror})"
        raise DiskFullError(told) from None


def _copy_body(
    response: requests.Response, file: BinaryIO, count: Callable[[float], object], patience: Patience
) -> None:
    since, got = time.monotonic(), 0
    while True:
        try:
            # read1 returns what has arrived: a killed run loses nothing, and a slow connection is noticed
            block = response.raw.read1(BLOCK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError:
            raise RetryableError(f"no data for {patience.read_s:g} s") from None
        except urllib3.exceptions.HTTPError:
            raise RetryableError("the connection dropped") from None
        if not block:
            return
        file.write(block)
        file.flush()
        count(len(block))
        got += len(block)
        past = time.monotonic() - since
        if past >= patience.slow_s:
            if got < patience.slow_bytes_per_s * past:
                raise RetryableError(f"only {got / past:,.0f} bytes per second for {past:.0f} s")
            since, got = time.monotonic(), 0


def _check_room(part: PartialFile, total: int) -> None:
    free, missing = shutil.disk_usage(part.path.parent).free, total - part.size
    if missing > free:
        raise DiskFullError(
            f"{part.path.parent} has {free / 2**20:,.1f} MiB free, expected {missing / 2**20:,.1f} MiB for the download"
        )


def _md5_differs(path: Path, expected: str) -> str:
    with path.open("rb") as file:
        found = base64.b64encode(
            hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        ).decode()
    return "" if found == expected else f"its MD5 is {found}, expected {expected}"

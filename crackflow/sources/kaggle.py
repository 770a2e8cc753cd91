"""Download a data set from Kaggle at a pinned version, once for all checkouts of one user."""

import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests
from filelock import FileLock, Timeout
from kagglehub.cache import Cache
from kagglehub.config import get_cache_folder
from kagglehub.handle import DatasetHandle
from tqdm import tqdm

from crackflow.errors import DataError, UnreachableError, one_line
from crackflow.params import ArchiveParams, KaggleParams
from crackflow.rejections import Rejection
from crackflow.sources.archive import unpack
from crackflow.sources.http.download import download
from crackflow.sources.http.faults import DiskFullError, IncompleteDownloadError, Patience
from crackflow.sources.kaggle_http import CredentialsError, open_archive
from crackflow.sources.source import Fetched

_OTHERWISE = "or set data.source to folder and data.path to a copy that you have; data.source sample needs no network"
LEFT_OUT = "aside.json"
_TOKEN = "put an API token of kaggle.com/settings into ~/.kaggle/access_token"  # noqa: S105


def fetch(settings: KaggleParams, limits: ArchiveParams, patience: Patience | None = None) -> Fetched:
    """Download a data set, or find it where an earlier run or kagglehub left it.

    It is kept in the folder crackflow/OWNER/NAME of kagglehub's cache (`KAGGLEHUB_CACHE`, else ~/.cache/kagglehub).
    kagglehub's own folders are not used for it: they promise every file of an archive, and here only images are
    unpacked.

    Args:
        settings: which data set, its version, and how often to try.
        limits: what the archive may unpack to.
        patience: time limits; `Patience()` when absent.

    Returns:
        Where it lies; others use it too, so change nothing there. If kagglehub unpacked it, `left_out` is empty.

    Raises:
        UnreachableError: when Kaggle does not answer, or not to the end.
        DataError: when Kaggle denies access or has no such data set or version; when the archive is damaged or unpacks
            to too much; when the disk is full; when another run is downloading the same.
    """
    if re.fullmatch(r"[\w-]+/[\w-]+", settings.handle) is None:
        raise DataError(f"data.kaggle.handle is {settings.handle!r}, expected owner/name as in the data set's address")
    handle = DatasetHandle(*settings.handle.split("/"), version=settings.version)
    of_kagglehub = Cache().load_from_cache(handle)
    if of_kagglehub:
        return Fetched(Path(of_kagglehub))
    place = Path(get_cache_folder(), "crackflow", handle.owner, handle.dataset, str(handle.version))
    try:
        if not place.exists():
            with _locked(place):
                _make(place, handle, settings.attempts, limits, patience or Patience())
        left_out = json.loads((place / LEFT_OUT).read_text(encoding="utf-8"))
    except OSError as error:
        if error.errno is None:  # of requests, which finds no file of certificates
            raise DataError(
                f"{one_line(error)}; set REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE to a file that is there, or unset it"
            ) from None
        raise DataError(
            f"{error.filename or place.parent} can't be written ({error.strerror}); "
            "make it writable, or set KAGGLEHUB_CACHE to a folder of your own"
        ) from None
    return Fetched(place / "files", tuple(Rejection(*one) for one in left_out))


def _make(place: Path, handle: DatasetHandle, attempts: int, limits: ArchiveParams, patience: Patience) -> None:
    """Download and unpack into a new folder `place`, which appears only when it is complete."""
    # another run may have made it since
    if place.exists():
        return
    archive = place.with_name(f"{place.name}.zip")
    if not archive.exists():
        _download(handle, archive, attempts, patience)
    if not zipfile.is_zipfile(archive):
        archive.unlink()
        raise DataError(
            f"what Kaggle sent for {handle.owner}/{handle.dataset} version {handle.version} is not a zip, expected one "
            "with images/ and masks/; check data.kaggle.handle, or run again"
        )
    part = place.with_name(f".{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    left_out = unpack(archive, part / "files", limits)
    (part / LEFT_OUT).write_text(json.dumps(left_out), encoding="utf-8")
    part.rename(place)
    archive.unlink()


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Lock the folder of one version. The kernel releases the lock when the process ends in any way."""
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.with_name(f"{place.name}.lock"), blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(f"another run is downloading {place}; wait until it ends") from None
    try:
        yield
    finally:
        lock.release()


def _download(handle: DatasetHandle, archive: Path, attempts: int, patience: Patience) -> None:
    """Download the archive. Messages leave out the server's text, which can hold signed addresses."""
    name = f"{handle.owner}/{handle.dataset} version {handle.version}"

    def ask(headers: Mapping[str, str]) -> AbstractContextManager[requests.Response]:
        return open_archive(handle, headers, (patience.connect_s, patience.read_s))

    try:
        download(ask, archive, f"{handle.dataset}.zip", attempts, _damage, patience)
    except CredentialsError:
        raise DataError(
            "the Kaggle credentials are malformed or unreadable, expected a token in KAGGLE_API_TOKEN or "
            "~/.kaggle/access_token, or a name and a key in KAGGLE_USERNAME and KAGGLE_KEY or ~/.kaggle/kaggle.json; "
            "write them again, or remove them: a public set needs none"
        ) from None
    except DiskFullError as error:
        raise DataError(
            f"{error}; make room and run again to go on, or set KAGGLEHUB_CACHE to a roomier disk"
        ) from None
    except IncompleteDownloadError as error:
        raise UnreachableError(_incomplete(name, error, _kept(archive))) from None
    except requests.HTTPError as error:
        status = 0 if error.response is None else error.response.status_code
        raise DataError(_denied(name, status, _kept(archive))) from None
    except requests.exceptions.SSLError:
        raise DataError(
            f"Kaggle's certificate is not trusted for {name}; behind a TLS-inspecting proxy, "
            f"set REQUESTS_CA_BUNDLE to its certificates, {_OTHERWISE}"
        ) from None
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL):
        raise DataError(
            f"the proxy of the environment can't be used for {name}; name one that speaks HTTP in HTTPS_PROXY, "
            f"or pip install pysocks for one that speaks SOCKS, {_OTHERWISE}"
        ) from None
    except requests.RequestException as error:
        raise DataError(
            f"Kaggle's answer for {name} can't be used ({type(error).__name__}); run again later, {_OTHERWISE}"
        ) from None


def _kept(archive: Path) -> str:
    """Return how much has arrived, for instance 812MB; "" for nothing."""
    part = archive.with_name(f"{archive.name}.part")
    size = part.stat().st_size if part.exists() else 0
    return str(tqdm.format_sizeof(size, "B")) if size else ""


def _incomplete(name: str, error: IncompleteDownloadError, kept: str) -> str:
    tries = "1 try" if error.tries == 1 else f"{error.tries} tries"
    if kept:
        return f"{name} stopped at {kept} after {tries}: {error}; run again to go on from there, {_OTHERWISE}"
    return f"{name} can't be downloaded from Kaggle after {tries}: {error}; check the network, run again, {_OTHERWISE}"


def _denied(name: str, status: int, kept: str) -> str:
    if status in {401, 403} and kept:
        return (
            f"Kaggle denies access to the rest of {name} ({status}); {kept} are kept: "
            f"run again to go on from there, {_OTHERWISE}"
        )
    if status in {401, 403}:
        return (
            f"Kaggle denies access to {name} ({status}), expected a public set or a valid token: "
            f"check data.kaggle.handle, {_TOKEN}, {_OTHERWISE}"
        )
    if status == 404:
        return f"Kaggle has no {name} (404); check data.kaggle.handle and data.kaggle.version"
    return f"Kaggle answers {status} for {name}, expected the archive; run again later, {_OTHERWISE}"


def _damage(archive: Path) -> str:
    """Check an archive that came without a checksum by the checksums of the files in it."""
    try:
        with zipfile.ZipFile(archive) as opened:
            bad = opened.testzip()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError):
        return "the file is not a complete zip"
    return f"{bad} in it is damaged" if bad else ""

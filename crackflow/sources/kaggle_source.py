"""The data source `kaggle`: a public or private data set of Kaggle, at a pinned version."""

import os
import stat
from pathlib import Path

from crackflow.sources.source import Account, DataSource, Fetched, Origin

# The set that data.kaggle names by default: 1 GB of photographs, 4 GB of them resized, and what is predicted on them.
DISK_BYTES = 6 * 2**30


class KaggleSource(DataSource):
    """What `data.kaggle` names. kagglehub is imported only when it is needed."""

    def fetch(self, work: Path) -> Fetched:  # noqa: ARG002 - it lies in kagglehub's cache
        """Download the data set once for all checkouts of this user; `work` stays empty.

        Raises:
            DataError: when Kaggle rejects the request, or what came can't be used.
            UnreachableError: when Kaggle does not answer, or not to the end.
        """
        from crackflow.sources.kaggle import fetch

        return fetch(self.params.kaggle, self.params.archive)

    def origin(self) -> Origin:
        """Name the data set and its version."""
        handle, version = self.params.kaggle.handle, self.params.kaggle.version
        return Origin(f"Kaggle, {handle} version {version}", handle, version)

    def disk_bytes(self) -> int:
        """Give what the default set takes."""
        return DISK_BYTES

    def account(self) -> Account:
        """Look for credentials, and whether other users can read them. They are never shown."""
        from crackflow.sources.kaggle_http import CredentialsError, read_credentials

        place, file = _place_of_credentials()
        try:
            found = read_credentials()
        except CredentialsError:
            advice = "write them again, or remove them: a public set needs none"
            return Account("fault", f"credentials that can't be used, in {place}", advice)
        if not (found.api_key or found.username):
            advice = "only a private set needs them: put a token of kaggle.com/settings into ~/.kaggle/access_token"
            return Account("ok", "no credentials; a public set needs none", advice)
        if file and os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return Account("warning", f"credentials in {place}, which others can read", f"chmod 600 {file}")
        return Account("ok", f"credentials in {place}")


def _place_of_credentials() -> tuple[str, Path | None]:
    """Say where kagglehub finds the credentials first; and return the file, if it is one."""
    token = os.environ.get("KAGGLE_API_TOKEN", "")
    home = Path.home() / ".kaggle"
    if token and (file := _existing(token)):
        return "the file that KAGGLE_API_TOKEN names", file
    if token:
        return "the environment (KAGGLE_API_TOKEN)", None
    for file in (home / "access_token", home / "access_token.txt"):
        if _existing(str(file)) and file.stat().st_size:
            return str(file), file
    if os.environ.get("KAGGLE_USERNAME") and os.environ.get("KAGGLE_KEY"):
        return "the environment (KAGGLE_USERNAME and KAGGLE_KEY)", None
    old = Path(os.environ.get("KAGGLE_CONFIG_DIR") or home, "kaggle.json")
    return (str(old), old) if _existing(str(old)) else ("what kagglehub knows of this machine", None)


def _existing(name: str) -> Path | None:
    try:
        return Path(name) if Path(name).exists() else None
    # a token may be longer than a file name can be
    except OSError:
        return None

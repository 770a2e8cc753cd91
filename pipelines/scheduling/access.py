"""Who may use a Prefect server that crackflow starts: its own pages, and programs that know its password.

Prefect's API starts programs, and by default it answers every web page. Three checks keep strangers out:
- A request must name this machine as its host. A foreign name that resolves to 127.0.0.1 (DNS rebinding) is rejected.
- A request of a web page must come from the server's own pages.
- A request to the API needs the password.
"""

import os
import secrets
import stat
from pathlib import Path

from crackflow.atomic import write_private
from crackflow.errors import CrackflowError
from pipelines.loopback import origins

PASSWORD_FILE = "crackflow-serve.password"  # noqa: S105 # the name of a file
# Prefect calls the whole of USER:SECRET the password, and its pages ask for the whole
USER = "crackflow"
# Shorter than what `new_password` makes by far: a file that was cut off.
SHORTEST = 32


class PasswordError(CrackflowError):
    """The password of a server can't be kept."""


def new_password() -> str:
    """Make a password as Prefect expects it, USER:SECRET, with 256 random bits."""
    return f"{USER}:{secrets.token_urlsafe(32)}"


def kept_password(home: Path) -> str:
    """Give the password of the server whose database lies in a folder; it is made once and stays.

    A file that others can read, and one that was cut off, is replaced by a new password.

    Args:
        home: PREFECT_HOME.

    Raises:
        PasswordError: when the file can't be read or written.
    """
    path = home / PASSWORD_FILE
    try:
        return _read(path) or _write(path)
    except OSError as error:
        raise PasswordError(
            f"{path}: {error.strerror}; expected a file that you can read and write; delete it, or set PREFECT_HOME"
        ) from None


def _read(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return None
        password = file.read().strip()
    return password if len(password) >= SHORTEST and password.startswith(f"{USER}:") else None


def _write(path: Path) -> str:
    password = new_password()
    write_private(path, f"{password}\n".encode("ascii"))
    return password


def server_environment(port: int, password: str) -> dict[str, str]:
    """What a server is told; the environment, unlike a command line, is hidden from other users."""
    return {
        "PREFECT_SERVER_API_AUTH_STRING": password,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins(port)),
    }

"""The environment of this process, and of git, DVC and the stages that it starts.

Three things are put right in it:
- Git sets GIT_DIR, GIT_INDEX_FILE and GIT_WORK_TREE for the hooks that it starts. A git command that inherits them
  works on that repository and its index, whatever folder it is started in.
- Servers on this machine are asked directly, whatever proxy there is.
- Containers run as any user number: one without a name, with a HOME that can't be written or none at all, and with
  packages that belong to somebody else. Prefect, DVC, Keras, Matplotlib and kagglehub each fail there in a way of their
  own, unless the environment says where to write.
"""

import getpass
import os
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path

from crackflow.errors import CrackflowError

# Who commits, how a server is reached, where a person's settings are. None of them names a repository.
_KEPT = {
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_TERMINAL_PROMPT",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KEPT_PREFIXES = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_PYTHON_")
# the variable that says that a folder stands in for the home, and which
STAND_IN = "CRACKFLOW_HOME"
# What writes below HOME, and the variable and folder that lead it elsewhere.
_KEPT_IN_HOME = {
    "KAGGLEHUB_CACHE": "kagglehub",
    "KERAS_HOME": "keras",
    "MPLCONFIGDIR": "matplotlib",
    "PREFECT_HOME": "prefect",
    "XDG_CACHE_HOME": "cache",
}
# where DVC keeps what it knows of file hashes, on Linux
_DVC_SITE_CACHE = Path("/var/tmp/dvc")  # noqa: S108 # DVC's own choice
# before the name of a variable that is kept for child processes alone
_ASIDE = "CRACKFLOW_ASIDE_"


def settle() -> None:
    """Put all of it right. Flows call it as well as commands: a worker runs a flow without the command line.

    Raises:
        HomeError: when there is no folder to write to in place of the home.
    """
    forget_repository()
    reach_loopback_directly()
    settle_home()


def child_environment() -> dict[str, str]:
    """Copy this process's environment, without the variables of git that may name a repository, index or work tree.

    What `set_aside` took away is back in it.
    """
    kept = {name: value for name, value in os.environ.items() if not _names_a_repository(name)}
    return {name.removeprefix(_ASIDE): value for name, value in kept.items()}


def set_aside(name: str) -> None:
    """Take a variable out of this process, and keep it for the processes that get `child_environment`."""
    os.environ[f"{_ASIDE}{name}"] = os.environ.pop(name)


def forget_repository() -> None:
    """Take the same variables out of this process: DVC asks git through libraries that read them, too."""
    for name in filter(_names_a_repository, list(os.environ)):
        del os.environ[name]


def reach_loopback_directly() -> None:
    """Let no proxy of the environment stand between this machine and itself: Prefect's servers listen on loopback."""
    for name in ("no_proxy", "NO_PROXY"):
        known = [one.strip() for one in os.environ.get(name, "").split(",") if one.strip()]
        os.environ[name] = ",".join([*known, *(one for one in LOOPBACK if one not in known and "*" not in known)])


def _names_a_repository(name: str) -> bool:
    return name.startswith("GIT_") and name not in _KEPT and not name.startswith(_KEPT_PREFIXES)


class HomeError(CrackflowError):
    """There is no folder to write to in place of the home."""


def settle_home() -> None:
    """Name the user, and lead what libraries keep to a folder that can be written. What the environment names stays.

    Raises:
        HomeError: when there is no such folder.
    """
    if not hasattr(os, "geteuid"):  # Windows has no user numbers
        return
    try:
        getpass.getuser()
    except (KeyError, OSError):  # Python 3.13 turns the one into the other
        os.environ["USER"] = os.environ["LOGNAME"] = f"uid{os.geteuid()}"
    home = _home()
    if home is None or not os.access(home, os.W_OK | os.X_OK):
        place = _instead()
        os.environ[STAND_IN] = str(place)
        # a home that can be read may hold settings and credentials
        if home is None or not os.access(home, os.R_OK | os.X_OK):
            os.environ["HOME"] = str(place)
        for name, folder in _KEPT_IN_HOME.items():
            os.environ.setdefault(name, str(place / folder))
    else:
        place = home / ".cache/crackflow"
    if not _can_be_written(_DVC_SITE_CACHE):
        os.environ.setdefault("DVC_SITE_CACHE_DIR", str(place / "dvc"))
    if not _can_be_written(_prefect_pages()):
        os.environ.setdefault("PREFECT_SERVER_UI_STATIC_DIRECTORY", str(place / "prefect-pages"))


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _instead() -> Path:
    """A folder of this user's alone. Its name can be foreseen, so what somebody else put there is not used."""
    path = Path(tempfile.gettempdir(), f"crackflow-{os.geteuid()}")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise HomeError(f"{path}: {error.strerror}; set HOME to a folder that you can write") from None
    others = stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or others:
        raise HomeError(f"{path} is not a folder of yours alone; delete it, or set HOME to a folder that you can write")
    return path


def _prefect_pages() -> Path:
    """Where a Prefect server makes its pages, in its own package; the current folder where there is no Prefect."""
    spec = find_spec("prefect")
    return Path(spec.origin).parent / "server" if spec and spec.origin else Path.cwd()


def _can_be_written(path: Path) -> bool:
    """Whether a folder can be written, or be made where it is not there."""
    while not path.exists():
        path = path.parent
    return os.access(path, os.W_OK | os.X_OK)

"""The environment for git, DVC and the stages: without what names another git repository, loopback without proxies.

Git sets GIT_DIR, GIT_INDEX_FILE and GIT_WORK_TREE for the hooks that it starts. A git command that inherits them works
on that repository and its index, whatever folder it is started in.
"""

import os

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


# before the name of a variable that is kept for child processes alone
_ASIDE = "CRACKFLOW_ASIDE_"


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

"""The git commands that a rebuild needs, with errors of one line."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from crackflow.errors import CrackflowError
from tasks.environment import child_environment


class GitError(CrackflowError):
    """A git command failed, or there is no repository."""


class NoRepositoryError(GitError):
    """There is no repository, or git does not use it."""


# of what git says; it follows some errors with its whole manual
SAID_AT_MOST = 300


def git(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git and give what it prints, without the last line's end.

    Args:
        root: a folder of the repository.
        arguments: after `git`.
        environment: added to this process's own, from which all is left out that names another repository.

    Raises:
        NoRepositoryError: when it fails because there is no repository, or another user's.
        GitError: when it ends with another code than 0.
    """
    done = _run(root, arguments, environment or {})
    if done.returncode:
        _check_repository(root)
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        said = said if len(said) <= SAID_AT_MOST else f"{said[: SAID_AT_MOST - 3]}..."
        raise GitError(f"git {arguments[0]} in {root}: {said}")
    return done.stdout.removesuffix("\n")


def _run(root: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        # never wait for a password: no one may be there to type it
        env={**child_environment(), "GIT_TERMINAL_PROMPT": "0", **environment},
    )


def _check_repository(root: Path) -> None:
    """Raise NoRepositoryError where git does not find a repository, or does not use the one that it finds."""
    asked = _run(root, ["rev-parse", "--git-dir"], {"LANGUAGE": "C"})
    if not asked.returncode:
        return
    if "dubious ownership" in asked.stderr:
        raise NoRepositoryError(
            f"{root} belongs to another user, so git does not use it; run as that user, or say that you trust it: "
            f"git config --global --add safe.directory '{root}'"
        )
    raise NoRepositoryError(
        f"{root} is in no git repository, expected one with a commit: git init && git add . && git commit -m start"
    )


def commit_of(root: Path, revision: str) -> str:
    """Give the full name of the commit that a revision means.

    Raises:
        NoRepositoryError: when there is no repository, or another user's.
        GitError: when there is no such commit.
    """
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except NoRepositoryError:
        raise
    except GitError:
        raise GitError(
            f"{revision} names no commit in {root}; expected a branch, tag or commit of a git repository"
        ) from None


def shown(root: Path, revision: str, path: str) -> str | None:
    """Give a text file as a revision has it; None where it has none."""
    try:
        return git(root, "show", f"{revision}:./{path}")
    except GitError:
        return None


def contains(root: Path, ancestor: str, commit: str) -> bool:
    """Whether one commit is the other or comes before it."""
    try:
        git(root, "merge-base", "--is-ancestor", ancestor, commit)
    except GitError:
        return False
    return True

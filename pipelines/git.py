"""The git commands that a rebuild needs, with errors of one line."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from crackflow.errors import CrackflowError
from tasks.environment import child_environment


class GitError(CrackflowError):
    """A git command failed, or there is no repository."""


def git(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run git and give what it prints, without the last line's end.

    Args:
        root: a folder of the repository.
        arguments: after `git`.
        environment: added to this process's own, from which all is left out that names another repository.

    Raises:
        GitError: when it ends with another code than 0.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        # never wait for a password: no one may be there to type it
        env={**child_environment(), "GIT_TERMINAL_PROMPT": "0", **(environment or {})},
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise GitError(f"git {arguments[0]} in {root}: {said}")
    return done.stdout.removesuffix("\n")


def commit_of(root: Path, revision: str) -> str:
    """Give the full name of the commit that a revision means.

    Raises:
        GitError: when there is no such commit, or no repository.
    """
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
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

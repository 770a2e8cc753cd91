"""Keep what a rebuild reached: one commit on a branch of its own. Nobody's index, branch or files are touched."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.git import GitError, commit_of, contains, git

BRANCH = "crackflow/results"
# A runner has nobody's name; one that is configured is taken.
AUTHOR = {"name": "crackflow", "email": "crackflow@localhost"}


def dirty(root: Path) -> list[str]:
    """Files that git knows and that differ from the last commit, by name.

    Raises:
        GitError: when there is no repository.
    """
    return [line[3:] for line in git(root, "status", "--porcelain", "--untracked-files=no").splitlines()]


def commit(tree: Path, message: str, extra: Sequence[str] = (), branch: str = BRANCH) -> str | None:
    """Commit what a run wrote to files that git knows: dvc.lock, figures, and what else is named.

    The commit has the tree of the run's own revision with these files in it. It follows the branch's last commit where
    that comes after the revision, the revision where that is newer, and both where each has what the other has not: so
    the branch always holds all that it held, and `git diff BRANCH~1 BRANCH` is of one run.

    Args:
        tree: the work tree that the run worked in, at its revision.
        message: of the commit.
        extra: files that git need not know yet, as paths in `tree`; those that are not there are passed over.
        branch: which branch; made where there is none.

    Returns:
        The commit; None where the branch holds the same already.

    Raises:
        GitError: when git refuses, or the branch is checked out somewhere.
    """
    base = commit_of(tree, "HEAD")
    tip = _tip(tree, branch)
    if tip and any(
        line == f"branch refs/heads/{branch}" for line in git(tree, "worktree", "list", "--porcelain").splitlines()
    ):
        raise GitError(
            f"{branch} is checked out in a work tree, so nothing is committed to it; check out another branch there"
        )
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(tree, "read-tree", base, environment=own)
        git(tree, "add", "--update", "--", ".", environment=own)
        if there := [name for name in extra if (tree / name).is_file()]:
            git(tree, "add", "--force", "--", *there, environment=own)
        made = git(tree, "write-tree", environment=own)
    if made == git(tree, "rev-parse", f"{tip or base}^{{tree}}"):
        return None
    parents = (
        [base] if tip is None or contains(tree, tip, base) else [tip] if contains(tree, base, tip) else [tip, base]
    )
    written = git(
        tree,
        "commit-tree",
        made,
        *(word for parent in parents for word in ("-p", parent)),
        "-m",
        message,
        environment=_author(tree),
    )
    git(tree, "update-ref", "-m", "crackflow: results of a rebuild", f"refs/heads/{branch}", written, tip or "")
    return written


def _tip(tree: Path, branch: str) -> str | None:
    try:
        return commit_of(tree, f"refs/heads/{branch}")
    except GitError:
        return None


def _author(tree: Path) -> dict[str, str]:
    try:
        git(tree, "var", "GIT_COMMITTER_IDENT")
    except GitError:
        return {f"GIT_{who}_{what.upper()}": value for who in ("AUTHOR", "COMMITTER") for what, value in AUTHOR.items()}
    return {}

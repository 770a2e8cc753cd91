"""Keep the results of a rebuild as one commit on a branch of its own. Index, branch and files of the user stay."""

import tempfile
from pathlib import Path

from pipelines.git import GitError, commit_of, contains, git

BRANCH = "crackflow/results"
REMOTE = "origin"
# What a run writes of the files that git is to know, though it may not yet; models/champion.dvc is the gate's.
KEPT = (
    "dvc.lock",
    "metrics/evaluation.json",
    "metrics/train/metrics.json",
    "reports/evaluation.csv",
    "models/champion.dvc",
)
# For machines without a configured name, such as a runner's; a configured one is taken.
AUTHOR = {"name": "crackflow", "email": "crackflow@localhost"}
_BUILT_FROM = "Built-from"


def dirty(root: Path) -> list[str]:
    """Files below a folder that git knows and that differ from the last commit, but for what runs write (KEPT).

    Raises:
        GitError: when there is no repository, or no commit.
    """
    names = git(root, "diff", "--name-only", "--relative", "-z", "HEAD", "--").split("\0")
    return [name for name in names if name and name not in KEPT]


def tips(tree: Path) -> list[str]:
    """The last commits of the branch, here and as the remote was seen to have it; the older one is left out.

    Returns:
        None, one, or two where each has what the other has not; the one here comes first.
    """
    found = []
    for reference in (f"refs/heads/{BRANCH}", f"refs/remotes/{REMOTE}/{BRANCH}"):
        try:
            found.append(commit_of(tree, reference))
        except GitError:
            continue
    return _newest(tree, found)


def commit(tree: Path, message: str) -> str | None:
    """Commit what a run wrote: dvc.lock, figures, the champion's name.

    The commit has the tree of the run's own revision with these files in it. It follows the branch's last commit where
    that comes after the revision, the revision where that is newer, and both where each has what the other has not: so
    the branch always holds all that it held, and `git diff BRANCH~1 BRANCH` is of one run.

    Args:
        tree: the work tree that the run worked in, at its revision.
        message: of the commit.

    Returns:
        The commit; None where it would hold nothing new.

    Raises:
        GitError: when git rejects it, the branch is checked out somewhere, other files than those were edited in the
            tree, or the branch has results of a newer revision, whose code would be taken back.
    """
    base = commit_of(tree, "HEAD")
    known = tips(tree)
    if edited := dirty(tree):
        raise GitError(f"{edited[0]} was edited while it was built from, so nothing is committed; build it again")
    if any(line == f"branch refs/heads/{BRANCH}" for line in git(tree, "worktree", "list", "--porcelain").splitlines()):
        raise GitError(
            f"{BRANCH} is checked out in a work tree, so nothing is committed to it; check out another branch there"
        )
    for tip in known:
        built = _built_from(tree, tip)
        if built and not contains(tree, built, base):
            raise GitError(
                f"{BRANCH} has results of {built[:12]}, which {base[:12]} does not come after, so nothing is "
                f"committed; build a later revision, or start a new branch: git branch -m {BRANCH} old-results"
            )
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(tree, "read-tree", base, environment=own)
        if there := [name for name in KEPT if (tree / name).is_file()]:
            git(tree, "add", "--force", "--", *there, environment=own)
        made = git(tree, "write-tree", environment=own)
    if made == git(tree, "rev-parse", f"{(known or [base])[0]}^{{tree}}"):
        return None
    written = git(
        tree,
        "commit-tree",
        made,
        *(word for parent in _newest(tree, [*known, base]) for word in ("-p", parent)),
        "-m",
        f"{message}\n\n{_BUILT_FROM}: {base}",
        environment=_author(tree),
    )
    here = git(tree, "for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}")
    git(tree, "update-ref", "-m", "crackflow: results of a rebuild", f"refs/heads/{BRANCH}", written, here)
    return written


def _built_from(tree: Path, tip: str) -> str:
    """The revision that the branch's last results are of; nothing where there are none."""
    trailer = f"%(trailers:key={_BUILT_FROM},valueonly)"
    return git(tree, "log", "-1", f"--grep=^{_BUILT_FROM}: ", f"--format={trailer}", tip).strip()


def _newest(tree: Path, commits: list[str]) -> list[str]:
    """Those that no other one of them comes after, in their order."""
    if not commits:
        return []
    kept = git(tree, "merge-base", "--independent", *commits).split()
    return [one for one in dict.fromkeys(commits) if one in kept]


def _author(tree: Path) -> dict[str, str]:
    try:
        git(tree, "var", "GIT_COMMITTER_IDENT")
    except GitError:
        return {f"GIT_{who}_{what.upper()}": value for who in ("AUTHOR", "COMMITTER") for what, value in AUTHOR.items()}
    return {}

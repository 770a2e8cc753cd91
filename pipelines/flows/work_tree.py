"""A git work tree for scheduled runs, so that they never see uncommitted edits.

It lies in .crackflow/scheduled of the checkout and shares its DVC cache and remotes: what either has built, the other
takes from there. Outputs of its last run stay in it, with the dvc.lock that goes with them.
"""

import shutil
from pathlib import Path

from crackflow.atomic import write_private, write_text
from crackflow.errors import DataError
from pipelines.dvc_runner import run_lock
from pipelines.flows import shared_photographs
from pipelines.flows.results_branch import KEPT
from pipelines.git import GitError, commit_of, git

PLACE = run_lock.SCHEDULED
# As `git ls-tree` writes them: a link, and a repository within this one.
_ELSEWHERE = ("120000", "160000")
# Where runs write in the work tree, credentials among them; no link may lead them out of it.
_WRITTEN_TO = (".dvc", ".dvc/config.local", ".crackflow", str(shared_photographs.LIST))


def prepare(root: Path, revision: str, at: Path = PLACE) -> Path:
    """Bring the work tree to a revision.

    Args:
        root: the checkout.
        revision: a branch, tag or commit.
        at: where the tree lies, below the checkout's root.

    Returns:
        The checkout in the work tree: its root, unless the checkout is a folder of a larger repository. What an
        earlier run wrote to files that git knows (dvc.lock, figures) is kept where the new revision has the same
        versions of them as the old one had: it tells what the outputs in the tree are.

    Raises:
        GitError: when the revision is no commit, git can't make the tree, or the checkout is a submodule.
        DataError: when something that no run made is in the way of the photographs, or the revision has files or links
            of its own where runs write.
        ParamsError: when its params.yaml can't be used.
    """
    commit = commit_of(root, revision)
    if is_submodule(root):
        raise GitError(
            f"{root} is a submodule, in whose work trees DVC finds no repository; rebuild it in place, without a "
            "revision, or clone it on its own and build it there"
        )
    _check_revision(root, commit)
    place, tree = root / at, inside(root, at)
    if _ours(root, place):
        # of a run that was killed within git; the caller holds the run's lock, so no other run works there
        Path(git(place, "rev-parse", "--path-format=absolute", "--git-path", "index.lock")).unlink(missing_ok=True)
        written = _written(tree, commit) if tree.is_dir() else {}
        git(place, "checkout", "--force", "--detach", "--quiet", commit)
        for path, text in written.items():
            write_text(path, text)
    else:
        shutil.rmtree(place, ignore_errors=True)
        git(root, "worktree", "prune")
        # twice: also over a tree whose making was killed, which git holds locked
        git(root, "worktree", "add", "--force", "--force", "--detach", "--quiet", str(place), commit)
    if link := next((tree / name for name in _WRITTEN_TO if (tree / name).is_symlink()), None):
        raise DataError(f"{link} is a link, expected a folder or file of the work tree; delete the link and run again")
    _share_dvc(root, tree)
    shared_photographs.share(root, tree)
    return tree


def is_submodule(root: Path) -> bool:
    """Whether git notes in the repository where its checkout lies: DVC takes that for the place of each work tree."""
    try:
        return bool(git(root, "config", "--get", "core.worktree"))
    except GitError:
        return False


def inside(root: Path, at: Path = PLACE) -> Path:
    """Where the checkout lies in its work tree: as deep as in its repository, which may hold other things beside it."""
    try:
        return root / at / git(root, "rev-parse", "--show-prefix")
    except GitError:
        return root / at


def _check_revision(root: Path, commit: str) -> None:
    """Raise DataError where a revision would choose what runs write through, or what they take for their own notes."""
    for entry in filter(None, git(root, "ls-tree", "-r", "-z", commit, "--", ".dvc", ".crackflow").split("\0")):
        kind, _, name = entry.partition("\t")
        if name.split("/")[0] == ".crackflow":
            raise DataError(
                f"{name} of commit {commit[:10]} is tracked by git, expected nothing there, since runs keep their own "
                f"notes in .crackflow; `git rm --cached {name}`, commit, and run again"
            )
        if kind.startswith(_ELSEWHERE):
            raise DataError(
                f"{name} of commit {commit[:10]} leads elsewhere, expected a plain file or folder, since runs write "
                "there; put one in its place, commit, and run again"
            )


def _ours(root: Path, tree: Path) -> bool:
    """Whether there is a work tree of this very repository; one of a checkout that was moved or copied becomes so.

    Git notes in either where the other is, by its whole path: in a copy, what is done in the tree would be done to the
    repository that it was copied from.
    """
    note = tree / ".git"
    if not note.is_file():
        return False
    common = Path(git(root, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    name = Path(note.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).name
    own = common / "worktrees" / name
    if not name or not (own / "HEAD").is_file():
        return False
    for path, text in ((note, f"gitdir: {own}\n"), (own / "gitdir", f"{note}\n")):
        if path.read_text(encoding="utf-8") != text:
            write_text(path, text)
    return True


def _written(tree: Path, commit: str) -> dict[Path, str]:
    """What the last run wrote of KEPT, where the commit that comes has the same versions as the one that was built."""
    changed = git(tree, "diff", "--name-only", "--relative", "-z", "HEAD", "--").split("\0")
    other = git(tree, "diff", "--name-only", "--relative", "-z", "HEAD", commit, "--").split("\0")
    paths = [tree / name for name in KEPT if name in changed and name not in other]
    return {path: path.read_text(encoding="utf-8") for path in paths if path.is_file()}


def _share_dvc(root: Path, tree: Path) -> None:
    """Give the tree the checkout's cache, and its own settings, which may hold a remote's credentials."""
    from dvc.repo import Repo

    local = root / ".dvc/config.local"
    if local.is_file():
        write_private(tree / ".dvc/config.local", local.read_bytes())
    with Repo(str(root)) as repo:
        cache, remotes = repo.cache.local_cache_dir, repo.config["remote"]
        # a folder that is given relative to the checkout would be another one from here
        folders = {name: remote["url"] for name, remote in remotes.items() if "://" not in remote["url"]}
    with Repo(str(tree)) as repo:
        there = {name: repo.config["remote"].get(name, {}).get("url") for name in folders}
        if (repo.cache.local_cache_dir, there) != (cache, folders):
            with repo.config.edit("local") as config:
                config["cache"]["dir"] = cache
                for name, url in folders.items():
                    config["remote"].setdefault(name, {})["url"] = url

import shutil
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from crackflow.errors import DataError, ParamsError
from crackflow.params import DataParams, Params, render
from pipelines.flows.work_tree import PLACE, prepare
from pipelines.git import GitError, git

SETTINGS = "['remote \"r\"']\n    url = ssh://localhost/nowhere\n    password = secret\n"


@pytest.fixture
def checkout(repository):
    """A repository with two commits."""
    root = repository
    (root / ".gitignore").write_text(".crackflow/\n/data/source/*\n!/data/source/README.md\n")
    (root / "params.yaml").write_text(render(Params()))
    (root / "dvc.lock").write_text("lock: first\n")
    (root / "code.py").write_text("first\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "first")
    (root / "code.py").write_text("second\n")
    git(root, "commit", "--quiet", "-a", "-m", "second")
    return root


def test_it_is_at_the_revision_whatever_the_checkout_holds(checkout):
    (checkout / "code.py").write_text("edited\n")
    tree = prepare(checkout, "HEAD")
    assert tree == checkout / PLACE
    assert (tree / "code.py").read_text() == "second\n"
    assert prepare(checkout, "HEAD~1") == tree
    assert (tree / "code.py").read_text() == "first\n"
    assert (checkout / "code.py").read_text() == "edited\n"
    assert git(checkout, "status", "--porcelain") == " M code.py"


def test_what_a_run_wrote_stays_while_git_has_the_same_version(checkout):
    tree = prepare(checkout, "HEAD~1")
    (tree / "dvc.lock").write_text("lock: of a run\n")
    prepare(checkout, "HEAD")
    assert (tree / "dvc.lock").read_text() == "lock: of a run\n"
    (checkout / "dvc.lock").write_text("lock: of a person\n")
    git(checkout, "commit", "--quiet", "-m", "rebuilt", "dvc.lock")
    prepare(checkout, "HEAD")
    assert (tree / "dvc.lock").read_text() == "lock: of a person\n"


def test_a_run_that_was_killed_within_git_is_no_hindrance(checkout):
    tree = prepare(checkout, "HEAD~1")
    lock = checkout / ".git/worktrees" / tree.name / "index.lock"
    lock.write_text("")
    prepare(checkout, "HEAD")
    assert (tree / "code.py").read_text() == "second\n"
    assert not lock.exists()


def test_a_tree_that_was_deleted_or_half_made_is_made_anew(checkout):
    tree = prepare(checkout, "HEAD")
    git(checkout, "worktree", "remove", "--force", str(tree))
    tree.mkdir()
    (tree / "half").write_text("")
    assert (prepare(checkout, "HEAD") / "code.py").read_text() == "second\n"
    assert not (tree / "half").exists()


def test_what_somebody_edited_in_the_tree_goes(checkout):
    """Else it would be built, and committed as if it were the revision's, night after night."""
    tree = prepare(checkout, "HEAD")
    (tree / "code.py").write_text("edited in the tree\n")
    prepare(checkout, "HEAD")
    assert (tree / "code.py").read_text() == "second\n"


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_checkout_that_was_moved_or_copied_keeps_its_tree_and_touches_no_other(checkout, how, tmp_path):
    tree = prepare(checkout, "HEAD")
    (tree / "stray.txt").write_text("of a run")
    new = tmp_path / "new"
    shutil.copytree(checkout, new, symlinks=True)
    if how == "moved":
        shutil.rmtree(checkout)
    (new / "code.py").write_text("third\n")
    git(new, "commit", "--quiet", "-am", "third")
    assert (prepare(new, "HEAD") / "code.py").read_text() == "third\n"
    assert (new / PLACE / "stray.txt").read_text() == "of a run"
    assert git(new / PLACE, "rev-parse", "HEAD") == git(new, "rev-parse", "HEAD")
    if how == "copied":
        assert (tree / "code.py").read_text() == "second\n"
        assert git(tree, "rev-parse", "HEAD") == git(checkout, "rev-parse", "HEAD")


def test_cache_and_remotes_are_the_checkouts(checkout):
    (checkout / ".dvc/config.local").write_text(SETTINGS)
    tree = prepare(checkout, "HEAD")
    prepare(checkout, "HEAD")
    local = tree / ".dvc/config.local"
    assert "password = secret" in local.read_text()
    assert local.stat().st_mode & 0o077 == 0
    with Repo(str(tree)) as repo:
        assert repo.cache.local_cache_dir == str(checkout / ".dvc/cache")
    assert git(tree, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", [".dvc", ".dvc/config.local", ".dvc/tmp", ".crackflow", ".crackflow/photographs.json"])
@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "later run"])
def test_a_revision_can_not_lead_what_runs_write_elsewhere(checkout, tmp_path, name, earlier):
    (checkout / ".dvc/config.local").write_text(SETTINGS)
    outside = tmp_path / "outside"
    shutil.copytree(checkout / ".dvc", outside)
    (outside / "config.local").write_text("theirs\n")
    target = outside if name in (".dvc", ".dvc/tmp", ".crackflow") else outside / "config.local"
    if earlier:
        prepare(checkout, "HEAD")
    # a commit that nobody has checked out
    (tmp_path / "target").write_text(str(target))
    blob = git(checkout, "hash-object", "-w", str(tmp_path / "target"))
    if name == ".dvc":
        git(checkout, "rm", "-r", "--cached", "--quiet", ".dvc")
    git(checkout, "update-index", "--add", "--cacheinfo", f"120000,{blob},{name}")
    tree = git(checkout, "write-tree")
    made = git(checkout, "commit-tree", tree, "-p", "HEAD", "-m", "a link")
    git(checkout, "reset", "--quiet")
    before = sorted(outside.rglob("*"))
    with pytest.raises(DataError, match=rf"^{name} of commit {made[:10]} .*, expected .* run again$"):
        prepare(checkout, made)
    assert (outside / "config.local").read_text() == "theirs\n"
    assert sorted(outside.rglob("*")) == before
    assert (prepare(checkout, "HEAD") / "code.py").read_text() == "second\n"


def test_a_list_that_the_revision_brings_is_not_taken_for_the_runs_own(checkout):
    (checkout / ".crackflow").mkdir()
    (checkout / ".crackflow/photographs.json").write_text('["code.py"]')
    git(checkout, "add", "--force", ".crackflow/photographs.json")
    git(checkout, "commit", "--quiet", "-m", "a list")
    with pytest.raises(DataError, match=r"^\.crackflow/photographs\.json of commit .* is tracked by git"):
        prepare(checkout, "HEAD")


@pytest.mark.parametrize("name", [".dvc/config.local", ".crackflow"])
def test_a_link_that_a_run_left_where_runs_write_is_rejected(checkout, tmp_path, name):
    (checkout / ".dvc/config.local").write_text(SETTINGS)
    tree = prepare(checkout, "HEAD")
    outside = tmp_path / "outside"
    outside.write_text("theirs\n")
    place = tree / name
    place.unlink(missing_ok=True)
    place.symlink_to(outside)
    with pytest.raises(DataError, match=r"is a link, expected a folder or file of the work tree"):
        prepare(checkout, "HEAD")
    assert outside.read_text() == "theirs\n"


def test_photographs_that_git_does_not_know_are_seen_as_they_are_in_the_checkout(checkout):
    params = Params(data=DataParams(source="folder", path="data/source"))
    (checkout / "params.yaml").write_text(render(params))
    source = checkout / "data/source"
    (source / "images").mkdir(parents=True)
    (source / "README.md").write_text("known to git\n")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "-m", "photographs")
    (source / "images/a.png").write_text("a")
    (source / "images/b.png").write_text("b")
    (source / "README.md").write_text("edited\n")
    tree = prepare(checkout, "HEAD")
    seen = tree / "data/source"
    assert (seen / "images/a.png").read_text() == "a"
    assert not (seen / "images").is_symlink()
    assert (seen / "README.md").read_text() == "known to git\n"
    (source / "images/a.png").unlink()
    (source / "images/b.png").unlink()
    (source / "images/b.png").write_text("another b")
    prepare(checkout, "HEAD")
    assert {path.name: path.read_text() for path in (seen / "images").iterdir()} == {"b.png": "another b"}


HOOK = """#!/bin/sh
cd "$(git rev-parse --show-toplevel)" &&
exec {python} -c 'from pathlib import Path
from pipelines.flows.work_tree import prepare
prepare(Path.cwd(), "HEAD")
prepare(Path.cwd(), "HEAD~1")
'
"""


def test_a_hook_in_a_linked_work_tree_loses_neither_head_nor_what_is_staged(checkout, tmp_path, monkeypatch):
    """Git hands GIT_DIR and GIT_INDEX_FILE of the linked work tree to the hook, and the hook to what it starts."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    hook = checkout / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(python=sys.executable))
    hook.chmod(0o755)
    linked = tmp_path / "linked"
    git(checkout, "worktree", "add", "--quiet", "-b", "theirs", str(linked))
    (linked / "code.py").write_text("staged\n")
    (linked / "new.py").write_text("staged too\n")
    git(linked, "add", "code.py", "new.py")
    git(linked, "commit", "--quiet", "-m", "theirs")
    assert git(linked, "symbolic-ref", "HEAD") == "refs/heads/theirs"
    assert git(linked, "show", "HEAD:code.py") == "staged"
    assert git(linked, "show", "HEAD:new.py") == "staged too"
    assert git(linked, "status", "--porcelain") == ""
    assert git(linked / PLACE, "show", "HEAD:code.py") == "first"
    assert git(checkout, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_a_revision_that_is_none_is_said(checkout):
    with pytest.raises(GitError, match=r"nowhere names no commit in .*expected a branch, tag or commit"):
        prepare(checkout, "nowhere")


@pytest.fixture
def monorepo(tmp_path, under_git):
    """A checkout in a folder of a larger repository, with an older commit that lacks it."""
    whole = tmp_path / "whole"
    root = whole / "apps/cracks"
    root.mkdir(parents=True)
    under_git(whole)
    git(whole, "commit", "--quiet", "--allow-empty", "-m", "before")
    Repo.init(str(root), subdir=True).close()
    (root / ".gitignore").write_text(".crackflow/\n")
    (root / "params.yaml").write_text(render(Params()))
    (root / "dvc.lock").write_text("lock: first\n")
    (whole / "other.txt").write_text("")
    git(whole, "add", "--all")
    git(whole, "commit", "--quiet", "-m", "first")
    return root


def test_a_folder_of_a_larger_repository_is_built_at_its_place_in_the_work_tree(monorepo):
    tree = prepare(monorepo, "HEAD")
    assert tree == monorepo / PLACE / "apps/cracks"
    assert (monorepo / PLACE / "other.txt").exists()
    assert (tree / ".dvc/config.local").is_file()
    (tree / "dvc.lock").write_text("lock: of a run\n")
    assert prepare(monorepo, "HEAD") == tree
    assert (tree / "dvc.lock").read_text() == "lock: of a run\n"
    assert git(monorepo, "status", "--porcelain") == ""


def test_an_older_commit_without_that_folder_is_one_line_and_no_hindrance(monorepo):
    prepare(monorepo, "HEAD")
    with pytest.raises(ParamsError, match=r"no params\.yaml in .*scheduled/apps/cracks; run from the root"):
        prepare(monorepo, "HEAD~1")
    assert (prepare(monorepo, "HEAD") / "params.yaml").is_file()


def test_a_submodule_is_one_line(checkout, tmp_path, under_git):
    larger = tmp_path / "larger"
    larger.mkdir()
    under_git(larger)
    git(larger, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(checkout), "cracks")
    with pytest.raises(GitError, match=r"larger/cracks is a submodule, .*; rebuild it in place"):
        prepare(larger / "cracks", "HEAD")
    assert not (larger / "cracks" / PLACE).exists()

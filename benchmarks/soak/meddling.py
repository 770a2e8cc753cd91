"""Soak: files, links, git's variables or the run lock change during a rebuild or between two."""

import functools
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.soak.kills import after
from benchmarks.soak.sandbox import Case, Found, Place, last_line, wait
from crackflow.params import dump, parse, render
from pipelines.git import git


def meddling() -> dict[tuple[str, str], Case]:
    """Each fault by its name and place."""
    return {
        ("data.path is a link that is pointed elsewhere", "the work tree"): link_moved,
        ("started by a git hook in a linked work tree", "the work tree"): by_a_hook,
        ("the run lock's file deleted, then another rebuild and make clean", "train"): lock_deleted,
        **{
            (f"{what} changed while a stage runs", stage): functools.partial(changed, what=what, stage=stage)
            for what, stage in (("params.yaml", "train"), ("code", "train"), ("photographs", "download"))
        },
    }


def link_moved(place: Place, at: Path) -> Found:
    """Photographs lie behind a link that git knows; both sets must stay whole."""
    sets = [at / "first", at / "second"]
    for folder in sets:
        shutil.copytree(place.root / "data/raw", folder, copy_function=shutil.copyfile)
        (folder / "pairs.csv").unlink()
        (folder / "images" / f"{folder.name}_only.txt").write_text("a note", encoding="utf-8")
    before = [_contents(folder) for folder in sets]
    _set(place.root, data={"source": "folder", "path": "data/current"})
    said = []
    for folder in sets:
        link = place.root / "data/current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        if folder == sets[0]:
            git(place.root, "add", "--all")
            git(place.root, "commit", "--quiet", "-m", "a link")
        said.append(place.run("pipelines", "rebuild", "--revision", "HEAD", "download"))
    kept = [_contents(folder) for folder in sets] == before
    happened = (
        f"exit codes {said[0][0]} and {said[1][0]}; the photographs are {'all there' if kept else 'NOT ALL THERE'}"
    )
    return Found(happened, said[1][1], kept and not any(code for code, _ in said) and place.gone())


def by_a_hook(place: Place, at: Path) -> Found:
    """Git gives its hooks GIT_DIR and GIT_INDEX_FILE; the user's branch and what is staged must stay."""
    linked = at / "linked"
    git(place.root, "worktree", "add", "--quiet", "-b", "theirs", str(linked))
    hook = place.root / ".git/hooks/pre-commit"
    command = shlex.join([sys.executable, "-m", "pipelines", "rebuild", "--revision", "HEAD", "download"])
    log = at / "hook.txt"
    hook.write_text(f"#!/bin/sh\ncd {shlex.quote(str(linked))} && {command} >{shlex.quote(str(log))} 2>&1\n")
    hook.chmod(0o755)
    (linked / "notes.md").write_text("staged\n", encoding="utf-8")
    git(linked, "add", "notes.md")
    environment = place.environment | {"PYTHONPATH": str(linked)}
    done = subprocess.run(
        ["git", "commit", "--quiet", "-m", "theirs"], cwd=linked, env=environment, check=False, capture_output=True
    )
    head = git(linked, "rev-parse", "--symbolic-full-name", "HEAD")
    kept = head == "refs/heads/theirs" and git(linked, "show", "HEAD:notes.md") == "staged"
    kept = kept and not git(linked, "status", "--porcelain")
    happened = f"exit code {done.returncode}; branch and staged content are {'as they were' if kept else 'LOST'}"
    return Found(happened, last_line(log.read_text(encoding="utf-8")), kept and done.returncode == 0 and place.gone())


def lock_deleted(place: Place, _: Path) -> Found:
    """Nothing may work or clean up under a rebuild, whatever became of its lock's file."""
    wanted = place.outputs()
    place.forget(after(place, "train"))
    first = place.start("pipelines", "rebuild")
    met = wait(lambda: place.stage_process("train"), 300)
    git(place.root, "clean", "--quiet", "--force", "-dx", ".crackflow")
    shutil.rmtree(place.root / ".git/crackflow", ignore_errors=True)
    code, said = place.run("pipelines", "rebuild", "--force", "split")
    cleaned, refused = place.run("pipelines.dvc_runner.clean")
    done, _ = first.communicate(timeout=600)
    good = (
        met and code == 1 and cleaned == 2 and "works in this checkout" in said and "works in this checkout" in refused
    )
    good = good and first.returncode == 0 and place.outputs() == wanted and place.gone()
    return Found(f"exit code {code}: {said}; make clean: {refused}", f"the first went on: {last_line(done)}", good)


def changed(place: Place, _: Path, *, what: str, stage: str) -> Found:
    """DVC notes what a stage read after it has ended: the stage must fail, and the next runs must be right."""
    change, undo = _CHANGES[what](place)
    if what == "photographs":
        code, said = place.run("pipelines", "rebuild", "download")
        if code:
            return Found(f"the first download failed: {said}", "-", good=False)
    wanted = place.outputs()
    place.forget(after(place, stage))
    process = place.start("dvc", "repro", stage)
    met = wait((place.root / ".crackflow/state" / stage).is_dir, 300)
    change()
    output, _ = process.communicate(timeout=600)
    noted = stage in yaml.safe_load((place.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    changed_code, _ = place.run("pipelines", "rebuild", stage)
    undo()
    again, then = place.run("pipelines", "rebuild", *([stage] if what == "photographs" else []))
    happened = f"dvc repro: exit code {process.returncode}: {last_line(output)}"
    good = met and process.returncode != 0 and "changed while the stage ran" in output and not noted
    good = good and changed_code == 0 and again == 0 and place.outputs() == wanted and place.gone()
    return Found(happened, then, good)


Change = tuple[Callable[[], object], Callable[[], object]]


def _params_change(place: Place) -> Change:
    before = (place.root / "params.yaml").read_text(encoding="utf-8")
    return lambda: _set(place.root, train={"epochs": 2}), lambda: _write(place.root / "params.yaml", before)


def _code_change(place: Place) -> Change:
    path = place.root / "crackflow/training/losses.py"
    before = path.read_text(encoding="utf-8")
    return lambda: _write(path, f"{before}\n# edited\n"), lambda: _write(path, before)


def _photographs_change(place: Place) -> Change:
    source = place.root / "data/source"
    for kind in ("images", "masks"):
        shutil.copytree(place.root / "data/raw" / kind, source / kind, copy_function=shutil.copyfile)
    _set(place.root, data={"source": "folder", "path": "data/source"})
    image = next(iter(sorted((source / "images").iterdir())))
    mask = next(one for one in (source / "masks").iterdir() if one.stem == image.stem)
    new = [one.with_stem("noncrack_new") for one in (image, mask)]

    def change() -> None:
        for old, place_of in zip((image, mask), new, strict=True):
            shutil.copyfile(old, place_of)

    return change, lambda: [one.unlink() for one in new]


_CHANGES: dict[str, Callable[[Place], Change]] = {
    "params.yaml": _params_change,
    "code": _code_change,
    "photographs": _photographs_change,
}


def _set(root: Path, **blocks: dict[str, object]) -> None:
    path = root / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for block, changes in blocks.items():
        values[block] |= changes
    _write(path, render(parse(dump(parse(values)))))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _contents(folder: Path) -> dict[str, bytes]:
    return {os.path.relpath(path, folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

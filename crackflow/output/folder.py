"""A folder that a command writes its results to, and in which it touches nothing but its own.

What is its own is told by the manifest (manifest.py). A file that is not listed there, or was changed since, belongs to
the user. It is never removed, and replaced only with `force`, when its name is one that the command writes.
"""

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import JsonValue

from crackflow.atomic import write_bytes
from crackflow.errors import DataError
from crackflow.output import manifest
from crackflow.output.manifest import JOURNAL, NAME, Manifest
from crackflow.work_folder import PREFIX

LOCK = ".crackflow.lock"
# What is being written lies there first; `.NAME.part` may be a file of the user.
PART = ".crackflow.part"


class OutputFolder:
    """A folder in the hands of one run; crackflow.output.claim gives it."""

    def __init__(self, path: Path, command: str, *, force: bool) -> None:
        self.path = path
        self._command = command
        self._force = force
        self._earlier: Manifest | None = None
        self._entries: dict[str, manifest.WrittenFile] = {}
        self._verified: dict[str, os.stat_result] = {}
        self._current: Manifest | None = None
        self._names: frozenset[str] = frozenset()
        self._written: dict[str, manifest.WrittenFile] = {}
        self._journal: BinaryIO | None = None

    def check(self, names: Collection[str]) -> None:
        """Reject the folder when files in it would be lost.

        Args:
            names: every file that may be written, below the folder, with forward slashes.

        Raises:
            DataError: when there is a link on the way to one of them, when the folder holds files and no manifest,
                or when a file of such a name is the user's; the latter two only without `force`.
        """
        for name in names:
            if link := manifest.leads_through_link(self.path, name):
                raise DataError(f"{link} is a link, expected a folder; remove the link or name another --out")
        damage = self._survey()
        theirs = [name for name in (*names, NAME) if os.path.lexists(self.path / name) and not self._is_own(name)]
        if self._force:
            return
        replaced = f"{len(theirs)} of them, the first {theirs[0]}" if theirs else "none of them"
        if self._earlier is None and (count := len(self._content())):
            raise DataError(
                f"{self.path} holds {count} files and folders that crackflow did not write"
                f"{f' ({damage})' if damage else ''}; name another --out, or add --force to write beside them, which "
                f"replaces {replaced}"
            )
        if theirs:
            raise DataError(
                f"{self.path / theirs[0]} was not written by crackflow, or was changed since"
                f"{f', and so were {len(theirs) - 1} others' if theirs[1:] else ''}; name another --out, or add "
                "--force to replace such files"
            )

    def begin(
        self,
        names: Collection[str],
        model_sha256: str,
        options: dict[str, JsonValue],
        *,
        keep_others: bool,
        reuse: Collection[str] = (),
        outdated: Collection[str] = (),
    ) -> None:
        """Remove what an earlier run wrote, last file first, and note what this one is about to write.

        Files of the earlier run that were changed since are kept.

        Args:
            names: as for `check`.
            model_sha256: of the model file.
            options: what else the content follows from.
            keep_others: keep what the earlier run wrote under other names than these.
            reuse: of `names`, those that stay as they are, as files of this run; `holds` is true of each.
            outdated: names that the earlier run's files are removed under even with `keep_others`.

        Raises:
            DataError: as `check`.
            OSError: when the folder can't be written.
        """
        self.check(names)
        self._names = frozenset(names)
        self._written = {name: self._entries[name] for name in reuse}
        gone = self._names | frozenset(outdated)
        kept = [entry for name, entry in self._entries.items() if keep_others and name not in gone]
        if self._earlier is not None:
            manifest.write_manifest(self.path, self._earlier.model_copy(update={"state": "writing"}))
            stay = {*self._written, *(entry.path for entry in kept)}
            self._remove(name for name in reversed(self._entries) if name not in stay)
        journal = self.path / JOURNAL
        journal.unlink(missing_ok=True)
        self._journal = journal.open("xb", buffering=0)
        self._current = Manifest(
            format=manifest.FORMAT,
            command=self._command,
            version=manifest.version(),
            model_sha256=model_sha256,
            options=options,
            files=tuple(self._written.values()),
            kept=tuple(entry for entry in kept if (self.path / entry.path).is_file()),
        )
        manifest.write_manifest(self.path, self._current)

    @property
    def begun(self) -> bool:
        """Whether `begin` was called."""
        return self._current is not None

    def holds(self, name: str) -> bool:
        """Whether an earlier run wrote this file, and it is as it was."""
        return name in self._entries and self._is_own(name)

    def of_others(self, made_from: Mapping[str, Sequence[Path]]) -> list[str]:
        """Give the names that an earlier run wrote for another input.

        Args:
            made_from: of files that may be written: what this run makes each from.
        """
        if self._force:
            return []
        known = ((name, self._entries.get(name), paths) for name, paths in made_from.items())
        return [name for name, entry, paths in known if entry is not None and not manifest.is_made_from(entry, paths)]

    def read(self, name: str) -> bytes:
        """Give a file of an earlier run, or one that this run has written or taken over.

        Raises:
            DataError: when it is none of them, or was changed or removed meanwhile.
        """
        entry = self._written.get(name) or self._entries.get(name)
        if entry is None or not manifest.unchanged(self.path, entry):
            raise DataError(f"{self.path / name} was changed or removed while this run worked; run again")
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes, source: tuple[str, ...] | None = None) -> None:
        """Write one file, whole or not at all; the manifest knows it before it appears.

        Args:
            name: one of those that `begin` was told.
            content: its bytes.
            source: what it was made from, as manifest.source_of gives it, for `of_others` of a later run.

        Raises:
            DataError: when a file or link of the user has come into its place meanwhile.
            OSError: when it can't be written.
        """
        if name not in self._names or self._journal is None:
            raise ValueError(f"{name} is not among the files that this run may write")
        path = self.path / name
        if link := manifest.leads_through_link(self.path, name):
            raise DataError(f"{link} is a link now, expected a folder; remove the link and run again")
        if not self._force and name not in self._written and os.path.lexists(path):
            raise DataError(f"{path} was put there while this run worked; move it away and run again")
        entry = manifest.describe(name, content, source)
        self._journal.write(entry.model_dump_json(exclude_none=True).encode() + b"\n")
        self._written[name] = entry
        write_bytes(path, content, self.path / PART)

    def withdraw(self, names: Iterable[str]) -> None:
        """Remove files that this run has written; others of these names stay as they are."""
        for name in names:
            if name in self._written and manifest.unchanged(self.path, self._written.pop(name)):
                (self.path / name).unlink()

    def finish(self) -> None:
        """Note that all files are there.

        Raises:
            OSError: when the manifest can't be written.
        """
        if self._current is None:
            raise ValueError("finish without begin")
        manifest.write_manifest(
            self.path, self._current.model_copy(update={"state": "done", "files": tuple(self._written.values())})
        )
        self.close()
        (self.path / JOURNAL).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the journal, which stays as it is."""
        if self._journal is not None:
            self._journal.close()

    def _survey(self) -> str:
        """Find out what an earlier run wrote and is still as it was; why its manifest can't be used, if so."""
        try:
            self._earlier = manifest.read_manifest(self.path) if self.path.is_dir() else None
        except DataError as error:
            self._earlier = None
            return str(error)
        if self._earlier is None:
            return ""
        if self._earlier.command != self._command:
            raise DataError(
                f"{self.path} holds the results of `crackflow {self._earlier.command}`; name another --out for "
                f"`crackflow {self._command}`"
            )
        self._entries = {one.path: one for one in (*self._earlier.kept, *self._earlier.files)}
        return ""

    def _is_own(self, name: str) -> bool:
        """Whether an earlier run wrote this file, and it is as it was."""
        if name == NAME:
            return self._earlier is not None
        if name not in self._entries:
            return False
        if name in self._verified and not manifest.leads_through_link(self.path, name):
            # bytes are compared once, then size and time
            return _same_file(self.path / name, self._verified[name])
        if not manifest.unchanged(self.path, self._entries[name]):
            return False
        self._verified[name] = (self.path / name).lstat()
        return True

    def _content(self) -> list[Path]:
        """What lies in the folder, what killed runs left apart."""
        if not self.path.is_dir():
            return []
        return [one for one in self.path.iterdir() if one.name not in (LOCK, PART) and not one.name.startswith(PREFIX)]

    def _remove(self, names: Iterable[str]) -> None:
        folders = set()
        for name in names:
            path = self.path / name
            if self._is_own(name):
                path.unlink()
            if path.parent != self.path and not manifest.leads_through_link(self.path, name):
                folders.add(path.parent)
        for folder in folders:
            with contextlib.suppress(OSError):  # it holds files of the user, or is gone
                folder.rmdir()


def _same_file(path: Path, before: os.stat_result) -> bool:
    try:
        now = path.lstat()
    except OSError:
        return False
    return (before.st_ino, before.st_size, before.st_mtime_ns) == (now.st_ino, now.st_size, now.st_mtime_ns)

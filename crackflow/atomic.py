"""Write a file whole or not at all: the one way in which crackflow puts a file in its place."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(
    path: Path, *, sync: bool = False, part: Path | None = None, among_theirs: bool = False
) -> Iterator[Path]:
    """Write to a part beside `path`, which takes its place at the end: a reader sees the old file or the whole new one.

    A part that a killed process left under the fixed name is dropped first. So is a link in its place: it is never
    written through.

    Args:
        path: where to; its folder is made. A link there is replaced, and the file that it names stays as it is.
        sync: also wait until the disk holds the content, so that a power failure leaves no empty file under the name.
        part: another place for the part on the same disk.
        among_theirs: whether the folder is the user's, where `.NAME.part` may be a file of theirs. The part then gets a
            name that nobody can have given, `.crackflow-16 HEX DIGITS.part`; a killed process leaves it there.

    Yields:
        The path of the part, else `.NAME.part` in the same folder; it is removed when the block raises.

    Raises:
        OSError: when the folder or the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _new_beside(path) if among_theirs else part or path.with_name(f".{path.name}.part")
    try:
        if not among_theirs:
            part.unlink(missing_ok=True)
        yield part
        if sync:
            with part.open("r+b") as file:
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        # of a write to a full disk, Python does not say where; and of the part, nobody but us knows the name
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            error.filename = str(path)
        with contextlib.suppress(OSError):  # of a disk that is read-only, as the first error says
            part.unlink(missing_ok=True)
        raise


def _new_beside(path: Path) -> Path:
    """Make a part whose name nobody else has. Its mode is that of any new file."""
    part = path.with_name(f".crackflow-{secrets.token_hex(8)}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except OSError as error:
        error.filename = str(path)
        raise
    return part


def write_bytes(path: Path, content: bytes, part: Path | None = None) -> None:
    """Write `content` to `path`, whole or not at all; see `replacing`."""
    with replacing(path, part=part) as place:
        place.write_bytes(content)


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all; at no time can another user read it."""
    with replacing(path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


def write_text(path: Path, text: str, *, among_theirs: bool = False) -> None:
    """Write `text` to `path` as UTF-8 with line feeds, whole or not at all; see `replacing`."""
    with replacing(path, among_theirs=among_theirs) as place:
        place.write_bytes(text.encode("utf-8"))

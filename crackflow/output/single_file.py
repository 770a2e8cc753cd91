"""One file that a command writes where its user says: an earlier one of its own is replaced, nobody else's is."""

import os
from pathlib import Path

from crackflow.errors import CrackflowError


def check_replaceable(path: Path, mark: str, option: str) -> None:
    """Check that a result may be written to a path.

    Args:
        path: where to.
        mark: ASCII text that every result of that command holds.
        option: of the command, for the message.

    Raises:
        CrackflowError: when something else lies there.
        OSError: when it can't be read.
    """
    if path.is_dir():
        raise CrackflowError(f"{option} is {path}, which is a folder, expected the name of a file; name one in it")
    # a link that leads nowhere, too, and a named pipe, whose other end may never come
    if os.path.lexists(path) and not path.is_file():
        raise CrackflowError(f"{option} is {path}, which is no regular file; name another file")
    if path.exists() and mark.encode() not in path.read_bytes():
        raise CrackflowError(
            f"{option} is {path}, which this command did not write; name another file, or delete that one"
        )

"""One file that a command writes where its user says: an earlier one of its own is replaced, nobody else's is."""

import json
import os
from collections.abc import Callable, Collection
from pathlib import Path

from crackflow.errors import CrackflowError


def check_replaceable(path: Path, ours: Callable[[bytes], bool], option: str) -> None:
    """Check that a result may be written to a path.

    Args:
        path: where to.
        ours: says of a file's content whether that command wrote it; see `json_with`.
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
    if path.exists() and not ours(path.read_bytes()):
        raise CrackflowError(
            f"{option} is {path}, which this command did not write; name another file, or delete that one"
        )


def json_with(keys: Collection[str]) -> Callable[[bytes], bool]:
    """Make a check for `check_replaceable`: a JSON object that has these keys."""

    def ours(content: bytes) -> bool:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            return False
        return isinstance(found, dict) and found.keys() >= set(keys)

    return ours

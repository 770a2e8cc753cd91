"""The pairs that a model was trained on, as hashes of their stems, so that it is never scored on them.

The list is shipped with the weights. It holds hashes because file names may be private. It is no secret either: whoever
has the names can compute the hashes.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from crackflow.errors import ModelError

# 64 bits: the chance that two of a million stems have the same hash is 3e-8 (n^2 / 2^65).
DIGITS = 16
_HASH = re.compile(f"[0-9a-f]{{{DIGITS}}}")
_HEADER = f"# Pairs that this model was trained on: the first {DIGITS} hex digits of the SHA-256 of each one's stem.\n"


def stem_hash(stem: str) -> str:
    """Hash a stem.

    Args:
        stem: name of a pair, without its extension.

    Returns:
        The first 16 hex digits, lower case, of the SHA-256 of its UTF-8 bytes.
    """
    return hashlib.sha256(stem.encode()).hexdigest()[:DIGITS]


def render(stems: Iterable[str]) -> str:
    """Write the list as text.

    Args:
        stems: stems of the training pairs, in any order.

    Returns:
        A comment, then one hash per line, sorted, without repetitions.
    """
    return _HEADER + "".join(f"{line}\n" for line in sorted({stem_hash(stem) for stem in stems}))


def read_hashes(path: Path) -> frozenset[str]:
    """Read a list that `render` wrote.

    Args:
        path: a text file. Empty lines and lines that start with # are skipped.

    Returns:
        The hashes.

    Raises:
        ModelError: when the file is absent, can't be read, or holds something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ModelError(
            f"no list at {path} of the pairs that the model was trained on; put it back, or train again, "
            "which writes it"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read ({error}); train again, which writes it") from None
    found = set()
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not _HASH.fullmatch(text):
            raise ModelError(
                f"{path} line {number} is {text[:40]!r}, expected {DIGITS} hex digits; train again, which writes it"
            )
        found.add(text)
    return frozenset(found)


def known(stems: Iterable[str], hashes: frozenset[str]) -> list[str]:
    """Pick the stems whose hashes are among `hashes`, in their order."""
    return [stem for stem in stems if stem_hash(stem) in hashes]

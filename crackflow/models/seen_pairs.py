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
_SUMMARY = re.compile(r"# (\d{1,12}) pairs, SHA-256 of the lines: ([0-9a-f]{64})")
_HEADER = f"# Pairs that this model was trained on: the first {DIGITS} hex digits of the SHA-256 of each one's stem.\n"


def stem_hash(stem: str) -> str:
    """Hash a stem.

    Args:
        stem: name of a pair, without its extension.

    Returns:
        The first 16 hex digits, lower case, of the SHA-256 of its UTF-8 bytes.
    """
    return hashlib.sha256(stem.encode()).hexdigest()[:DIGITS]


def render(stems: Iterable[str], header: str = _HEADER) -> str:
    """Write the list as text.

    Args:
        stems: stems of the pairs, in any order.
        header: a comment that says which pairs these are.

    Returns:
        The comment, a line with the count and the SHA-256 of the lines that follow, then one hash per line, sorted,
        without repetitions.
    """
    lines = sorted({stem_hash(stem) for stem in stems})
    return f"{header}# {len(lines)} pairs, SHA-256 of the lines: {_digest(lines)}\n" + "".join(
        f"{line}\n" for line in lines
    )


def read_hashes(path: Path) -> frozenset[str]:
    """Read a list that `render` wrote.

    Args:
        path: a text file. Empty lines and lines that start with # are skipped. Where one of these has count and
            SHA-256, the list must fit them; those of earlier versions have not.

    Returns:
        The hashes.

    Raises:
        ModelError: when the file is absent, can't be read, is not whole, or holds something else.
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
    found = []
    summary = None
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        summary = _SUMMARY.fullmatch(text) or summary
        if not text or text.startswith("#"):
            continue
        if not _HASH.fullmatch(text):
            raise ModelError(
                f"{path} line {number} is {text[:40]!r}, expected {DIGITS} hex digits; train again, which writes it"
            )
        found.append(text)
    if summary and (int(summary[1]), summary[2]) != (len(found), _digest(found)):
        raise ModelError(
            f"{path} holds {len(found):,} pairs that are not the {int(summary[1]):,} it was written with; put back the "
            "whole file, or train again, which writes it"
        )
    return frozenset(found)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def known(stems: Iterable[str], hashes: frozenset[str]) -> list[str]:
    """Pick the stems whose hashes are among `hashes`, in their order."""
    return [stem for stem in stems if stem_hash(stem) in hashes]

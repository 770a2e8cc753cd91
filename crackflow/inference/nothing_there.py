"""What is said to a user whose words lead to no photograph: what was looked for, and what may have been meant."""

import itertools
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from crackflow.imaging.heif import EXTENSIONS as HEIF
from crackflow.sources.layouts import EXTENSIONS, shown

# Comparing names takes a moment each, and a folder may hold millions.
_MOST_COMPARED = 10_000


def no_such(text: str, *, look_around: bool) -> str:
    """Say in one line that there is nothing at a path.

    Args:
        text: the path.
        look_around: also name what lies in its folder and is called nearly alike.
    """
    near = _near(Path(text)) if look_around else ""
    meant = f"; did you mean {near}?" if near else ""
    return f"no photograph and no folder at {shown(text)}; expected one of the two{meant}"


def none_in(given: Sequence[str], folders: int, skipped: Sequence[str]) -> str:
    """Say in one line that what was given is there, and holds no photograph.

    Args:
        given: files, folders and so on.
        folders: how many folders in them were not looked into.
        skipped: why each file that was meant is left out.
    """
    places = ", ".join(shown(place) for place in given)
    deeper = f"; --recursive looks into the {folders} folders in it too" if folders else ""
    first = f"; the first left out: {skipped[0]}" if skipped else ""
    return f"no photographs in {places}; expected files that end in {', '.join((*EXTENSIONS, *HEIF))}{deeper}{first}"


def _near(path: Path) -> str:
    """A path beside this one that is called nearly alike; empty where there is none."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in itertools.islice(entries, _MOST_COMPARED)]
    except (OSError, ValueError):
        return ""
    lower = {name.lower(): name for name in sorted(names, reverse=True) if not name.startswith(".")}
    found = get_close_matches(path.name.lower(), lower, n=1, cutoff=0.7)
    return shown(str(path.with_name(lower[found[0]]))) if found else ""

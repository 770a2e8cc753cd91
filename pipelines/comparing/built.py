"""Whether the figures of a side are of the files and parameters beside them, by what dvc.lock says."""

import hashlib
from collections.abc import Mapping
from typing import Any

from pipelines.commands import profile
from pipelines.comparing.side import FIGURES, PER_IMAGE, Side

MODEL = "models/flexunet.keras"
# Parameters named in a sentence, and how many letters of a value.
_MOST_NAMED = 5
_MOST_LETTERS = 40


def model_of(side: Side) -> str | None:
    """Give the MD5 of the model that the figures of a side are of; None where that is not known.

    Of files that lie there, the model itself is read: a stage that was run by hand changes it, and dvc.lock stays.
    Where the table of the images is not that of dvc.lock, it may be of any model.
    """
    if _is_foreign(side, PER_IMAGE):
        return None
    return _lying(side, MODEL) or side.locked(MODEL).get("md5")


def foreign_files(side: Side) -> list[str]:
    """Name the files of a side that dvc.lock has, and has otherwise; none of a commit."""
    return [name for name in (MODEL, PER_IMAGE, FIGURES) if _is_foreign(side, name)]


def not_built_with(side: Side) -> str:
    """Say which parameters of a side its figures were not built with; empty where there are none.

    Raises:
        ParamsError: when params.yaml or dvc.lock is not YAML.
        DataError: when dvc.lock is laid out in another way.
    """
    locked, params = side.built_with(), side.params()
    differ = {key: value for key, value in locked.items() if _at(params, key) != value}
    now = {key: _at(params, key) for key in differ}
    found = [_words(one) for one in profile.changes(differ, now)]
    if not found:
        return ""
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"not built with these: {', '.join(found[:_MOST_NAMED])}{more}; run `dvc repro`"


def _words(change: profile.Change) -> str:
    before = "without it" if change.old == profile.ABSENT else f"with {_short(change.old)}"
    return f"{change.key} {_short(change.new)} (built {before})"


def _at(params: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; None where there is none, as DVC has it."""
    value: Any = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."


def _is_foreign(side: Side, name: str) -> bool:
    locked, lying = side.locked(name).get("md5"), _lying(side, name)
    return bool(locked and lying and locked != lying)


def _lying(side: Side, name: str) -> str | None:
    """The MD5 of a file in the work tree, as DVC takes it; None of a commit, and where no such file lies."""
    path = side.root / name
    if side.commit is not None or side.scored or not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

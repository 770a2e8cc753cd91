"""What `crackflow doctor` looks at where the photographs lie: are they there, which sets, did any change unseen."""

from collections.abc import Iterable
from pathlib import Path

from crackflow.errors import CrackflowError
from crackflow.sources.places import walk
from crackflow.sources.registry import data_source
from crackflow.sources.sets import find_sets, set_name
from pipelines.doctor.finding import Finding
from tasks.workspace import Workspace

WHAT = "photographs"
AGAIN = "DVC does not look behind links to folders: dvc repro --force --single-item download, then dvc repro"


def photographs(root: Path) -> list[Finding]:
    """Whether `data.path` can be used, and whether what links in it lead to changed since it was downloaded."""
    workspace = Workspace(root)
    try:
        data = workspace.params().data
    except CrackflowError:
        # the check of params.yaml says it
        return []
    named = data_source(data, root).local_path()
    if named is None:
        return []
    place = root / named.expanduser()
    if not place.exists():
        advice = "put the photographs there, mount their disk, or correct data.path in params.yaml"
        return [Finding(WHAT, "fault", f"{named} is not there", advice)]
    if place.is_file():
        return [Finding(WHAT, "ok", f"the zip {named}")]
    try:
        sets = find_sets(place)
    except CrackflowError as error:
        return [Finding(WHAT, "fault", str(error), "as it says; docs/how-to/own-pairs.md has the layouts")]
    words = f"{len(sets)} sets in {named}: {', '.join(map(set_name, sets))}" if len(sets) > 1 else f"the folder {named}"
    changed = _changed(place, workspace.ran("download"))
    if changed:
        return [Finding(WHAT, "warning", f"{words}; changed since the download: {', '.join(changed)}", AGAIN)]
    return [Finding(WHAT, "ok", words)]


def _changed(place: Path, ran: Path) -> list[str]:
    """Name the links to folders behind which something is newer than the last run of the download."""
    try:
        ended = ran.stat().st_mtime
    except FileNotFoundError:
        return []
    links = [folder / name for folder, names, _ in walk(place) for name in names]
    return [str(link.relative_to(place)) for link in links if _newest(link) > ended]


def _newest(link: Path) -> float:
    """When a file behind a link, or a list of files, last changed."""

    def paths() -> Iterable[Path]:
        for folder, _, names in walk(link):
            yield folder
            yield from (folder / name for name in names)

    return max(path.stat().st_mtime for path in paths() if path.exists())

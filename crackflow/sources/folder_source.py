"""The data source `folder`: pairs in a folder or a zip of the user's own, or photographs with labels as outlines."""

from pathlib import Path

from crackflow.errors import DataError
from crackflow.rejections import Rejection
from crackflow.sources.archive import unpack
from crackflow.sources.places import find_places, reject_unsafe, walk
from crackflow.sources.sets import fetch_set, find_sets
from crackflow.sources.source import DataSource, Fetched, Origin

# Outputs take this many times the photographs' own size: a copy of them, and PNG files that are up to four times as
# large as small JPEGs.
OUTPUTS = 5


class FolderSource(DataSource):
    """What `data.path` names."""

    def fetch(self, work: Path) -> Fetched:
        """Give the folder as it is, or unpack the zip into `work`; so also each set where the folder holds several.

        Where a folder has no masks and files of COCO, Labelme or CVAT, masks are drawn from them.

        Raises:
            DataError: when it is a file that is not a zip, or a zip that can't be unpacked; when of several sets one
                can't be used, or a link leads out of all of them.
        """
        place = self._place()
        reject_unsafe(place)
        if not place.is_file():
            return self._fetched(place, work, ())
        # named as the archive, since messages name the folder
        left_out = unpack(place, work / place.name, self.params.archive)
        return self._fetched(work / place.name, work, left_out)

    def origin(self) -> Origin:
        """Name the path as params do."""
        return Origin(f"the folder {self.params.path}", self.params.path)

    def local_path(self) -> Path | None:
        """Give `data.path`."""
        return Path(self.params.path)

    def disk_bytes(self) -> int:
        """Estimate five times the size of the photographs, or of the zip."""
        place = self._place()
        found = [folder / name for folder, _, names in walk(place) for name in names] if place.is_dir() else [place]
        return OUTPUTS * sum(file.stat().st_size for file in found if file.is_file())

    def _fetched(self, folder: Path, work: Path, left_out: tuple[Rejection, ...]) -> Fetched:
        paths = find_sets(folder)
        if not paths and (files := self._labels(folder)):
            from crackflow.sources.annotations.masks import draw_masks

            drawn = draw_masks(folder, files, work / "annotated")
            return Fetched(work / "annotated", (*left_out, *drawn))
        sets = tuple(fetch_set(path, work, self.params.archive) for path in paths)
        if not sets:
            return Fetched(folder, left_out)
        if len(sets) == 1:
            # a zip alone in a folder
            return Fetched(sets[0].folder, sets[0].left_out)
        return Fetched(paths[0].parent, left_out, sets)

    def _labels(self, folder: Path) -> list[Path]:
        """Find files with labels, where the folder has no pairs."""
        # it imports OpenCV, which a question about a source can do without
        from crackflow.sources.annotations.masks import annotation_files

        try:
            if not folder.is_dir() or any(place.match(folder).pairs for place in find_places(folder)):
                return []
            return annotation_files(folder)
        except OSError as error:
            raise DataError(f"{error.filename} can't be read ({error.strerror}); make it readable") from None

    def _place(self) -> Path:
        return self.root / Path(self.params.path).expanduser()

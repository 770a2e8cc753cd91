"""The data source `folder`: pairs in a folder or a zip of the user's own."""

from pathlib import Path

from crackflow.sources.archive import unpack
from crackflow.sources.source import DataSource, Fetched, Origin

# Outputs take this many times the photographs' own size: a copy of them, and PNG files that are up to four times as
# large as small JPEGs.
OUTPUTS = 5


class FolderSource(DataSource):
    """What `data.path` names."""

    def fetch(self, work: Path) -> Fetched:
        """Give the folder as it is, or unpack the zip into `work`.

        Raises:
            DataError: when it is a file that is not a zip, or a zip that can't be unpacked.
        """
        place = self._place()
        if not place.is_file():
            return Fetched(place)
        # named as the archive, since messages name the folder
        left_out = unpack(place, work / place.name, self.params.archive)
        return Fetched(work / place.name, left_out)

    def origin(self) -> Origin:
        """Name the path as params do."""
        return Origin(f"the folder {self.params.path}", self.params.path)

    def local_path(self) -> Path | None:
        """Give `data.path`."""
        return Path(self.params.path)

    def disk_bytes(self) -> int:
        """Estimate five times the size of the photographs, or of the zip."""
        place = self._place()
        files = place.rglob("*") if place.is_dir() else [place]
        return OUTPUTS * sum(file.stat().st_size for file in files if file.is_file())

    def _place(self) -> Path:
        return self.root / Path(self.params.path).expanduser()

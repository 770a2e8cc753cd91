"""The data sources by the name that `data.source` gives them: to add one, add a line here and its name to params."""

from pathlib import Path

from crackflow.params import DataParams
from crackflow.sources.folder_source import FolderSource
from crackflow.sources.kaggle_source import KaggleSource
from crackflow.sources.sample_source import SampleSource
from crackflow.sources.source import DataSource

SOURCES: dict[str, type[DataSource]] = {
    "sample": SampleSource,
    "folder": FolderSource,
    "kaggle": KaggleSource,
}


def data_source(params: DataParams, root: Path) -> DataSource:
    """Make the data source that params name.

    Args:
        params: the block `data`.
        root: the folder that relative paths start from.

    Returns:
        The source; nothing is fetched yet.
    """
    return SOURCES[params.source](params, root)

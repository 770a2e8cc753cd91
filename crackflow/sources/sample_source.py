"""The data source `sample`: pairs that are made by code, without a network."""

from pathlib import Path

from crackflow.sources.source import DataSource, Fetched, Origin


class SampleSource(DataSource):
    """The built-in sample, made as `data.sample` says."""

    def fetch(self, work: Path) -> Fetched:
        """Make the pairs in `work`/sample."""
        from crackflow.sources.synthetic import dataset

        dataset.write(work / "sample", self.params.sample)
        return Fetched(work / "sample")

    def origin(self) -> Origin:
        """Name the sample, with its size and seed as its version."""
        sample = self.params.sample
        return Origin("the built-in sample", version=f"{sample.size} px, seed {sample.seed}")

"""Where the stages read and write: one place that knows the tree, so that no stage spells a path twice."""

import os
from dataclasses import dataclass
from pathlib import Path

from crackflow.errors import ParamsError
from crackflow.params import Params, parse
from crackflow.params.text import read_yaml
from crackflow.sources.places import reject_unsafe


@dataclass(frozen=True)
class Workspace:
    """The tree of one run, below `root`. dvc.yaml names the same places; a test compares the two."""

    root: Path

    @property
    def raw(self) -> Path:
        """images/, masks/ and pairs.csv (stem, image, mask, given) as downloaded."""
        return self.root / "data/raw"

    @property
    def raw_json(self) -> Path:
        """Where the pairs came from: source, version, counts, checksums, rejected pairs."""
        return self.root / "data/raw.json"

    @property
    def resized(self) -> Path:
        """images/STEM.png and masks/STEM.png, all of one size."""
        return self.root / "data/resized"

    @property
    def resized_csv(self) -> Path:
        """A row a pair: docs/reference/stages.md names the columns."""
        return self.root / "data/resized.csv"

    @property
    def split_csv(self) -> Path:
        """A row a usable pair: stem, source, parent, group, subset, mini_test."""
        return self.root / "data/split.csv"

    @property
    def split_json(self) -> Path:
        """How the split was made, the near-duplicates found, what leaks, and what other splits would leak."""
        return self.root / "data/split.json"

    @property
    def model(self) -> Path:
        """The best epoch's model."""
        return self.root / "models/flexunet.keras"

    @property
    def trained_on(self) -> Path:
        """Hashes of the stems that the model was trained on; evaluate will not score those."""
        return self.root / "models/trained_on.txt"

    @property
    def train_metrics(self) -> Path:
        """The newest epoch's figures, which `dvc exp show` follows while it trains."""
        return self.root / "metrics/train/metrics.json"

    @property
    def operating_point(self) -> Path:
        """The threshold that evaluate chose on valid, and how."""
        return self.root / "models/operating_point.json"

    @property
    def predictions(self) -> Path:
        """STEM.png: the predicted mask of each test pair."""
        return self.root / "predictions/test"

    @property
    def metrics_json(self) -> Path:
        """What `dvc metrics diff` reads."""
        return self.root / "metrics/evaluation.json"

    @property
    def reports(self) -> Path:
        """Everything that people look at."""
        return self.root / "reports"

    def state(self, stage: str, key: str) -> Path:
        """A folder for what a killed stage goes on from; ignored by git and DVC, never an output."""
        path = self.root / ".crackflow/state" / stage / key
        path.mkdir(parents=True, exist_ok=True)
        return path

    def ran(self, stage: str) -> Path:
        """The record that a stage leaves each time it really ran."""
        return self.root / ".crackflow/ran" / f"{stage}.json"

    def workers(self, stage: str) -> Path:
        """How long each worker of a stage took when it last ran."""
        return self.root / ".crackflow/workers" / f"{stage}.json"

    def checked_params(self) -> Params:
        """Read params.yaml, and look for links and special files below data.path, which DVC watches for every source.

        Raises:
            DataError: when there is one that can't be watched.
            ParamsError: as `params`.
        """
        params = self.params()
        reject_unsafe(self.root / Path(params.data.path).expanduser())
        return params

    def params(self) -> Params:
        """Read and check params.yaml.

        Raises:
            ParamsError: when it is absent, not YAML, or holds what no run can use.
        """
        path = self.root / "params.yaml"
        try:
            values = read_yaml(path)
        except FileNotFoundError:
            raise ParamsError(f"no params.yaml in {self.root}; run from the root of a crackflow checkout") from None
        params = parse(values)
        self._check_place(params.data.path)
        # unlike Path.resolve it leaves a link that leads to itself as it is: the stage that reads it says so
        previous = os.path.realpath(self.root / params.split.previous)
        for out in (self.raw_json, self.resized_csv, self.split_csv, self.split_json):
            if previous.casefold() == str(out.resolve()).casefold():
                raise ParamsError(
                    f"split.previous is {params.split.previous}, which the pipeline writes; copy it elsewhere, for "
                    "instance to data/previous.csv, and name the copy"
                )
        return params

    def _check_place(self, name: str) -> None:
        """Raise ParamsError where DVC, which watches data.path for every source, would watch another place."""
        if name.startswith("~"):
            raise ParamsError(
                f"data.path is {name}, and DVC would look for a folder of that very name; write it out: "
                f"{Path(name).expanduser()}"
            )
        # by its name alone: links are looked at by who reads the photographs
        root = self.root.absolute()
        place = Path(os.path.normpath(root / name))
        if place == root or place in root.parents:
            raise ParamsError(
                f"data.path is '{name}', which holds the checkout itself; name a folder or zip of photographs, as the "
                "default data/source"
            )

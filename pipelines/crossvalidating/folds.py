"""The parameters and files of a fold, in the work tree in which all folds are run."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.atomic import write_text
from crackflow.errors import DataError
from crackflow.params import Params, dump, parse, render
from crackflow.splitting.folds import fold_subsets, make_folds
from tasks.workspace import Workspace

# Which pair of a fold is in which subset: a dep of stage split, by the parameter split.previous.
SUBSETS = "data/fold.csv"


@dataclass(frozen=True)
class Folds:
    """The pairs that are tested, by stem.

    Attributes:
        number: how many folds there are.
        fold: of each pair, from 0.
        group: of each pair.
        train_only: how many more pairs are trained on in every fold, and never tested.
    """

    number: int
    fold: dict[str, int]
    group: dict[str, str]
    train_only: int


def grouping_params(params: Params) -> Params:
    """The user's parameters with which stage split finds the groups: no earlier split, no place left out."""
    return _with(params, "grouped")


def fold_params(params: Params, budget: float, train_pairs: int) -> Params:
    """The parameters of a fold.

    Args:
        params: the user's.
        budget: share of the steps of training, above 0 and at most 1.
        train_pairs: how many pairs it trains on.
    """
    values = dump(_with(params, "file"))
    steps = params.train.steps_per_epoch or math.ceil(train_pairs / params.train.batch_size)
    if budget < 1:
        values["train"]["steps_per_epoch"] = max(1, round(steps * budget))
        values["train"]["warmup_steps"] = round(params.train.warmup_steps * budget)
        # over the same share of the steps: an average over more than a short training has would be of its start
        values["train"]["averaging"] = max(0.0, 1 - (1 - params.train.averaging) / budget)
    # those figures are not pooled, and take four times as long
    values["evaluate"]["compare_flips"] = False
    return parse(values)


def _with(params: Params, protocol: str) -> Params:
    values = dump(params)
    values["split"] |= {"protocol": protocol, "previous": SUBSETS, "foreign": {"valid": [], "test": []}}
    return parse(values)


def prepare(tree: Path, params: Params, subsets: Mapping[str, str]) -> None:
    """Write a fold's parameters, and the subset of each pair."""
    lines = "".join(f"{stem},{subset}\n" for stem, subset in sorted(subsets.items()))
    write_text(tree / SUBSETS, f"stem,subset\n{lines}")
    write_text(tree / "params.yaml", render(params))


def read_folds(tree: Path, params: Params, number: int) -> Folds:
    """Make the folds from what stage split found.

    Args:
        tree: where download, resize and split have run with `grouping_params`.
        params: the user's; pairs of split.train_only are trained on in every fold, and never tested.
        number: how many folds.

    Raises:
        DataError: when there are too few photographs.
    """
    workspace = Workspace(tree)
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    train_only = split["source"].isin(params.split.train_only)
    split = split[~train_only]
    resized = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False).set_index("stem")
    shares = resized["crack_share"].loc[split["stem"]].astype(float)
    group = dict(zip(split["stem"], split["group"], strict=True))
    empty = dict(zip(split["stem"], shares == 0, strict=True))
    sources = dict(zip(split["stem"], split["source"], strict=True))
    return Folds(number, make_folds(group, sources, empty, number, params.split.seed), group, int(train_only.sum()))


def subsets_of(folds: Folds, tested: int) -> dict[str, str]:
    """The subset of each pair where a fold is tested."""
    return fold_subsets(folds.fold, tested)


def train_pairs(folds: Folds, tested: int) -> int:
    """How many pairs are trained on where a fold is tested."""
    return folds.train_only + list(subsets_of(folds, tested).values()).count("train")


def reached(tree: Path, folds: Folds, tested: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read what a fold reached.

    Returns:
        A row a test image (stem, source, group, tp, fp, fn, tolerant_f1), and what is said of the fold itself.

    Raises:
        DataError: when the images are not those of the fold.
    """
    workspace = Workspace(tree)
    table = pd.read_csv(
        workspace.reports / "per_image.csv", dtype={"stem": str, "source": str}, keep_default_na=False, na_values=[""]
    )
    expected = {stem for stem, fold in folds.fold.items() if fold == tested}
    if set(table["stem"]) != expected:
        raise DataError(
            f"fold {tested + 1} was tested on {len(table)} images, expected the {len(expected)} of that fold; "
            "delete .crackflow/crossvalidation and run again"
        )
    figures = json.loads(workspace.metrics_json.read_text(encoding="utf-8"))
    said = {
        "images": len(table),
        "threshold": figures["protocol"]["threshold"],
        "pooled_iou": figures["crack"]["pooled"]["iou"],
    }
    columns = ["stem", "source", "group", "tp", "fp", "fn", "tolerant_f1"]
    return table.assign(group=table["stem"].map(folds.group))[columns], said

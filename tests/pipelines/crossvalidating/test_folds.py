import json

import pandas as pd
import pytest

from crackflow.errors import DataError
from crackflow.params import Params, dump, parse
from crackflow.params.text import read_yaml
from pipelines.crossvalidating import folds


def with_(**blocks):
    values = dump(Params())
    for name, block in blocks.items():
        values[name] |= block
    return parse(values)


@pytest.fixture
def tree(tmp_path):
    """Nine photographs of one pair each; i8 alone has no crack, i7 is of a source for training alone."""
    (tmp_path / "data").mkdir()
    names = [f"i{number}" for number in range(9)]
    sources = ["a"] * 7 + ["b", "a"]
    table = pd.DataFrame({"stem": names, "source": sources, "group": [f"g{name}" for name in names]})
    table.to_csv(tmp_path / "data/split.csv", index=False)
    shares = [0.1] * 8 + [0.0]
    pd.DataFrame({"stem": names, "crack_share": shares}).to_csv(tmp_path / "data/resized.csv", index=False)
    return tmp_path


def test_pairs_for_training_alone_are_never_tested(tree):
    found = folds.read_folds(tree, with_(split={"train_only": ["b"]}), 3)
    assert set(found.fold) == {f"i{number}" for number in range(9)} - {"i7"}
    assert "i7" in folds.read_folds(tree, Params(), 3).fold


def test_pairs_for_training_alone_count_among_those_trained_on(tree):
    """Of eight pairs in three folds those of one are trained on; of ten steps an epoch half are five."""
    table = pd.read_csv(tree / "data/split.csv", dtype=str)
    more = pd.DataFrame({"stem": [f"m{number}" for number in range(70)], "source": "b", "group": "m"})
    pd.concat([table, more]).to_csv(tree / "data/split.csv", index=False)
    params = with_(split={"train_only": ["b"]}, train={"steps_per_epoch": 0, "batch_size": 8})
    made = folds.read_folds(tree, params, 3)
    # i7 and the 70
    own = [71 + list(made.fold.values()).count((fold + 2) % 3) for fold in range(3)]
    assert [folds.train_pairs(made, fold) for fold in range(3)] == own
    assert folds.fold_params(params, 0.5, own[0]).train.steps_per_epoch == 5


def test_a_fold_follows_its_file_and_leaves_no_place_out():
    params = folds.fold_params(with_(split={"foreign": {"valid": ["x"], "test": ["y"]}}), 1.0, 100)
    assert (params.split.protocol, params.split.previous) == ("file", folds.SUBSETS)
    assert (params.split.foreign.valid, params.split.foreign.test) == ((), ())
    assert not params.evaluate.compare_flips
    assert params.train == Params().train


@pytest.mark.parametrize(("steps", "expected"), [(40, 10), (0, 3), (1, 1)])
def test_the_budget_is_a_share_of_the_steps(steps, expected):
    """Without steps_per_epoch every one of 100 pairs is taken once: 13 batches of 8, of which a quarter is 3."""
    start = with_(train={"steps_per_epoch": steps, "warmup_steps": 40})
    train = folds.fold_params(start, 0.25, 100).train
    assert (train.steps_per_epoch, train.warmup_steps, train.epochs) == (expected, 10, start.train.epochs)


@pytest.mark.parametrize(("budget", "expected"), [(1, 0.998), (0.25, 0.992), (0.001, 0)])
def test_the_average_of_the_weights_is_over_the_same_share_of_the_steps(budget, expected):
    """Over 500 of 8,000 steps, so over 125 of 2,000; of a single step there is no average."""
    train = folds.fold_params(with_(train={"averaging": 0.998}), budget, 100).train
    assert train.averaging == pytest.approx(expected)


def test_the_tree_gets_parameters_and_subsets(tmp_path):
    folds.prepare(tmp_path, folds.grouping_params(Params()), {"b": "test", "a": "train"})
    assert (tmp_path / folds.SUBSETS).read_text() == "stem,subset\na,train\nb,test\n"
    assert read_yaml(tmp_path / "params.yaml")["split"]["protocol"] == "grouped"


def test_a_fold_that_was_tested_on_other_images_is_rejected(tree):
    made = folds.read_folds(tree, Params(), 3)
    (tree / "reports").mkdir()
    (tree / "metrics").mkdir()
    figures = {"protocol": {"threshold": 0.5}, "crack": {"pooled": {"iou": 0.25}}}
    (tree / "metrics/evaluation.json").write_text(json.dumps(figures))
    own = sorted(stem for stem, fold in made.fold.items() if fold == 1)

    def write(stems):
        table = pd.DataFrame(
            {"stem": stems, "source": "a", "tp": 1, "fp": 1, "fn": 2, "tolerant_f1": [None] * len(stems)}
        )
        table.to_csv(tree / "reports/per_image.csv", index=False)

    write(own)
    table, said = folds.reached(tree, made, 1)
    assert list(table["group"]) == [f"g{stem}" for stem in own]
    assert said == {"images": len(own), "threshold": 0.5, "pooled_iou": 0.25}
    write(own[:-1])
    with pytest.raises(DataError, match=f"fold 2 was tested on {len(own) - 1} images, expected the {len(own)}"):
        folds.reached(tree, made, 1)

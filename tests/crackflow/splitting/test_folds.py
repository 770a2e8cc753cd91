import pytest

from crackflow.errors import DataError
from crackflow.splitting.folds import fold_subsets, make_folds

# 30 photographs of two crops each, half of them of source a; every fifth has no crack.
GROUP = {f"p{photo:02}-{crop}": f"p{photo:02}" for photo in range(30) for crop in range(2)}
SOURCE = {stem: "a" if int(group[1:]) < 15 else "b" for stem, group in GROUP.items()}
EMPTY = {stem: int(group[1:]) % 5 == 0 for stem, group in GROUP.items()}


def test_groups_stay_whole_and_sources_and_cracks_are_spread():
    folds = make_folds(GROUP, SOURCE, EMPTY, 3, seed=0)
    assert set(folds) == set(GROUP)
    by_group = {group: {folds[stem] for stem in GROUP if GROUP[stem] == group} for group in GROUP.values()}
    assert all(len(found) == 1 for found in by_group.values())
    for fold in range(3):
        own = [stem for stem in folds if folds[stem] == fold]
        # 5 of 15 photographs of each source, 2 of 6 without a crack
        assert len(own) == 20
        assert sum(SOURCE[stem] == "a" for stem in own) == 10
        assert sum(EMPTY[stem] for stem in own) == 4


def test_every_pair_is_tested_once_and_is_valid_once():
    folds = make_folds(GROUP, SOURCE, EMPTY, 5, seed=1)
    subsets = [fold_subsets(folds, tested) for tested in range(5)]
    for stem in GROUP:
        found = [one[stem] for one in subsets]
        assert (found.count("test"), found.count("valid"), found.count("train")) == (1, 1, 3)


def test_the_fold_after_the_one_tested_is_valid():
    folds = {"a": 0, "b": 1, "c": 2, "d": 3}
    assert fold_subsets(folds, 1) == {"a": "train", "b": "test", "c": "valid", "d": "train"}
    # after the last comes the first
    assert fold_subsets(folds, 3) == {"a": "valid", "b": "train", "c": "train", "d": "test"}


def test_the_seed_decides():
    assert make_folds(GROUP, SOURCE, EMPTY, 3, seed=0) == make_folds(GROUP, SOURCE, EMPTY, 3, seed=0)
    assert make_folds(GROUP, SOURCE, EMPTY, 3, seed=0) != make_folds(GROUP, SOURCE, EMPTY, 3, seed=1)


def test_one_photograph_with_cracks_for_each_fold_is_enough():
    folds = make_folds(GROUP, SOURCE, EMPTY, 24, seed=0)
    assert {fold for stem, fold in folds.items() if not EMPTY[stem]} == set(range(24))


@pytest.mark.parametrize(("number", "said"), [(2, "received 2 folds, expected 3"), (25, "for 24 photographs with")])
def test_too_few_folds_or_photographs_are_rejected(number, said):
    with pytest.raises(DataError, match=said):
        make_folds(GROUP, SOURCE, EMPTY, number, seed=0)

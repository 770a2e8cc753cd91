from crackflow.splitting.leakage import Leaks, count_leaks, mean_leaks

# photograph p: two crops in train, one in test; q: valid and test; r: test alone, twice; s: train and valid
SUBSETS = {
    "p1": "train", "p2": "train", "p3": "test",
    "q1": "valid", "q2": "test",
    "r1": "test", "r2": "test",
    "s1": "train", "s2": "valid",
}  # fmt: skip
PARENTS = {stem: stem[0] for stem in [*SUBSETS, "t1"]}


def test_counts_worked_by_hand():
    """p3 and q2 share a parent with train or valid. r1 looks like p1 and q2 like s2; r1 and r2 are both in test.

    Leaked are p3, q2 (twice over) and r1: 3 of 4. Parents across subsets are p, q, and s, which test has no part in.
    Duplicates across are (r1, p1), (s2, q2) and (p1, s2); that of t1, which is in no subset, is not.
    """
    duplicates = [("r1", "p1"), ("s2", "q2"), ("r1", "r2"), ("p1", "s2"), ("t1", "r2")]
    assert count_leaks(SUBSETS, PARENTS, duplicates) == Leaks(
        test_pairs=4,
        test_sharing_parent=2,
        test_with_duplicate=2,
        test_leaked=3,
        share=0.75,
        parents_across=3,
        duplicates_across=3,
    )


def test_a_split_by_parents_leaks_nothing():
    clean = {stem: {"p": "train", "q": "valid", "r": "test", "s": "train"}[stem[0]] for stem in SUBSETS}
    assert count_leaks(clean, PARENTS, [("r1", "r2"), ("p1", "s2")]) == Leaks(2, 0, 0, 0, 0.0, 0, 0)


def test_a_split_in_two_as_kaggles_counts_test_against_train():
    assert count_leaks({"p1": "train", "p2": "test", "q1": "test"}, PARENTS, []).share == 0.5


def test_without_a_test_pair_nothing_leaks():
    assert count_leaks({"p1": "train", "p2": "valid"}, PARENTS, []) == Leaks(0, 0, 0, 0, 0.0, 1, 0)


def test_the_mean_rounds_counts_and_keeps_the_share():
    one, other = Leaks(4, 1, 0, 1, 0.25, 2, 0), Leaks(4, 2, 0, 3, 0.75, 3, 1)
    # 1.5 and 0.5 go to the even neighbour
    assert mean_leaks([one, other]) == Leaks(4, 2, 0, 2, 0.5, 2, 0)


def test_as_plain_values():
    assert Leaks(3, 1, 0, 1, 1 / 3, 1, 0).as_dict() == {
        "test_pairs": 3,
        "test_sharing_parent": 1,
        "test_with_duplicate": 0,
        "test_leaked": 1,
        "share": 0.3333,
        "parents_across": 1,
        "duplicates_across": 0,
    }

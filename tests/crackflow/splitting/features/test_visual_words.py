import numpy as np

from crackflow.splitting.features.local_features import local_features
from crackflow.splitting.features.visual_words import Candidate, Words, candidates, words
from tests.crackflow.splitting.features.textures import moved, pavement


def known(entries):
    """Words from (word, twelfth of a circle); the further choices are words that nothing else has."""
    rows = [[word, *(900_000 + 10 * word + k for k in range(3))] for word, _ in entries]
    return Words(np.array(rows, np.int32).reshape(-1, 4), np.array([angle for _, angle in entries], np.uint8))


NONE = known([])


def found(upright, mirrored=None, groups=None, count=1):
    groups = np.arange(len(upright)) if groups is None else np.array(groups)
    return candidates(upright, mirrored or [NONE] * len(upright), groups, count)


def test_words_in_common_count_when_they_are_turned_alike():
    """All four have the same words. The second is the first turned by a quarter as a whole, and the fourth the third;
    between these two pairs each feature is turned otherwise."""
    one, other = ([(word, word * step % 12) for word in range(12)] for step in (1, 5))
    four = [known([(word, (angle + turn) % 12) for word, angle in some]) for some in (one, other) for turn in (0, 3)]
    others = [known([(100 + 12 * k + word, 0) for word in range(12)]) for k in range(9)]
    assert found([*four, *others]) == [Candidate(0, 1, mirrored=False), Candidate(2, 3, mirrored=False)]


def test_a_group_is_not_compared_with_itself():
    same = known([(word, 0) for word in range(5)])
    others = [known([(100 + 5 * k + word, 0) for word in range(5)]) for k in range(6)]
    assert found([same, same, *others]) == [Candidate(0, 1, mirrored=False)]
    assert found([same, same, *others], groups=[7, 7, *range(6)]) == []


def test_a_mirrored_photograph_asks_too():
    one, other = known([(word, 0) for word in range(5)]), known([(10 + word, 0) for word in range(5)])
    others = [known([(100 + 5 * k + word, 0) for word in range(5)]) for k in range(6)]
    # the second, mirrored, has the words of the first
    mirrored = [NONE, one, *[NONE] * 6]
    assert found([one, other, *others], mirrored) == [Candidate(0, 1, mirrored=True)]


def test_a_word_that_every_photograph_has_says_nothing():
    common = [(1, 0)]
    photographs = [known([*common, (10 + k, 0)]) for k in range(6)]
    assert found(photographs) == []


def test_without_a_photograph_or_a_feature_there_is_none():
    assert found([]) == found([known([(1, 0)])]) == found([NONE, NONE]) == []


def test_a_turned_zoomed_and_sheared_copy_is_among_the_first_of_noise():
    greys = [pavement(seed) for seed in range(12)]
    greys += [moved(greys[0], degrees=12, zoom=1.2, shear=8), np.ascontiguousarray(moved(greys[1], -10, 0.8)[:, ::-1])]
    features = [local_features(grey) for grey in greys]
    upright, mirrored = ([words(one) for one in some] for some in (features, [one.mirrored() for one in features]))
    pairs = found(upright, mirrored)
    assert Candidate(0, 12, mirrored=False) in pairs
    assert Candidate(1, 13, mirrored=True) in pairs

from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.splitting.incremental import join_previous


def test_new_pairs_follow_their_parent_and_their_looks():
    parents = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c", "c2": "c", "d1": "d"}
    joined = join_previous(parents, [("b1", "a2")], {"a1": "test", "d1": "train", "gone": "valid"})
    # b2 follows b1, which looks like a2, which is a crop of a1; c1 and c2 belong with no old pair
    assert joined.subsets == {"a1": "test", "a2": "test", "b1": "test", "b2": "test", "d1": "train"}
    assert joined.free == {"c1": "c1", "c2": "c1"}
    assert joined.set_aside == ()


def test_a_pair_that_would_join_two_subsets_is_set_aside():
    parents = {stem: stem for stem in ("m", "old1", "old2", "z")}
    joined = join_previous(parents, [("m", "old1"), ("old2", "m"), ("m", "z")], {"old1": "train", "old2": "test"})
    assert joined.subsets == {"old1": "train", "old2": "test"}
    assert joined.free == {"z": "z"}
    (rejected,) = joined.set_aside
    assert rejected.name == "m"
    assert rejected.reason == "belongs with old1 of train and old2 of test; split.previous keeps both where they are"


def test_of_a_chain_between_two_subsets_the_last_link_is_set_aside():
    parents = {stem: stem for stem in ("n1", "n2", "n3", "o1", "o2")}
    chain = [("o1", "n1"), ("n1", "n2"), ("n2", "n3"), ("n3", "o2")]
    joined = join_previous(parents, chain, {"o1": "valid", "o2": "test"})
    assert joined.subsets == {"n1": "valid", "n2": "valid", "o1": "valid", "o2": "test"}
    assert [rejected.name for rejected in joined.set_aside] == ["n3"]


def test_old_pairs_that_contradict_each_other_stay_and_a_new_crop_is_set_aside():
    parents = {"p1": "p", "p2": "p", "p3": "p"}
    joined = join_previous(parents, [], {"p1": "train", "p2": "test"})
    assert joined.subsets == {"p1": "train", "p2": "test"}
    assert [rejected.name for rejected in joined.set_aside] == ["p3"]


names = [f"{number:02d}" for number in range(24)]
links = st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda pair: pair[0] != pair[1]))


@settings(deadline=None)
@given(
    parents=st.fixed_dictionaries({name: st.sampled_from("abcdefghijkl") for name in names}),
    links=links,
    previous=st.dictionaries(st.sampled_from(names), st.sampled_from(["train", "valid", "test"])),
    random=st.randoms(),
)
def test_old_pairs_never_move_and_no_new_pair_links_two_subsets(parents, links, previous, random):
    joined = join_previous(parents, links, previous)
    assert {stem: joined.subsets[stem] for stem in previous} == previous
    aside = {rejected.name for rejected in joined.set_aside}
    assert sorted([*joined.subsets, *joined.free, *aside]) == names
    where = joined.subsets | {stem: f"free {group}" for stem, group in joined.free.items()}
    crops = [(one, other) for one in names for other in names if parents[one] == parents[other]]
    for one, other in [*links, *crops]:
        if one in where and other in where and not {one, other} <= set(previous):
            assert where[one] == where[other]
    for stem in aside:
        near = [other for pair in [*links, *crops] if stem in pair for other in pair if other in joined.subsets]
        assert len({joined.subsets[other] for other in near}) > 1
    shuffled = random.sample(links, len(links))
    turned = [(other, one) for one, other in shuffled]
    assert join_previous(dict(reversed(parents.items())), turned, dict(reversed(previous.items()))) == joined


@settings(deadline=None)
@given(
    parents=st.fixed_dictionaries({name: st.sampled_from("abcdefghijklmnop") for name in names}),
    links=links,
    previous=st.dictionaries(st.sampled_from(names), st.just("train")),
)
def test_with_old_pairs_of_one_subset_nothing_is_set_aside(parents, links, previous):
    assert join_previous(parents, links, previous).set_aside == ()

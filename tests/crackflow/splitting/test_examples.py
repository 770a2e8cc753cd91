from crackflow.splitting.examples import pick_examples


def mini(count, seed=0):
    """12 test pairs: a has 3 cracked crops of one photograph and 2 more, b has 2 cracked, 5 are crack-free."""
    groups = {"a1": "A", "a2": "A", "a3": "A", "a4": "B", "a5": "C", "b1": "D", "b2": "E"}
    groups |= {f"n{number}": f"N{number}" for number in range(5)}
    sources = {stem: {"n": "noncrack"}.get(stem[0], stem[0]) for stem in groups}
    return pick_examples(groups, sources, {stem: stem[0] == "n" for stem in groups}, count, seed)


def test_sources_and_crack_free_pairs_take_turns():
    assert sorted(stem[0] for stem in mini(3)) == ["a", "b", "n"]
    # two rounds give 2 each; b has no third
    assert sorted(stem[0] for stem in mini(8)) == ["a", "a", "a", "b", "b", "n", "n", "n"]


def test_no_photograph_is_shown_twice_before_all_are_shown_once():
    # 10 photographs: A, B, C, D, E and 5 crack-free ones
    for seed in range(10):
        chosen = mini(10, seed)
        assert len(chosen & {"a1", "a2", "a3"}) == 1
        assert len(chosen) == 10


def test_third_crops_come_after_all_second_ones():
    """Two photographs, of three crops and of two: whatever the seed, the last of five is a third crop."""
    groups = {"a1": "A", "a2": "A", "a3": "A", "b1": "B", "b2": "B"}
    for seed in range(10):
        chosen = pick_examples(groups, dict.fromkeys(groups, "s"), dict.fromkeys(groups, False), 4, seed)
        assert {"b1", "b2"} < chosen, seed


def test_crack_free_pairs_of_all_sources_are_one_more_source():
    """Two cracked photographs of one source, and a crack-free one of each of two: of three, both cracked ones."""
    sources = {"a1": "a", "a2": "a", "na": "a", "nb": "b"}
    empty = {stem: stem[0] == "n" for stem in sources}
    for seed in range(10):
        assert {"a1", "a2"} < pick_examples({stem: stem for stem in sources}, sources, empty, 3, seed), seed


def test_fewer_than_asked_for_are_all_taken():
    assert len(mini(12)) == len(mini(100)) == 12


def test_the_choice_follows_from_the_seed():
    assert mini(6, 1) == mini(6, 1)
    assert len({frozenset(mini(6, seed)) for seed in range(10)}) > 1

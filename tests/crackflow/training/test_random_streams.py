import itertools

from crackflow.training.random_streams import Purpose, generator, state


def test_the_same_place_gives_the_same_numbers():
    assert generator(3, Purpose.CROPS, 1, 2).random() == generator(3, Purpose.CROPS, 1, 2).random()
    assert state(3, Purpose.DROPOUT, 1, 2).tolist() == state(3, Purpose.DROPOUT, 1, 2).tolist()


def test_no_two_purposes_or_places_share_a_stream():
    """Places as training uses them: an epoch and a batch, a turn, an epoch and a layer."""
    places = [(a, b) for a, b in itertools.product(range(5), repeat=2)]
    used = [(Purpose.CROPS, place) for place in places]
    used += [(Purpose.DROPOUT, place) for place in places]
    used += [(Purpose.ORDER, (turn,)) for turn in range(25)]
    drawn = [generator(seed, purpose, *place).random() for seed in range(3) for purpose, place in used]
    assert len(set(drawn)) == len(drawn)
    words = [tuple(state(seed, purpose, *place)) for seed in range(3) for purpose, place in used]
    assert len(set(words)) == len(words)

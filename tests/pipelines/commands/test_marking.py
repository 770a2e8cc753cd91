"""pipelines/commands/marking.py, with a network that finds what is red."""

import weakref

import cv2
import numpy as np
import pytest

from crackflow.errors import ImageError
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.photographs import Photograph
from pipelines.commands import marking
from pipelines.commands.marking import How, Marker, Most

SIDE = 16
SMALL, LARGE = (12, 10), (20, 30)


class Red:
    """P(crack) = red / 256. It notes how many squares it gets, and has no room for more than `room`."""

    input_shape = (None, SIDE, SIDE, 3)
    output_shape = (None, SIDE, SIDE, 2)

    def __init__(self, room=100):
        self.batches, self.room = [], room

    def predict_on_batch(self, x):
        self.batches.append(len(x))
        if len(x) > self.room:
            raise MemoryError
        crack = x[..., :1] / np.float32(256)
        return np.concatenate([1 - crack, crack], axis=-1)


@pytest.fixture
def photos(tmp_path):
    """Makes photographs of given sizes, each all of one level of red."""

    def made(*sizes):
        found = []
        for number, size in enumerate(sizes):
            path = tmp_path / f"{number}.png"
            cv2.imwrite(str(path), np.full((*size, 3), 10 * number, np.uint8))
            found.append(Photograph(path, path.stem, path.name))
        return found

    return made


class Marked:
    """What became of photographs: the level of each that is marked, and why others are not."""

    def __init__(self, network, most=10**9, at_once=4):
        self.kept, self.failed, self.network = {}, {}, network
        self.how = (How(OperatingPoint(0.5), "stretch", "auto", 1), Most(most, most)), at_once

    def __call__(self, photos):
        (how, most), at_once = self.how
        with Marker(self.network, how, most, self.keep, self.fail, at_once) as marker:
            marker.all(photos)
        return self

    def keep(self, marked):
        assert (marked.probability == marked.probability[0, 0]).all()
        assert marked.photo.shape[:2] == marked.classes.shape == marked.probability.shape
        self.kept[marked.source.shown] = int(marked.probability[0, 0]) // 256

    def fail(self, source, reason):
        self.failed[source.shown] = reason


def test_small_photographs_go_through_the_network_four_at_once(photos):
    found = Marked(Red())(photos(*[SMALL] * 6))
    assert list(found.kept.items()) == [(f"{number}.png", 10 * number) for number in range(6)]
    assert found.network.batches == [4, 2]


def test_a_large_one_comes_after_the_small_ones_before_it(photos):
    found = Marked(Red())(photos(SMALL, SMALL, LARGE, SMALL))
    assert list(found.kept.items()) == [(f"{number}.png", 10 * number) for number in range(4)]
    # two rows of three squares between the small ones
    assert found.network.batches == [2, 3, 3, 1]


def test_where_there_is_no_room_for_four_each_is_done_alone(photos):
    found = Marked(Red(room=1))(photos(*[SMALL] * 5))
    assert list(found.kept) == [f"{number}.png" for number in range(5)]
    assert found.network.batches == [4, 1, 1, 1, 1, 1]


def test_where_there_is_no_room_for_one_each_has_its_reason(photos):
    found = Marked(Red(room=0))(photos(SMALL, SMALL, LARGE))
    assert not found.kept
    assert list(found.failed) == ["0.png", "1.png", "2.png"]
    assert all(name in reason and "memory" in reason for name, reason in found.failed.items())


def test_fewer_at_once_where_little_memory_is_allowed(photos):
    """2 * 16 * 16 px a photograph: of 1,200 px there is room for two."""
    assert Marked(Red(), most=1200)(photos(*[SMALL] * 3)).network.batches == [2, 1]


def test_one_that_can_not_be_read_or_kept_is_told_and_the_others_are_done(photos):
    class Full(Marked):
        def keep(self, marked):
            if marked.source.shown == "2.png":
                raise ImageError("2.png is gone")
            super().keep(marked)

    given = photos(*[SMALL] * 4)
    given[1].path.write_bytes(b"no picture")
    found = Full(Red())(given)
    assert list(found.kept) == ["0.png", "3.png"]
    assert found.failed["2.png"] == "2.png is gone"
    assert "1.png" in found.failed["1.png"]


def test_a_large_photograph_is_gone_from_memory_before_the_next_one_is_read(photos, monkeypatch):
    held, read = [], marking.read_photograph

    def read_alone(*given):
        assert not [one for one in held if one() is not None]
        return read(*given)

    class Held(Marked):
        def keep(self, marked):
            super().keep(marked)
            held.extend(weakref.ref(one) for one in (marked.photo, marked.probability, marked.classes))

    monkeypatch.setattr(marking, "read_photograph", read_alone)
    Held(Red())(photos(LARGE, LARGE, LARGE))
    assert len(held) == 9


def test_a_defect_is_not_hidden(photos):
    class Broken(Red):
        def predict_on_batch(self, x):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Marked(Broken())(photos(SMALL))

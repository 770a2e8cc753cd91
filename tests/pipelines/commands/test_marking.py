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
    """P(crack) = red / 256. It notes how many squares it gets, and may have no room for them."""

    input_shape = (None, SIDE, SIDE, 3)
    output_shape = (None, SIDE, SIDE, 2)

    def __init__(self, room=True):
        self.batches, self.room = [], room

    def predict_on_batch(self, x):
        self.batches.append(len(x))
        if not self.room:
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

    def __init__(self, network, most=10**9):
        self.kept, self.failed = {}, {}
        self.marker = Marker(network, How(OperatingPoint(0.5), "stretch", "auto", 1), Most(most, most))

    def __call__(self, photos):
        for source in photos:
            if reason := self.marker.mark(source, self.keep):
                self.failed[source.shown] = reason
        return self

    def keep(self, marked):
        assert (marked.probability == marked.probability[0, 0]).all()
        assert marked.photo.shape[:2] == marked.classes.shape == marked.probability.shape
        self.kept[marked.source.shown] = int(marked.probability[0, 0]) // 256


def test_one_is_marked_after_the_other(photos):
    found = Marked(Red())(photos(SMALL, LARGE, SMALL))
    assert list(found.kept.items()) == [("0.png", 0), ("1.png", 10), ("2.png", 20)]
    # two rows of three squares between the small ones
    assert found.marker.network.batches == [1, 3, 3, 1]


def test_where_there_is_no_room_each_has_its_reason(photos):
    found = Marked(Red(room=False))(photos(SMALL, LARGE))
    assert not found.kept
    assert list(found.failed) == ["0.png", "1.png"]
    assert all(name in reason and "memory" in reason for name, reason in found.failed.items())


def test_one_with_too_many_pixels_is_told_and_the_others_are_done(photos):
    found = Marked(Red(), most=200)(photos(SMALL, LARGE, SMALL))
    assert list(found.kept) == ["0.png", "2.png"]
    assert "1.png has 30x20 px" in found.failed["1.png"]


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

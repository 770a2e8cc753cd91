import pandas as pd

from crackflow.evaluation.shared_images import shared_images


def table(**truth):
    """A row an image, with so many crack pixels."""
    return pd.DataFrame([{"stem": stem, "tp": 1, "fp": 0, "fn": pixels - 1} for stem, pixels in truth.items()])


def test_images_that_came_left_and_were_labelled_anew():
    found = shared_images(table(a=5, b=6, c=7, d=8), table(d=9, b=6, a=5, e=1, f=1))
    assert found.stems == ("a", "b")
    assert (found.came, found.left, found.relabelled) == (("e", "f"), ("c",), ("d",))
    assert found.share == 2 / 5
    assert found.differs
    assert not found.enough
    assert found.words() == "the test set differs: 2 images in, 1 out; the truth of 1 image differs"


def test_the_same_images_in_another_order():
    found = shared_images(table(a=5, b=6), table(b=6, a=5))
    assert (found.differs, found.enough, found.words(), found.share) == (False, True, "", 1)


def test_half_is_enough():
    assert shared_images(table(a=5, b=6), table(b=6)).enough
    assert not shared_images(table(a=5, b=6, c=7), table(b=6)).enough


def test_no_images_at_all():
    assert shared_images(table(a=1).iloc[:0], table(a=1).iloc[:0]).share == 0

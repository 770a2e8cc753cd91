import matplotlib.image as mpimg
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from crackflow.visualization.charts import COLOURS, lines


def inked(path, colour):
    """Pixels of exactly this colour in the picture at `path`."""
    return (np.abs(mpimg.imread(path)[..., :3] - np.array(to_rgb(colour))) < 1 / 255).all(-1)


@pytest.fixture
def frame():
    return pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.9, 0.5, 0.3], "val_loss": [1.0, 0.6, np.nan]})


def test_each_series_is_drawn_and_a_falling_one_falls(tmp_path, frame):
    path = tmp_path / "reports" / "losses.png"
    lines(path, frame, {"train": "loss", "valid": "val_loss"}, "epoch", "epoch", "loss", "Loss by epoch")
    assert inked(path, COLOURS[1]).any()
    # The legend, on the right, has the line's colour as well, so look at the left two thirds.
    rows, columns = np.nonzero(inked(path, COLOURS[0])[:, :570])
    assert rows[columns.argmin()] < rows[columns.argmax()]


def test_the_same_numbers_give_the_same_bytes_and_no_part_is_left(tmp_path, frame):
    for name in ("a.png", "b.png"):
        lines(tmp_path / name, frame, {"train": "loss"}, "epoch", "epoch", "loss", "Loss")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_one_epoch_alone_is_still_seen(tmp_path, frame):
    path = tmp_path / "one.png"
    lines(path, frame.head(1), {"train": "loss"}, "epoch", "epoch", "loss", "Loss")
    # A lone point stands in the middle; the legend with the same colour is in a corner.
    assert inked(path, COLOURS[0])[:, 300:570].sum() > 10

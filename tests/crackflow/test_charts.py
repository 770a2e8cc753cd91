import matplotlib.image as mpimg
import numpy as np
import pandas as pd
import pytest

from crackflow.charts import COLOURS, lines, precision_recall, subsets_and_sources


def rgb(name):
    return np.array([int(name[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def inked(path, colour):
    """Pixels of exactly this colour, 0 to 1 per channel, in the picture at `path`."""
    return (np.abs(mpimg.imread(path)[..., :3] - rgb(colour)) < 1 / 255).all(-1)


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


def test_the_operating_point_stands_where_precision_and_recall_say(tmp_path):
    table = pd.DataFrame({"recall": [1.0, 0.5, 0.0], "precision": [0.5, 0.9, np.nan]})
    places = {}
    for name, point in (("low", (0.25, 0.5)), ("high", (0.75, 0.9))):
        precision_recall(tmp_path / name, table, point, "threshold 0.5")
        rows, columns = np.nonzero(inked(tmp_path / name, COLOURS[1])[:480])
        places[name] = (rows.mean(), columns.mean())
    assert places["high"][0] < places["low"][0]
    assert places["high"][1] > places["low"][1]


def test_bars_are_as_long_as_their_counts(tmp_path):
    table = pd.DataFrame({"train": [30, 10], "valid": [10, 0], "test": [10, 0]}, index=["road", "wall"])
    subsets_and_sources(tmp_path / "bars.png", table)
    train = inked(tmp_path / "bars.png", COLOURS[0])
    # Right of the left chart and below the legend: 30 and 10 train images as two bars, the longer one above.
    lengths = train[80:, train.shape[1] // 3 :].sum(axis=1)
    bars = [bar for bar in np.split(lengths, np.flatnonzero(np.diff(lengths > 0)) + 1) if bar.max() > 0]
    assert len(bars) == 2
    assert np.median(bars[0]) / np.median(bars[1]) == pytest.approx(3, rel=0.05)


def test_one_source_alone_gets_a_chart_too(tmp_path):
    table = pd.DataFrame({"train": [3], "valid": [1], "test": [1]}, index=["photos"])
    subsets_and_sources(tmp_path / "bars.png", table)
    assert inked(tmp_path / "bars.png", COLOURS[0]).any()

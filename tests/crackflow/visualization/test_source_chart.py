import matplotlib.image as mpimg
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from crackflow.visualization.charts import COLOURS
from crackflow.visualization.source_chart import subsets_and_sources


def inked(path, colour):
    """Pixels of exactly this colour in the picture at `path`."""
    return (np.abs(mpimg.imread(path)[..., :3] - np.array(to_rgb(colour))) < 1 / 255).all(-1)


def test_bars_are_as_long_as_their_counts(tmp_path):
    table = pd.DataFrame({"train": [30, 10], "valid": [10, 0], "test": [10, 0]}, index=["road", "wall"])
    subsets_and_sources(tmp_path / "bars.png", table, {"road": 0.04, "wall": 0.01})
    train = inked(tmp_path / "bars.png", COLOURS[0])
    # Right of the left chart and below the legend: 30 and 10 train images as two bars, the longer one above.
    lengths = train[80:, int(0.28 * train.shape[1]) :].sum(axis=1)
    bars = [bar for bar in np.split(lengths, np.flatnonzero(np.diff(lengths > 0)) + 1) if bar.max() > 0]
    assert len(bars) == 2
    assert np.median(bars[0]) / np.median(bars[1]) == pytest.approx(3, rel=0.05)


def test_crack_shares_are_drawn_to_scale(tmp_path):
    table = pd.DataFrame({"train": [30, 10], "valid": [10, 0], "test": [10, 0]}, index=["road", "wall"])
    subsets_and_sources(tmp_path / "bars.png", table, {"road": 0.04, "wall": 0.01})
    lengths = inked(tmp_path / "bars.png", "#595959")[80:].sum(axis=1)
    bars = [bar for bar in np.split(lengths, np.flatnonzero(np.diff(lengths > 40)) + 1) if bar.max() > 40]
    assert len(bars) == 2
    assert np.median(bars[0]) / np.median(bars[1]) == pytest.approx(4, rel=0.05)


def test_one_source_alone_gets_a_chart_too(tmp_path):
    table = pd.DataFrame({"train": [3], "valid": [1], "test": [1]}, index=["photos"])
    subsets_and_sources(tmp_path / "bars.png", table, {"photos": 0.0})
    assert inked(tmp_path / "bars.png", COLOURS[0]).any()

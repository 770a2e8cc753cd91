import matplotlib.image as mpimg
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from crackflow.visualization.charts import COLOURS
from crackflow.visualization.width_chart import thickness_by_source


def drawn(path, colour):
    return (np.abs(mpimg.imread(path)[..., :3] - np.array(to_rgb(colour))) < 1 / 255).all(-1)


def test_ranges_are_as_long_as_their_ratios(tmp_path):
    """On a scale of ratios 2..8 px is as long as 10..40 px, and 5..10 px half as long."""
    table = pd.DataFrame(
        {"masks": [9, 9, 9], "p10": [2, 5, 10], "median": [4, 7, 20], "p90": [8, 10, 40]},
        index=["thin", "mid", "thick"],
    )
    thickness_by_source(tmp_path / "chart.png", table)
    bars = drawn(tmp_path / "chart.png", COLOURS[5])
    rows = np.flatnonzero(bars.sum(axis=1) > 60)
    rows = rows[rows > 60]
    lengths = [
        np.ptp(np.flatnonzero(bars[part].any(0))) for part in np.split(rows, np.flatnonzero(np.diff(rows) > 5) + 1)
    ]
    assert len(lengths) == 3
    assert lengths[0] == pytest.approx(lengths[2], rel=0.03)
    assert lengths[1] == pytest.approx(lengths[0] / 2, rel=0.05)


def test_no_mask_at_all_is_said(tmp_path):
    table = pd.DataFrame({"masks": [], "p10": [], "median": [], "p90": []}, dtype=float)
    thickness_by_source(tmp_path / "chart.png", table)
    assert (mpimg.imread(tmp_path / "chart.png")[..., :3] < 0.3).any()

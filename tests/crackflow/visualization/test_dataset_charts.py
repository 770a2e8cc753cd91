import matplotlib.image as mpimg
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy import ndimage

from crackflow.visualization.charts import COLOURS
from crackflow.visualization.dataset_charts import subsets_and_sources, thickness_by_source


def inked(path, colour):
    """Pixels of exactly this colour in the picture at `path`."""
    return (np.abs(mpimg.imread(path)[..., :3] - np.array(to_rgb(colour))) < 1 / 255).all(-1)


def areas_of(mask):
    """Height and width of each connected area of a bool picture, the largest area first."""
    labels, _ = ndimage.label(mask)
    boxes = [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in ndimage.find_objects(labels)]
    return sorted(boxes, key=lambda box: box[0] * box[1], reverse=True)


def test_bars_are_as_long_as_their_counts(tmp_path):
    table = pd.DataFrame({"train": [30, 10], "valid": [10, 0], "test": [10, 0]}, index=["road", "wall"])
    subsets_and_sources(tmp_path / "bars.png", table, {"road": 0.04, "wall": 0.01})
    # of the colour of train: the standing bar of the subset, a lying one for each source, and the sample of the legend
    *bars, legend = areas_of(inked(tmp_path / "bars.png", COLOURS[0]))
    assert len(bars) == 3
    assert legend[0] < min(height for height, _ in bars)
    (standing,) = (bar for bar in bars if bar[0] > bar[1])
    longer, shorter = (width for height, width in bars if (height, width) != standing)
    assert longer / shorter == pytest.approx(3, rel=0.05)


def test_crack_shares_are_drawn_to_scale(tmp_path):
    table = pd.DataFrame({"train": [30, 10], "valid": [10, 0], "test": [10, 0]}, index=["road", "wall"])
    subsets_and_sources(tmp_path / "bars.png", table, {"road": 0.04, "wall": 0.01})
    # edges of letters may have this colour too
    road, wall, *letters = areas_of(inked(tmp_path / "bars.png", "#595959"))
    assert all(height < wall[0] / 2 for height, _ in letters)
    assert road[1] / wall[1] == pytest.approx(4, rel=0.05)


def test_one_source_alone_gets_a_chart_too(tmp_path):
    table = pd.DataFrame({"train": [3], "valid": [1], "test": [1]}, index=["photos"])
    subsets_and_sources(tmp_path / "bars.png", table, {"photos": 0.0})
    assert inked(tmp_path / "bars.png", COLOURS[0]).any()


def test_ranges_are_as_long_as_their_ratios(tmp_path):
    """On a scale of ratios 2..8 px is as long as 10..40 px, and 5..10 px half as long."""
    table = pd.DataFrame(
        {"masks": [9, 9, 9], "p10": [2, 5, 10], "median": [4, 7, 20], "p90": [8, 10, 40]},
        index=["thin", "mid", "thick"],
    )
    thickness_by_source(tmp_path / "chart.png", table)
    bars = inked(tmp_path / "chart.png", COLOURS[5])
    # a run of rows for each line: the sample of the legend above the chart, then a line for each source
    runs = [rows for (rows,) in ndimage.find_objects(ndimage.label(bars.any(axis=1))[0])]
    assert len(runs) == 4
    lengths = [np.ptp(np.flatnonzero(bars[rows].any(axis=0))) for rows in runs[1:]]
    assert lengths[0] == pytest.approx(lengths[2], rel=0.03)
    assert lengths[1] == pytest.approx(lengths[0] / 2, rel=0.05)


def middle_of_the_chart(path):
    """A box well within the axes: only what is drawn there is in it, no frame, title, tick or name."""
    picture = mpimg.imread(path)[..., :3]
    height, width = picture.shape[:2]
    return picture[round(0.3 * height) : round(0.6 * height), round(0.3 * width) : round(0.7 * width)]


def test_without_a_mask_the_chart_says_so_in_its_middle(tmp_path):
    table = pd.DataFrame({"masks": [], "p10": [], "median": [], "p90": []}, dtype=float)
    thickness_by_source(tmp_path / "none.png", table)
    assert (middle_of_the_chart(tmp_path / "none.png") < 0.3).all(-1).sum() > 100
    # Words of the median's value are the only black ink of a chart with masks; they stand right of the middle here.
    some = pd.DataFrame({"masks": [9], "p10": [2], "median": [4], "p90": [8]}, index=["road"])
    thickness_by_source(tmp_path / "some.png", some)
    assert not (middle_of_the_chart(tmp_path / "some.png") < 0.3).all(-1).any()

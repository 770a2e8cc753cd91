import matplotlib.image as mpimg
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from crackflow.visualization.charts import COLOURS
from crackflow.visualization.threshold_chart import Spot, precision_recall


def inked(path, colour):
    """Pixels of exactly this colour in the picture at `path`."""
    return (np.abs(mpimg.imread(path)[..., :3] - np.array(to_rgb(colour))) < 1 / 255).all(-1)


def test_the_operating_point_stands_where_precision_and_recall_say(tmp_path):
    table = pd.DataFrame({"recall": [1.0, 0.5, 0.0], "precision": [0.5, 0.9, np.nan]})
    places = {}
    for name, point in (("left", (0.25, 0.9)), ("right", (0.75, 0.5))):
        precision_recall(tmp_path / name, table, Spot(*point, "threshold 0.5"))
        rows, columns = np.nonzero(inked(tmp_path / name, COLOURS[1])[:480])
        places[name] = (rows.mean(), columns.mean())
    # Rows count from the top: the left point is the higher one.
    assert places["left"][0] < places["right"][0]
    assert places["left"][1] < places["right"][1]


def test_the_filtered_point_is_shown_beside_the_threshold_alone(tmp_path):
    table = pd.DataFrame({"recall": [1.0, 0.5], "precision": [0.5, 0.9]})
    used = Spot(0.4, 0.95, "filtered")
    precision_recall(tmp_path / "one", table, used)
    precision_recall(tmp_path / "both", table, used, Spot(0.5, 0.9, "alone"))
    # A ring and the line to it besides the dot.
    assert inked(tmp_path / "both", COLOURS[1]).sum() > inked(tmp_path / "one", COLOURS[1]).sum() + 20

"""Stage statistics: what the data looks like, before anything is trained on it."""

import pandas as pd

from crackflow.charts import subsets_and_sources
from crackflow.errors import DataError
from crackflow.images import encode_classes, read_image, read_stored_mask, write_png
from crackflow.params import Params
from crackflow.progress import track
from crackflow.sheets import Picture, sheet
from crackflow.summary import by_source_and_subset, spread, summary
from tasks.outputs import write_json
from tasks.workspace import Workspace

COLUMNS = 6
PICTURE_WIDTH = 192


def run(workspace: Workspace, params: Params) -> None:
    """Count, chart and show the pairs.

    Args:
        workspace: data/resized, data/resized.csv and data/split.csv are read; four reports are written.
        params: classes, resize.size and statistics are read.

    Raises:
        DataError: when there is no train pair.
    """
    resized = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    stems = spread(split[split["subset"] == "train"], params.statistics.sheet_images)
    if not stems:
        raise DataError("data/split.csv has no train pair; add pairs or raise split.shares.train")
    shares = resized.set_index("stem")["crack_share"]
    images, masks = [], []
    for stem in track(stems, "statistics: sheets"):
        images.append(read_image(workspace.resized / "images" / f"{stem}.png"))
        mask = read_stored_mask(workspace.resized / "masks" / f"{stem}.png", len(params.classes))
        masks.append(encode_classes(mask, len(params.classes)))
    write_png(workspace.reports / "sample_images.png", _sheet(images, stems))
    captions = [f"crack {100 * float(shares[stem]):.2f} %" for stem in stems]
    write_png(workspace.reports / "sample_masks.png", _sheet(masks, captions))
    subsets_and_sources(workspace.reports / "Crack_Statistics.png", by_source_and_subset(split))
    write_json(workspace.reports / "dataset.json", {"resized_to": params.resize.size, **summary(resized, split)})


def _sheet(pictures: list[Picture], captions: list[str]) -> Picture:
    starts = range(0, len(pictures), COLUMNS)
    rows = [pictures[start : start + COLUMNS] for start in starts]
    return sheet(rows, [captions[start : start + COLUMNS] for start in starts], (), PICTURE_WIDTH)

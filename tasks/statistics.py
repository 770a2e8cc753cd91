"""Stage statistics: what the data looks like, before anything is trained on it."""

import pandas as pd

from crackflow.errors import DataError
from crackflow.examples import pick_examples
from crackflow.images import encode_classes, read_image, read_stored_mask, write_png
from crackflow.params import Params
from crackflow.progress import track
from crackflow.sheets import Picture, sheet
from crackflow.source_chart import subsets_and_sources
from crackflow.summary import by_source_and_subset, summary
from tasks.outputs import write_json
from tasks.workspace import Workspace

COLUMNS = 6
PICTURE_WIDTH = 192
# The sheets show the same pairs each time; which ones is of no consequence, so it is no parameter.
SEED = 0


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
    train = split[split["subset"] == "train"]
    if train.empty:
        raise DataError("data/split.csv has no train pair; add pairs or raise split.shares.train")
    usable = resized[resized["refused"] == ""]
    shares = dict(zip(usable["stem"], usable["crack_share"].astype(float), strict=True))
    groups = dict(zip(train["stem"], train["group"], strict=True))
    sources = dict(zip(train["stem"], train["source"], strict=True))
    empty = {stem: shares[stem] == 0 for stem in sources}
    chosen = pick_examples(groups, sources, empty, params.statistics.sheet_images, SEED)
    stems = sorted(chosen, key=lambda stem: (sources[stem], stem))
    images, masks = [], []
    for stem in track(stems, "statistics: sheets"):
        images.append(read_image(workspace.resized / "images" / f"{stem}.png"))
        mask = read_stored_mask(workspace.resized / "masks" / f"{stem}.png", len(params.classes))
        masks.append(encode_classes(mask, len(params.classes)))
    write_png(workspace.reports / "sample_images.png", _sheet(images, stems))
    captions = [f"crack {100 * shares[stem]:.2f} %" for stem in stems]
    write_png(workspace.reports / "sample_masks.png", _sheet(masks, captions))
    subsets_and_sources(workspace.reports / "Crack_Statistics.png", by_source_and_subset(split))
    write_json(workspace.reports / "dataset.json", {"resized_to": params.resize.size, **summary(resized, split)})


def _sheet(pictures: list[Picture], captions: list[str]) -> Picture:
    starts = range(0, len(pictures), COLUMNS)
    rows = [pictures[start : start + COLUMNS] for start in starts]
    return sheet(rows, [captions[start : start + COLUMNS] for start in starts], (), PICTURE_WIDTH)

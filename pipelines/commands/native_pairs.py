"""The pairs of `crackflow score --native`: read as stage resize reads them, and kept at their own size."""

import json

import pandas as pd

from crackflow.errors import ImageError
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.masks import CodeError, read_pair
from crackflow.imaging.perceptual_hash import perceptual_hash
from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads
from crackflow.params import Params
from crackflow.progress import track
from tasks.outputs import write_csv
from tasks.workspace import Workspace


def run(workspace: Workspace, params: Params) -> None:
    """Write data/resized and the columns of data/resized.csv that scoring reads.

    Args:
        workspace: holds data/raw.
        params: `classes` are read.

    Raises:
        DataError: when a mask holds codes beside class numbers.
    """
    colours = tuple(params.classes.values())
    listed = pd.read_csv(workspace.raw / "pairs.csv", dtype=str, keep_default_na=False).sort_values("stem")

    def keep(pair: tuple[str, str, str]) -> dict[str, str]:
        stem, image, mask = pair
        try:
            photo, truth = read_pair(workspace.raw / "images" / image, workspace.raw / "masks" / mask, colours)
        except CodeError:
            # as stage resize: other masks of the set hold the code alone, and would be read as levels
            raise
        except ImageError as error:
            return {"stem": stem, "photograph": stem, "phash": "", "rejected": str(error)}
        write_png(workspace.resized / "images" / f"{stem}.png", photo)
        write_png(workspace.resized / "masks" / f"{stem}.png", encode_classes(truth.classes, len(colours)))
        return {"stem": stem, "photograph": stem, "phash": perceptual_hash(photo), "rejected": ""}

    pairs = listed[["stem", "image", "mask"]].itertuples(index=False, name=None)
    rows = list(track(fan_out(Threads(), keep, pairs), "read", len(listed), unit="pair"))
    rejected = json.loads(workspace.raw_json.read_text(encoding="utf-8"))["rejected"]
    rows += [
        {"stem": one["name"], "photograph": one["name"], "phash": "", "rejected": one["reason"]} for one in rejected
    ]
    write_csv(workspace.resized_csv, pd.DataFrame(rows))

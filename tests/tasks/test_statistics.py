import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from crackflow.errors import DataError
from crackflow.imaging.images import read_image, read_stored_mask, write_png
from crackflow.visualization.overlays import LINE
from tasks import statistics

GRAPH = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def test_dataset_json_counts_pairs_and_rejections(made, params):
    statistics.run(made, params)
    found = json.loads((made.reports / "dataset.json").read_text())
    assert found["resized_to"] == 64
    assert found["pairs"] == 32
    assert {subset: values["pairs"] for subset, values in found["subsets"].items()} == {
        "train": 16,
        "valid": 8,
        "test": 8,
    }
    assert found["sources"]["noncrack"]["empty_masks"] == 8
    assert found["sizes"] == {"448x448": 28, "544x448": 4}
    assert found["rejected"] == [{"name": "broken", "reason": "broken.jpg is truncated or not an image"}]
    assert found["masks"]["kinds"] == {"levels": 32}
    assert found["duplicates"] == {
        "distance": 60,
        "pairs": 1,
        "names_do_not_tell": 1,
        "turned": 1,
        "in_two_subsets": 0,
        "by_features": 0,
    }
    assert found["split"]["leaks"]["random"]["test_leaked"] == 6
    # cracks are a walk of 3 px, seen across 3 where it is level and 3 / sqrt(2) where it is slanted
    assert 3 / 2**0.5 - 0.1 < found["sources"]["CFD"]["thickness"]["median"] < 3
    assert "thickness" not in found["sources"]["noncrack"]


def test_a_mask_that_was_moved_is_ranked_first(made, params):
    path = made.resized / "masks" / "CFD_001.png"
    write_png(path, np.roll(read_stored_mask(path, 2), 20, axis=0) * 255)
    statistics.run(made, params)
    table = pd.read_csv(made.reports / "suspicious.csv", dtype={"stem": str}, keep_default_na=False, na_values=[""])
    assert len(table) == 32
    assert table["rank"].tolist() == list(range(1, 33))
    assert table.loc[0, ["stem", "source", "subset", "reason"]].tolist() == ["CFD_001", "CFD", "train", "shows nothing"]
    assert (table["score"].iloc[1:] < 0.5).all()
    found = json.loads((made.reports / "dataset.json").read_text())["labels"]
    assert (found["suspicious"], found["shown"]) == (1, (table["score"] > 0).sum())


def test_a_mask_of_another_photograph_is_named(made, params):
    shutil.copyfile(made.resized / "masks" / "CFD_003.png", made.resized / "masks" / "CFD_005.png")
    statistics.run(made, params)
    table = pd.read_csv(made.reports / "suspicious.csv", dtype=str, keep_default_na=False).set_index("stem")
    twins = table["same_mask_as"]
    assert twins[twins != ""].to_dict() == {"CFD_003": "CFD_005", "CFD_005": "CFD_003"}
    assert json.loads((made.reports / "dataset.json").read_text())["labels"]["same_mask"] == 2


def enlarged(path):
    """A stored picture of 64 px as sheets of 192 px show it."""
    return read_image(path).repeat(3, axis=0).repeat(3, axis=1)


def test_near_duplicates_are_shown_side_by_side(made, params, place_of):
    statistics.run(made, params)
    sheet = read_image(made.reports / "duplicates.png")
    one, other = (enlarged(made.resized / "images" / f"CFD_00{number}.png") for number in range(2))
    (top, left), (other_top, other_left) = place_of(sheet, one), place_of(sheet, other)
    assert top == other_top
    assert left + 192 < other_left < left + 250


def test_without_duplicates_the_picture_is_blank(made, params):
    proof = json.loads(made.split_json.read_text())
    made.split_json.write_text(json.dumps({**proof, "duplicates": []}))
    statistics.run(made, params)
    assert (read_image(made.reports / "duplicates.png") == 255).all()


def test_the_sheets_show_train_images_and_their_masks_in_the_same_places(made, params, place_of):
    statistics.run(made, params)
    names = ("images", "masks", "overlays")
    images, masks, overlays = (read_image(made.reports / f"sample_{name}.png") for name in names)
    assert images.shape == masks.shape == overlays.shape
    split = pd.read_csv(made.split_csv, dtype=str)
    stems = list(split.stem[split.subset == "train"])
    places = [place_of(images, enlarged(made.resized / "images" / f"{stem}.png")) for stem in stems]
    assert len(places) == 16
    assert len({top for top, _ in places}) == 3, "16 pairs fill three rows of 6, 6 and 4"
    cells = [(slice(top, top + 192), slice(left, left + 192)) for top, left in places]
    for stem, cell in zip(stems, cells, strict=True):
        assert (masks[cell] == enlarged(made.resized / "masks" / f"{stem}.png")).all()
    cracked = 0
    for cell in cells:
        mask, image = masks[cell][..., 0], images[cell][..., 0]
        assert set(np.unique(mask)) <= {0, 255}
        if mask.any():
            cracked += 1
            assert image[mask == 255].mean() < image[mask == 0].mean() - 60
            assert (overlays[cell] == LINE).all(-1).sum() > 500
            assert (overlays[cell][mask == 255] == images[cell][mask == 255]).mean() > 0.9
        else:
            assert (overlays[cell] == images[cell]).all()
    assert cracked == 12


def test_the_chart_is_drawn(made, params):
    statistics.run(made, params)
    chart = read_image(made.reports / "Crack_Statistics.png")
    # The three subsets' colours are all there.
    for colour in ((0, 114, 178), (213, 94, 0), (0, 158, 115)):
        assert (chart == colour).all(-1).sum() > 500


def test_two_runs_give_the_same_bytes(made, params):
    names = [path.name for path in map(Path, GRAPH["statistics"]["outs"])]
    statistics.run(made, params)
    first = [(made.reports / name).read_bytes() for name in names]
    statistics.run(made, params)
    assert [(made.reports / name).read_bytes() for name in names] == first
    assert sorted(path.name for path in made.reports.iterdir()) == sorted(names)


def test_no_train_pair_is_said(made, params):
    made.split_csv.write_text(made.split_csv.read_text().replace(",train,", ",valid,"))
    with pytest.raises(DataError, match="no train pair"):
        statistics.run(made, params)

import json

import numpy as np
import pandas as pd
import pytest

from crackflow.errors import DataError
from crackflow.imaging.images import read_image, read_stored_mask
from crackflow.visualization.overlays import overlay
from tasks import infer


@pytest.fixture
def ready(made):
    made.operating_point.write_text(json.dumps({"threshold": 0.25}))
    return made


def test_each_mini_test_pair_gets_its_four_pictures(ready, params):
    infer.run(ready, params)
    split = pd.read_csv(ready.split_csv, dtype=str)
    stems = sorted(split.stem[split.mini_test == "1"])
    folder = ready.reports / "mini_test"
    for name in ("images", "masks", "predicted", "overlays"):
        assert sorted(path.stem for path in (folder / name).iterdir()) == stems
    for stem in stems:
        for side in ("images", "masks"):
            assert (folder / side / f"{stem}.png").read_bytes() == (ready.resized / side / f"{stem}.png").read_bytes()


def test_predictions_follow_the_operating_point(ready, params):
    infer.run(ready, params)
    folder = ready.reports / "mini_test"
    image = read_image(folder / "images" / "CFD_007.png")
    predicted = read_stored_mask(folder / "predicted" / "CFD_007.png", 2)
    # 1 / (1 + exp((level - 110) / 10)) > 0.25 where level < 110 + 10 log 3, about 120.99
    assert (predicted == (image[..., 0] < 120.9)).all()
    truth = read_stored_mask(folder / "masks" / "CFD_007.png", 2)
    assert (read_image(folder / "overlays" / "CFD_007.png") == overlay(image, truth, predicted)).all()


def test_small_components_are_removed_as_the_operating_point_says(ready, params):
    ready.operating_point.write_text(json.dumps({"threshold": 0.25, "smallest_share": 0.02, "flips": True}))
    infer.run(ready, params)
    folder = ready.reports / "mini_test"
    level = read_image(folder / "images" / "noncrack_wall_7.png")[..., 0]
    assert (level < 120.9).any()
    # of 4,096 px a fiftieth is 82; noise makes no component that large, the crack of 64 columns by 3 does
    assert not read_stored_mask(folder / "predicted" / "noncrack_wall_7.png", 2).any()
    assert read_stored_mask(folder / "predicted" / "CFD_007.png", 2).sum() > 82


def test_the_sheet_has_a_row_a_pair_and_a_column_a_kind(ready, params, place_of):
    infer.run(ready, params)
    folder = ready.reports / "mini_test"
    sheet = read_image(folder / "sheet.png")
    times = params.infer.sheet_width // 64
    tops = []
    for image in sorted((folder / "images").iterdir()):
        enlarged = [
            read_image(folder / kind / image.name).repeat(times, axis=0).repeat(times, axis=1)
            for kind in ("images", "overlays")
        ]
        (top, left), (overlay_top, overlay_left) = (place_of(sheet, picture) for picture in enlarged)
        assert top == overlay_top
        assert left + 3 * params.infer.sheet_width < overlay_left
        tops.append(top)
    assert len(tops) == 8
    assert min(np.diff(tops)) > params.infer.sheet_width


def test_no_mini_test_pair_is_said(ready, params):
    ready.split_csv.write_text(ready.split_csv.read_text().replace(",test,1", ",test,0"))
    with pytest.raises(DataError, match="mini_test"):
        infer.run(ready, params)

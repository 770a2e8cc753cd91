import json

import numpy as np
import pytest

from crackflow.errors import DataError
from crackflow.images import read_image
from tasks import statistics


def test_dataset_json_counts_pairs_and_refusals(made, params):
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
    assert found["refused"] == [{"name": "broken", "reason": "broken.jpg is truncated or not an image"}]


def test_the_sheets_show_train_images_and_their_masks_in_the_same_places(made, params):
    statistics.run(made, params)
    images, masks = (read_image(made.reports / f"sample_{name}.png") for name in ("images", "masks"))
    # 16 train pairs: three rows of 6, 6 and 4 pictures of 192 px.
    assert images.shape == masks.shape == (8 + 3 * (192 + 22 + 8), 8 + 6 * (192 + 8), 3)
    cells = [
        (slice(8 + row * 222, 8 + row * 222 + 192), slice(8 + column * 200, 200 + column * 200))
        for row in range(3)
        for column in range(6)
    ][:16]
    cracked = 0
    for cell in cells:
        mask, image = masks[cell][..., 0], images[cell][..., 0]
        assert set(np.unique(mask)) <= {0, 255}
        if mask.any():
            cracked += 1
            assert image[mask == 255].mean() < image[mask == 0].mean() - 60
    assert cracked == 12


def test_the_chart_is_drawn(made, params):
    statistics.run(made, params)
    chart = read_image(made.reports / "Crack_Statistics.png")
    # The three subsets' colours are all there.
    for colour in ((0, 114, 178), (213, 94, 0), (0, 158, 115)):
        assert (chart == colour).all(-1).sum() > 500


def test_two_runs_give_the_same_bytes(made, params):
    names = ("dataset.json", "Crack_Statistics.png", "sample_images.png", "sample_masks.png")
    statistics.run(made, params)
    first = [(made.reports / name).read_bytes() for name in names]
    statistics.run(made, params)
    assert [(made.reports / name).read_bytes() for name in names] == first
    assert sorted(path.name for path in made.reports.iterdir()) == sorted(names)


def test_no_train_pair_is_said(made, params):
    made.split_csv.write_text(made.split_csv.read_text().replace(",train,", ",valid,"))
    with pytest.raises(DataError, match="no train pair"):
        statistics.run(made, params)

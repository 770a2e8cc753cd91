"""A small workspace as the stages before evaluate leave it, with a model whose predictions follow from a formula."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from crackflow.imaging.images import encode_classes, write_png
from crackflow.models import seen_pairs
from crackflow.params import Params, render
from tasks import resize
from tasks.workspace import Workspace

SIDE = 64
# Pavement is about 160, cracks about 60. The model's crack probability is 1 / (1 + exp((level - 110) / 10)).
MIDDLE, SLOPE = 110, 10

SUBSETS = ("train",) * 4 + ("valid",) * 2 + ("test",) * 2
STEMS = {
    "CFD": [f"CFD_{number:03d}" for number in range(8)],
    "CRACK500": [f"CRACK500_2016_{number}_1" for number in range(8)],
    "noncrack": [f"noncrack_wall_{number}" for number in range(8)],
    # nothing but digits, to be read as text, and one that a link must quote
    "photos": [*(f"1111{number}" for number in range(7)), "my wall #7"],
}

# What split would write, less what no later stage reads.
PROOF = {
    "parents_by_name": 32,
    "protocol": "grouped",
    "pairs": 32,
    "duplicate_distance": 60,
    "duplicates": [
        {
            "one": "CFD_000",
            "other": "CFD_001",
            "bits": 12,
            "turn": "mirrored",
            "places": 0,
            "same_parent": False,
            "subsets": ["train", "train"],
        }
    ],
    "leaks": {
        "this": {
            "test_pairs": 8,
            "test_sharing_parent": 0,
            "test_with_duplicate": 0,
            "test_leaked": 0,
            "share": 0.0,
            "parents_across": 0,
            "duplicates_across": 0,
        },
        "random": {
            "test_pairs": 8,
            "test_sharing_parent": 5,
            "test_with_duplicate": 2,
            "test_leaked": 6,
            "share": 0.75,
            "parents_across": 9,
            "duplicates_across": 3,
        },
        "official": None,
    },
    "previous": None,
    "set_aside": [],
}


def made_pair(index, cracked):
    rng = np.random.default_rng(index)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    if cracked:
        rows = np.clip(np.cumsum(rng.integers(-1, 2, SIDE)) + SIDE // 2, 1, SIDE - 2)
        for shift in (-1, 0, 1):
            mask[rows + shift, np.arange(SIDE)] = 1
    level = np.where(mask > 0, 60, 160) + rng.normal(0, 18, mask.shape)
    return np.repeat(np.clip(level, 0, 255).astype(np.uint8)[..., None], 3, axis=2), mask


def save_model(path):
    import keras

    conv = keras.layers.Conv2D(2, 1)
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), conv, keras.layers.Softmax()])
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[..., 1] = -1 / (3 * SLOPE)
    conv.set_weights([kernel, np.array([0, MIDDLE / SLOPE], np.float32)])
    path.parent.mkdir(parents=True)
    model.save(path)


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("made"))
    rows, resized = [], []
    for source, stems in STEMS.items():
        for index, (stem, subset) in enumerate(zip(stems, SUBSETS, strict=True)):
            image, mask = made_pair(len(rows), source != "noncrack")
            write_png(workspace.resized / "images" / f"{stem}.png", image)
            write_png(workspace.resized / "masks" / f"{stem}.png", encode_classes(mask, 2))
            mini = int(subset == "test")
            rows.append((stem, stem, source, stem, stem, subset, mini))
            size = 448 if index else 544
            resized.append(
                (stem, stem, "", "", "", size, 448, f"{mask.mean():.6f}", f"{len(rows):016x}", "levels", "0.01", "")
            )
    resized.append(("broken", "broken", "", "", "", "", "", "", "", "", "", "broken.jpg is truncated or not an image"))
    columns = ["stem", "photograph", "source", "parent", "group", "subset", "mini_test"]
    pd.DataFrame(rows, columns=columns).to_csv(workspace.split_csv, index=False)
    pd.DataFrame(resized, columns=resize.COLUMNS).to_csv(workspace.resized_csv, index=False)
    workspace.split_json.write_text(json.dumps(PROOF))
    raw = {
        "source": "folder",
        "origin": "the folder photos",
        "version": "",
        "path": "photos",
        "pairs": 33,
        "given": {},
        "bytes": 1,
        "sha256": "0" * 64,
    }
    workspace.raw_json.write_text(json.dumps({**raw, "rejected": []}))
    (workspace.root / "params.yaml").write_text(render(small_params()))
    save_model(workspace.model)
    trained = [
        stem for stems in STEMS.values() for stem, subset in zip(stems, SUBSETS, strict=True) if subset == "train"
    ]
    workspace.trained_on.write_text(seen_pairs.render(trained))
    return workspace


def small_params():
    return Params.model_validate({"resize": {"size": SIDE}, "train": {"crop": SIDE}})


@pytest.fixture
def params():
    return small_params()


@pytest.fixture
def made(tmp_path, _made_once):
    """A workspace of its own: 4 sources of 8 pairs of 64 px (4 train, 2 valid, 2 test), one of them crack-free."""
    shutil.copytree(_made_once.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")

import hashlib
import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from dvclive.live import Live

from crackflow.errors import DataError
from crackflow.imaging.images import encode_classes, read_image, write_png
from crackflow.models.seen_pairs import read_hashes
from crackflow.params import FlexUNetParams, Params, ResizeParams, TrainParams
from tasks import train
from tasks.workspace import Workspace

PARAMS = Params(
    resize=ResizeParams(size=32),
    # few weights and a plain optimizer, since making the graph takes time for each weight
    model=FlexUNetParams(base_filters=4, base_kernels=(3, 3), num_layers=2, decoder_convs=1, normalization="none"),
    train=TrainParams(epochs=2, steps_per_epoch=2, batch_size=2, crop=16, num_infer_images=2, optimizer="sgd"),
)


@pytest.fixture(scope="module")
def _resized(tmp_path_factory):
    """Six train, two valid and three test pairs of 32 px, all of which are mini_test."""
    root = tmp_path_factory.mktemp("resized")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(11):
        stem, subset = f"CFD_{i:03d}", "train" if i < 6 else "valid" if i < 8 else "test"
        mask = np.zeros((32, 32), np.uint8)
        mask[:, 10 + i : 12 + i] = 1
        image = rng.integers(120, 200, (32, 32, 3)).astype(np.uint8)
        image[mask == 1] = 20
        write_png(root / "data/resized/images" / f"{stem}.png", image)
        write_png(root / "data/resized/masks" / f"{stem}.png", encode_classes(mask, 2))
        rows.append((stem, stem, "CFD", stem, stem, subset, int(subset == "test")))
    columns = ["stem", "photograph", "source", "parent", "group", "subset", "mini_test"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "data/split.csv", index=False)
    return root


@pytest.fixture(scope="module")
def _trained(_resized, tmp_path_factory):
    root = tmp_path_factory.mktemp("trained") / "workspace"
    shutil.copytree(_resized, root)
    train.run(Workspace(root), PARAMS)
    return root


@pytest.fixture
def workspace(_resized, tmp_path):
    """The pairs before any training."""
    shutil.copytree(_resized, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def trained(_trained, tmp_path):
    """The pairs after a training with PARAMS."""
    shutil.copytree(_trained, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def test_writes_a_plain_model_curves_and_pictures(trained):
    workspace = trained
    model = keras.saving.load_model(workspace.model, custom_objects={})
    assert model.input_shape == (None, 32, 32, 3)
    assert not model.compiled
    expected = {hashlib.sha256(f"CFD_{i:03d}".encode()).hexdigest()[:16] for i in range(6)}
    assert read_hashes(workspace.trained_on) == expected
    losses = pd.read_csv(workspace.reports / "train_losses.csv")
    assert list(losses.columns) == ["epoch", "loss", "val_loss"]
    assert list(losses.epoch) == [1, 2]
    metrics = pd.read_csv(workspace.reports / "train_metrics.csv")
    assert {"epoch", "crack_iou", "val_crack_iou", "dice_coef_multiclass"} <= set(metrics.columns)
    pictures = sorted(path.name for path in (workspace.reports / "epoch_change_infer").iterdir())
    assert pictures == [
        "epoch_001_CFD_008.png",
        "epoch_001_CFD_009.png",
        "epoch_002_CFD_008.png",
        "epoch_002_CFD_009.png",
        "sheet.png",
    ]
    for chart in ("train_losses.png", "train_metrics.png", "epoch_change_infer/sheet.png"):
        assert read_image(workspace.reports / chart).std() > 0


@pytest.mark.usefixtures("eager")
def test_a_training_by_hand_replaces_the_pictures_of_an_earlier_one(trained):
    """DVC would have removed them; `python -m tasks train` by hand removes nothing before it calls `run`."""
    workspace = trained
    published = workspace.reports / "epoch_change_infer"
    states = workspace.root / ".crackflow/state/train"
    earlier = set(states.iterdir())
    # whatever the first training drew, it drew something else
    for path in published.glob("epoch_*.png"):
        path.write_bytes(b"of the earlier training")
    train.run(workspace, PARAMS.model_copy(update={"train": PARAMS.train.model_copy(update={"seed": 1, "epochs": 1})}))
    (state,) = set(states.iterdir()) - earlier
    expected = {path.name: path.read_bytes() for path in (state / "pictures").iterdir()}
    assert set(expected) == {"epoch_001_CFD_008.png", "epoch_001_CFD_009.png"}
    assert {path.name: path.read_bytes() for path in published.glob("epoch_*.png")} == expected
    no_pictures = {"epochs": 1, "num_infer_images": 0}
    train.run(workspace, PARAMS.model_copy(update={"train": PARAMS.train.model_copy(update=no_pictures)}))
    assert [path.name for path in published.iterdir()] == ["README.txt"]


def test_what_was_trained_once_is_published_again_without_training(trained):
    """DVC removes a stage's outputs before it runs; a killed publication must not cost the training."""
    workspace = trained
    first = keras.saving.load_model(workspace.model).get_weights()
    curves = (workspace.reports / "train_losses.csv").read_bytes()
    workspace.model.unlink()
    for path in (workspace.reports / "epoch_change_infer").iterdir():
        path.unlink()
    (workspace.reports / "train_losses.csv").unlink()
    best = next((workspace.root / ".crackflow/state/train").glob("*/best.keras"))
    written = best.stat().st_mtime_ns
    train.run(workspace, PARAMS)
    assert best.stat().st_mtime_ns == written
    again = keras.saving.load_model(workspace.model).get_weights()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (workspace.reports / "train_losses.csv").read_bytes() == curves
    assert len(list((workspace.reports / "epoch_change_infer").iterdir())) == 5


@pytest.mark.usefixtures("eager")
def test_other_pixels_or_other_code_start_anew(workspace, copied_code):
    def keys():
        return {path.name for path in (workspace.root / ".crackflow/state/train").iterdir()}

    params = PARAMS.model_copy(update={"train": PARAMS.train.model_copy(update={"epochs": 1, "num_infer_images": 0})})
    train.run(workspace, params)
    one = keys()
    write_png(workspace.resized / "images/CFD_000.png", np.zeros((32, 32, 3), np.uint8))
    train.run(workspace, params)
    assert len(keys() - one) == 1
    # a test pair is no input of training
    write_png(workspace.resized / "images/CFD_010.png", np.zeros((32, 32, 3), np.uint8))
    two = keys()
    train.run(workspace, params)
    assert keys() == two
    # it draws the pictures that are kept with the checkpoints
    with (copied_code / "crackflow/inference/network.py").open("a") as file:
        file.write("# changed\n")
    train.run(workspace, params)
    assert len(keys() - two) == 1


@pytest.mark.usefixtures("eager")
def test_a_source_is_what_split_csv_says_and_not_what_the_name_says(workspace):
    split = pd.read_csv(workspace.split_csv, dtype=str)
    split["source"] = ["kerb" if stem == "CFD_000" else "road" for stem in split["stem"]]
    split.to_csv(workspace.split_csv, index=False)
    settings = {"draw": {"CFD": 2.0}, "epochs": 1, "num_infer_images": 0}
    params = PARAMS.model_copy(update={"train": PARAMS.train.model_copy(update=settings)})
    with pytest.raises(DataError, match=r"names CFD, which no training pair comes from; expected some of kerb, road"):
        train.run(workspace, params)
    train.run(workspace, params.model_copy(update={"train": params.train.model_copy(update={"draw": {"kerb": 0.0}})}))


@pytest.mark.parametrize(("monitor", "best"), [("val_crack_iou", 2), ("val_loss", 1)])
def test_the_newest_row_and_the_best_epoch_are_what_exp_show_reads(tmp_path, monitor, best):
    """Of two epochs alike the first is the best, as in training; dvclive keeps no table of its own."""
    rows = [
        {"epoch": 1.0, "loss": 3.0, "val_loss": 0.5, "val_crack_iou": 0.1},
        {"epoch": 2.0, "loss": 2.0, "val_loss": 0.6, "val_crack_iou": 0.2},
        {"epoch": 3.0, "loss": 1.0, "val_loss": 0.5, "val_crack_iou": 0.2},
    ]
    live = Live(str(tmp_path / "metrics"), save_dvc_exp=False, dvcyaml=None)
    for epochs in (1, 2, 3):
        train._publish_newest(live, rows[:epochs], TrainParams(monitor=monitor))
    # a process that goes on logs the last epoch again
    again = Live(str(tmp_path / "metrics"), save_dvc_exp=False, dvcyaml=None)
    train._publish_newest(again, rows, TrainParams(monitor=monitor))
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["metrics.json"]
    assert json.loads((tmp_path / "metrics/metrics.json").read_text()) == {
        "loss": 1.0,
        "val_loss": 0.5,
        "val_crack_iou": 0.2,
        "best": {"step": best, monitor: rows[best - 1][monitor]},
        "step": 3,
    }

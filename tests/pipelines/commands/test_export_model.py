"""`crackflow export`, and `crackflow predict` with what it wrote."""

import hashlib
import json
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import onnx
import openvino as ov
import pytest
from typer.testing import CliRunner

from crackflow.params import Params, render
from pipelines.cli import app

SIDE = 32


@pytest.fixture(scope="module")
def _checkout(tmp_path_factory):
    """A model that calls dark pixels a crack, at a point, and a photograph with a dark half."""
    folder = tmp_path_factory.mktemp("checkout")
    pixels = keras.Input((SIDE, SIDE, 3))
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    # the crack's logit is 10 - 0.1 * level, the background's 0
    layer.set_weights([np.array([0, -0.1 / 3] * 3, np.float32).reshape(1, 1, 3, 2), np.array([0, 10], np.float32)])
    (folder / "models").mkdir()
    model.save(folder / "models/flexunet.keras")
    (folder / "models/operating_point.json").write_text(json.dumps({"threshold": 0.4, "smallest_area": 9.0}))
    (folder / "params.yaml").write_text(render(Params()))
    photo = np.full((SIDE, SIDE, 3), 200, np.uint8)
    photo[: SIDE // 2] = 0
    cv2.imwrite(str(folder / "photo.png"), photo)
    return folder


@pytest.fixture
def checkout(_checkout, tmp_path, monkeypatch):
    shutil.copytree(_checkout, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def crackflow(*arguments):
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(("kind", "file"), [("onnx", "model.onnx"), ("openvino", "model.xml")])
def test_an_exported_model_marks_what_the_model_does(kind, file):
    result = crackflow("export", "--format", kind, "--to", "exported")
    assert result.exit_code == 0, result.stderr
    assert "compared with Keras on 12 pictures; difference of probability: largest " in result.stdout
    found = json.loads(Path("exported/metadata.json").read_text())
    assert found["model"] == file
    assert found["operating_point"]["smallest_area"] == 9.0
    assert found["parity"]["changed"] == 0
    assert found["parity"]["marked"] > 0
    expected = crackflow("predict", "photo.png", "--out", "by-keras", "--runtime", "keras")
    assert "with cracks: 1;" in expected.stdout
    for number, runtime in enumerate(["openvino", "onnx"] if kind == "onnx" else ["openvino"]):
        out = f"out{number}"
        result = crackflow("predict", "photo.png", "--out", out, "--model", "exported", "--runtime", runtime)
        assert result.exit_code == 0, result.stderr
        assert "crack above 0.4; components below 9 px removed" in result.stdout
        assert Path(out, "masks/photo.png").read_bytes() == Path("by-keras/masks/photo.png").read_bytes()


@pytest.mark.usefixtures("checkout")
def test_the_files_hold_the_metadata_themselves():
    for kind in ("onnx", "openvino"):
        assert crackflow("export", "--format", kind, "--to", kind).exit_code == 0
    props = {one.key: one.value for one in onnx.load("onnx/model.onnx").metadata_props}
    # what Deepness parses as JSON
    assert json.loads(props["model_type"]) == "Segmentor"
    assert json.loads(props["class_names"]) == {"0": "background", "1": "crack"}
    assert json.loads(props["seg_thresh"]) == 0.4
    assert json.loads(props["tile_size"]) == SIDE
    assert json.loads(props["tiles_overlap"]) == 25
    assert json.loads(props["crackflow"])["operating_point"]["threshold"] == 0.4
    shapes = [[one.dim_value for one in port.type.tensor_type.shape.dim][1:] for port in ports("onnx/model.onnx")]
    assert shapes == [[3, SIDE, SIDE], [1, SIDE, SIDE]]
    kept = ov.Core().read_model("openvino/model.xml").get_rt_info(["crackflow"]).astype(str)
    assert json.loads(kept)["input"]["range"] == [0, 255]


def ports(path):
    graph = onnx.load(path).graph
    return graph.input[0], graph.output[0]


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "tflite", "--to", "new"], "--format tflite, expected one of onnx, openvino; correct it"),
        (["--to", "models"], "models is there and no empty folder; name another one"),
    ],
)
def test_what_can_not_be_written_is_rejected_before_any_work(arguments, message):
    result = crackflow("export", *arguments)
    assert result.exit_code == 2
    assert f"error: {message}" in result.stderr
    assert not Path("new").exists()


@pytest.fixture
def two_exports(checkout):
    """Of two models of one graph: `one`, and `two`, which calls no pixel a crack."""
    assert crackflow("export", "--format", "openvino", "--to", "one").exit_code == 0
    shutil.copytree("one", "two")
    bias, none = (np.array(pair, "<f4").tobytes() for pair in ((0, 10), (99, 0)))
    weights = Path("one/model.bin").read_bytes()
    assert weights.count(bias) == 1
    weights = weights.replace(bias, none)
    Path("two/model.bin").write_bytes(weights)
    found = json.loads(Path("one/metadata.json").read_text())
    Path("two/metadata.json").write_text(json.dumps(found | {"weights_sha256": hashlib.sha256(weights).hexdigest()}))


@pytest.mark.usefixtures("two_exports")
def test_a_model_is_another_where_its_weights_alone_are():
    photo = ("predict", "photo.png", "--out", "out", "--resume", "--model")
    assert crackflow(*photo, "one").exit_code == 0
    assert "1 of them by an earlier run" in crackflow(*photo, "one").stdout
    result = crackflow(*photo, "two")
    assert result.exit_code == 0, result.stderr
    assert "by an earlier run" not in result.stdout
    assert not cv2.imread("out/masks/photo.png").any()


@pytest.mark.usefixtures("two_exports")
@pytest.mark.parametrize("change", ["swapped", "lost", "earlier"])
def test_weights_that_do_not_belong_to_the_model_are_rejected(change):
    if change == "swapped":
        shutil.copy("two/model.bin", "one/model.bin")
        message = "one/model.bin is not the model that metadata.json beside it is of; export it again"
    elif change == "lost":
        Path("one/model.bin").unlink()
        message = "one/model.bin is not the model that metadata.json beside it is of; export it again"
    else:
        found = json.loads(Path("one/metadata.json").read_text())
        del found["weights_sha256"]
        Path("one/metadata.json").write_text(json.dumps(found))
        message = "one/metadata.json does not tell which model.bin belongs to it: an earlier version wrote it; export"
    result = crackflow("predict", "photo.png", "--out", "out", "--model", "one")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr


@pytest.mark.usefixtures("checkout")
def test_a_changed_model_does_not_pass_for_the_exported_one():
    assert crackflow("export", "--format", "openvino", "--to", "exported").exit_code == 0
    with Path("exported/model.xml").open("a") as file:
        file.write(" ")
    result = crackflow("predict", "photo.png", "--out", "out", "--model", "exported")
    assert result.exit_code == 2
    assert "is not the model that metadata.json beside it is of; export it again" in result.stderr

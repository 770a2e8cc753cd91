import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.inference.network import predict
from crackflow.runtimes.choice import RUNTIMES, choose_runtime, load


def test_a_model_with_its_topology_runs_on_openvino_and_another_on_keras(model, tmp_path):
    assert choose_runtime(model) == "openvino"
    assert choose_runtime(model, "keras") == "keras"
    assert choose_runtime(tmp_path / "best.keras") == "keras"
    assert choose_runtime(tmp_path / "model.xml") == choose_runtime(tmp_path / "model.onnx") == "openvino"


@pytest.mark.parametrize(
    ("name", "wanted", "message"),
    [
        ("model.keras", "torch", "the runtime is torch, expected one of openvino, onnx, keras; correct it"),
        ("model.onnx", "keras", "keras does not read model.onnx, expected one of openvino, onnx as runtime"),
        ("model.xml", "onnx", "onnx does not read model.xml, expected one of openvino as runtime"),
    ],
)
def test_a_runtime_that_can_not_be_is_rejected(tmp_path, name, wanted, message):
    with pytest.raises(ModelError, match=message):
        choose_runtime(tmp_path / name, wanted)


def test_all_runtimes_predict_the_same(model, images, tmp_path):
    alone = tmp_path / "best.keras"
    alone.write_bytes(model.read_bytes())
    expected = predict(load(model, "keras"), images, flips=True)
    assert np.ptp(expected[..., 1]) > 0.1
    for path, runtime in ((model, "openvino"), (alone, "openvino"), (model, "onnx")):
        np.testing.assert_allclose(predict(load(path, runtime), images, flips=True), expected, atol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_absent_model_says_so(tmp_path, runtime):
    with pytest.raises(ModelError, match=r"no model at .*best.keras; name another one, or train one first"):
        load(tmp_path / "best.keras", runtime)

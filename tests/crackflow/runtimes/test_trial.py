"""Small models that ask for much: of memory, of time, or the process itself."""

import importlib
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from crackflow.errors import ModelError
from crackflow.runtimes import trial
from crackflow.runtimes.choice import load, open_network

# 160 GB as float32
HUGE = [40_000, 1000, 1000]


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs, [output], **attributes)


def constant(name, value, dtype=np.int64):
    return numpy_helper.from_array(np.array(value, dtype), name)


ONE = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
# what makes `big`, which is then taken times 0
BIG = {
    "constant": [node("ConstantOfShape", ["huge"], "big", value=ONE)],
    "expanded": [node("Expand", ["one", "huge"], "big")],
    "tiled": [node("Tile", ["one", "huge"], "big")],
    "resized": [node("Resize", ["crack", "", "scales"], "big")],
    # as large as the brightest pixel says
    "by the picture": [
        node("ReduceMax", ["pixels"], "brightest"),
        node("Cast", ["brightest"], "whole", to=TensorProto.INT64),
        node("Reshape", ["whole", "single"], "flat"),
        node("Mul", ["flat", "huge"], "size"),
        node("ConstantOfShape", ["size"], "big", value=ONE),
    ],
}


def saved(folder, nodes, result):
    """An .onnx file whose crack is the mean of the colours, and what `nodes` make, which is 0."""
    mean = [node("ReduceMean", ["pixels"], "mean", axes=[1]), node("Sigmoid", ["mean"], "crack")]
    end = [node("Mul", [result, "zero"], "nothing"), node("Add", ["crack", "nothing"], "found")]
    given, found = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, channels, 32, 32))
        for name, channels in (("pixels", 3), ("found", 1))
    )
    constants = [
        constant("huge", HUGE),
        constant("one", [[[1]]], np.float32),
        constant("scales", [1, 1, 10_000, 10_000], np.float32),
        constant("single", [1]),
        constant("turns", 10**13),
        constant("yes", True, np.bool_),
        constant("zero", 0, np.float32),
    ]
    graph = helper.make_graph([*mean, *nodes, *end], "graph", [given], [found], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def big(folder, kind):
    return saved(folder, [*BIG[kind], node("ReduceMax", ["big"], "largest", keepdims=0)], "largest")


def endless(folder):
    """10^13 turns of adding 0 to 0."""
    kinds = (("turn", TensorProto.INT64, []), ("on", TensorProto.BOOL, []), ("sum", TensorProto.FLOAT, []))
    given = [helper.make_tensor_value_info(*one) for one in kinds]
    found = [helper.make_tensor_value_info(f"{name}2", kind, shape) for name, kind, shape in kinds[1:]]
    body = helper.make_graph(
        [node("Identity", ["on"], "on2"), node("Add", ["sum", "sum"], "sum2")], "body", given, found
    )
    return saved(folder, [node("Loop", ["turns", "yes", "zero"], "looped", body=body)], "looped")


@pytest.mark.parametrize("kind", BIG)
def test_openvino_takes_no_more_than_a_model_may_have(tmp_path, kind):
    with pytest.raises(ModelError, match=r"the model's big gives ([\d,]{14,}|as many) numbers .*; name a") as error:
        open_network(big(tmp_path, kind), "openvino")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["constant", "by the picture"])
def test_onnx_runtime_takes_no_more_whatever_the_picture_is(tmp_path, kind):
    network = open_network(big(tmp_path, kind), "onnx")
    with pytest.raises(Exception, match=r"Available memory of .* is smaller than requested bytes of 160000000000"):
        network.predict_on_batch(np.full((1, 32, 32, 3), 255, np.uint8))


def test_another_process_is_told_first(tmp_path):
    with pytest.raises(ModelError, match=r"the model in .*/model\.onnx can't be run: .*, expected one that") as error:
        load(big(tmp_path, "constant"), "onnx")
    assert "\n" not in str(error.value)


def test_an_endless_model_ends(tmp_path):
    with pytest.raises(ModelError, match=r"has no result for one picture after 3 s; expected one sooner"):
        trial.first_try(endless(tmp_path), open_network, "onnx", seconds=3)


def test_weights_that_lie_elsewhere_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(16))
    (tmp_path / "models").mkdir()
    path = saved(tmp_path / "models", [], "zero")
    model = onnx.load(path)
    (zero,) = [one for one in model.graph.initializer if one.name == "zero"]
    zero.ClearField("raw_data")
    zero.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../secret"), ("offset", "0"), ("length", "4")):
        zero.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    for runtime in ("openvino", "onnx"):
        with pytest.raises(ModelError, match="is not a model that"):
            open_network(path, runtime)


@pytest.fixture
def openers(tmp_path, monkeypatch):
    """Functions of a module that another process finds, too."""
    (tmp_path / "openers.py").write_text(
        "import os\n\ndef aborts(path):\n    os.abort()\n\ndef takes_much(path):\n    return bytearray(2**34)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("openers")


def test_a_model_that_ends_its_process_ends_no_other(tmp_path, openers):
    with pytest.raises(ModelError, match=r"a\.onnx ended the process that opened it \(SIGABRT\), as where memory runs"):
        trial.first_try(tmp_path / "a.onnx", openers.aborts)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_model_that_takes_much_memory_is_one_line(tmp_path, openers):
    with pytest.raises(ModelError, match=r"a\.onnx takes more memory .*; expected a model that takes at most 8 GiB"):
        trial.first_try(tmp_path / "a.onnx", openers.takes_much)


def test_nothing_of_the_current_folder_is_run(tmp_path, monkeypatch):
    """A folder of photographs with a module that a library's import would take."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("open('run', 'w')\n")
    load(saved(tmp_path, [], "zero"), "openvino")
    assert not (tmp_path / "run").exists()


def test_weights_in_another_file_are_rejected(tmp_path):
    """A swapped one would pass as the same model, and the name of it could lead anywhere."""
    path = saved(tmp_path, [], "crack")
    model = onnx.load(path)
    onnx.save_model(model, tmp_path / "two.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").is_file()
    for runtime in ("onnx", "openvino"):
        with pytest.raises(ModelError, match=r"two\.onnx has weights in another file, expected all in one"):
            load(tmp_path / "two.onnx", runtime)
        load(path, runtime)

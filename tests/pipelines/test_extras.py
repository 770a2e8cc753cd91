"""A slim install: what predicting needs, and what a command says that needs more."""

import socket
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import cv2
import numpy as np
import pytest

from pipelines.extras import EXTRAS, missing_line
from tasks.code_closure import ROOT

# Runs crackflow where none of the packages of the extras can be imported.
WITHOUT = """
import importlib.util
import sys
from importlib.abc import MetaPathFinder
from pipelines.extras import EXTRAS

GONE = {one for packages in EXTRAS.values() for one in packages} - {"packaging", *sys.argv.pop(1).split(",")}

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
# what is not installed has no spec, and asking for it is no error
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in GONE else find_spec(name, package)
from pipelines.cli import app
app(prog_name="crackflow")
"""


def crackflow(*arguments, folder, installed=()):
    command = [sys.executable, "-c", WITHOUT, ",".join(installed), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_predicting_needs_no_package_of_an_extra(tmp_path):
    photo = np.full((512, 512, 3), 150, np.uint8)
    photo[:, 250:256] = 20
    cv2.imwrite(str(tmp_path / "road.png"), photo)
    found = crackflow("predict", "road.png", "--out", "out", "--format", "geojson", folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "photographs: 1 done;" in found.stdout
    assert cv2.imread(str(tmp_path / "out/masks/road.png"), cv2.IMREAD_UNCHANGED).shape == (512, 512)


@pytest.mark.parametrize(
    "arguments", [["rebuild"], ["doctor"], ["predict", "road.png", "--out", "out", "--runtime", "keras"]]
)
def test_a_command_that_needs_more_names_the_extra(tmp_path, arguments):
    cv2.imwrite(str(tmp_path / "road.png"), np.zeros((64, 64, 3), np.uint8))
    found = crackflow(*arguments, folder=tmp_path)
    assert found.returncode == 2
    lines = found.stderr.splitlines()
    assert lines[-1].startswith("error: this needs "), found.stderr
    assert lines[-1].endswith("install crackflow with its extra train: pip install 'crackflow[train]'")
    assert "Traceback" not in found.stderr


def test_the_page_needs_its_own_extra_alone(tmp_path):
    found = crackflow("app", folder=tmp_path)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].endswith("with its extra app: pip install 'crackflow[app]'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # the port is asked for when the model is loaded and the server is made
        found = crackflow("app", "--port", str(port), folder=tmp_path, installed=EXTRAS["app"])
    assert (found.returncode, found.stdout.count("\n")) == (2, 1)
    assert found.stderr.splitlines()[-1].startswith(f"error: port {port} can't be had"), found.stderr


def test_another_module_that_is_missing_is_a_defect():
    assert missing_line(ModuleNotFoundError("No module named 'crackflow.nothing'", name="crackflow.nothing")) == ""
    assert missing_line(ModuleNotFoundError("odd")) == ""
    assert "its extra onnx" in missing_line(ModuleNotFoundError("No module", name="onnxruntime.capi"))


def test_the_extras_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    distributions = packages_distributions()
    for extra, packages in EXTRAS.items():
        declared = " ".join(project["optional-dependencies"][extra]).lower().replace("_", "-")
        for package in packages:
            assert any(name.lower().replace("_", "-") in declared for name in distributions[package]), package

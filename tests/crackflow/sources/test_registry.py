import subprocess
import sys
import typing

from crackflow.params import DataParams
from crackflow.sources.registry import SOURCES, data_source


def test_every_name_that_params_allow_is_a_source_and_no_other():
    assert set(SOURCES) == set(typing.get_args(DataParams.model_fields["source"].annotation))


def test_the_source_is_the_one_that_params_name(tmp_path):
    for name, kind in SOURCES.items():
        made = data_source(DataParams(source=name), tmp_path)
        assert type(made) is kind
        assert made.root == tmp_path


def test_asking_a_source_imports_neither_kagglehub_nor_opencv():
    code = "\n".join(
        [
            "import sys, pathlib",
            "from crackflow.params import DataParams",
            "from crackflow.sources.registry import SOURCES, data_source",
            "for name in SOURCES:",
            "    source = data_source(DataParams(source=name), pathlib.Path('.'))",
            "    source.origin(), source.local_path(), source.disk_bytes()",
            "print(sorted({'kagglehub', 'requests', 'cv2'} & set(sys.modules)))",
        ]
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"

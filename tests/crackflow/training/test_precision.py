import pytest

from crackflow.training.precision import resolve


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16", "mixed_bfloat16"),
        ("flags\t\t: fpu avx2 amx_bf16", "mixed_bfloat16"),
        ("Features\t: fp asimd bf16", "mixed_bfloat16"),
        ("flags\t\t: fpu avx2 avx512f", "float32"),
        # not among the flags
        ("model name\t: bf16 amx_bf16", "float32"),
    ],
)
def test_auto_asks_what_the_processor_has_instructions_for(line, expected, tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\n{line}\n")
    assert resolve("auto", path) == expected


def test_auto_is_float32_where_nothing_is_known(tmp_path):
    assert resolve("auto", tmp_path / "absent") == "float32"


@pytest.mark.parametrize("named", ["float32", "mixed_bfloat16"])
def test_what_is_named_is_taken(named, tmp_path):
    assert resolve(named, tmp_path / "absent") == named

import pytest

from crackflow.errors import ParamsError
from crackflow.params.text import MAX_BYTES, parse_value, parse_yaml, read_yaml


def test_plain_yaml_is_read(tmp_path):
    (tmp_path / "params.yaml").write_bytes(b"\xef\xbb\xbfa: {b: [1, 2]}\nc: \xc3\xa4 # why\n")
    assert read_yaml(tmp_path / "params.yaml") == {"a": {"b": [1, 2]}, "c": "ä"}
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ParamsError, match=r"can't be read: Is a directory; expected a text file"):
        read_yaml(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: 1\nb:\n  c: 1\n  c: 2\n", "line 4 is not YAML: the key c is there twice"),
        (b"a: &x [1]\nb: *x\n", "line 2 is not YAML: an alias"),
        (b"[" * 10_000, "nested deeper than 30"),
        ("ä: 1".encode("latin-1"), r"is not UTF-8 \(line 1\), expected UTF-8"),
        ("a: 1".encode("utf-16"), "is UTF-16, expected UTF-8"),
        (b"a: 2020-13-45", "is not YAML"),
        (b"a: \x01", "is not YAML"),
        (b"? [a]\n: 1", "is not YAML"),
        (b"a: [", "is not YAML"),
        (b"#" * (MAX_BYTES + 1), "bytes, expected at most"),
        (b"- a", "holds list, expected blocks"),
        (b"", "holds NoneType, expected blocks"),
    ],
)
def test_what_has_no_or_two_meanings_is_said_in_one_line(content, said):
    with pytest.raises(ParamsError, match=said) as error:
        parse_yaml(content, "params.yaml")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_any_value_is_read():
    assert parse_value(b"[1, a]", "x") == [1, "a"]

import json

import pytest

from crackflow.errors import DataError
from crackflow.output import manifest
from crackflow.output.manifest import JOURNAL, NAME, Manifest, describe

MADE = Manifest(
    format=1, command="predict", version="1", model_sha256="0" * 64, options={}, files=(describe("a/b.png", b"x"),)
)


def test_what_is_written_is_read(tmp_path):
    manifest.write_manifest(tmp_path, MADE)
    assert manifest.read_manifest(tmp_path) == MADE


def test_a_folder_without_one(tmp_path):
    assert manifest.read_manifest(tmp_path) is None


def test_the_checksum_is_that_of_sha256():
    """NIST's example: SHA-256 of "abc"."""
    assert describe("a", b"abc").sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_journal_adds_files_and_its_torn_last_line_is_left_out(tmp_path):
    manifest.write_manifest(tmp_path, MADE)
    lines = describe("c.png", b"y").model_dump_json(), describe("d.png", b"z").model_dump_json()[:30]
    (tmp_path / JOURNAL).write_text("\n".join(lines))
    assert [one.path for one in manifest.read_manifest(tmp_path).files] == ["a/b.png", "c.png"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", 2, "format: Input should be less than or equal to 1"),
        ("format", True, "format: Input should be a valid integer"),
        ("state", "finished", "state: "),
        ("model_sha256", "0" * 63, "model_sha256: "),
        ("model_sha256", "0" * 64 + "\n", "model_sha256: "),
        ("comand", "predict", "comand: Extra inputs"),
        ("files", [{"path": "a", "bytes": -1, "sha256": "0" * 64}], "files.0.bytes: "),
        ("files", [{"path": "a", "bytes": "1", "sha256": "0" * 64}], "files.0.bytes: "),
    ],
)
def test_what_crackflow_does_not_write_is_rejected(tmp_path, key, value, said):
    values = json.loads(MADE.model_dump_json())
    (tmp_path / NAME).write_text(json.dumps({**values, key: value}))
    with pytest.raises(DataError, match=said):
        manifest.read_manifest(tmp_path)


def test_a_manifest_without_its_format_is_rejected(tmp_path):
    values = json.loads(MADE.model_dump_json())
    del values["format"]
    (tmp_path / NAME).write_text(json.dumps(values))
    with pytest.raises(DataError, match="format: Field required"):
        manifest.read_manifest(tmp_path)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "", ".", "a//b", "a\\..\\b", "./a", "a/"])
def test_a_path_that_could_lead_out_of_the_folder_is_rejected(tmp_path, path):
    values = json.loads(MADE.model_dump_json())
    values["files"][0]["path"] = path
    (tmp_path / NAME).write_text(json.dumps(values))
    with pytest.raises(DataError, match=r"files\.0\.path: .*expected a path below the folder"):
        manifest.read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_what_is_no_json_object_is_rejected(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(DataError, match="is not what crackflow writes"):
        manifest.read_manifest(tmp_path)


def test_a_link_in_its_place_is_rejected(tmp_path):
    manifest.write_manifest(tmp_path, MADE)
    (tmp_path / NAME).rename(tmp_path / "moved.json")
    (tmp_path / NAME).symlink_to(tmp_path / "moved.json")
    with pytest.raises(DataError, match="is no regular file"):
        manifest.read_manifest(tmp_path)


def test_a_file_counts_as_unchanged_by_its_bytes_alone(tmp_path):
    entry = describe("a/b.png", b"one")
    assert not manifest.unchanged(tmp_path, entry)
    (tmp_path / "a").mkdir()
    for content, same in ((b"one", True), (b"two", False), (b"ones", False)):
        (tmp_path / "a/b.png").write_bytes(content)
        assert manifest.unchanged(tmp_path, entry) == same


@pytest.mark.parametrize("link", ["a", "a/b.png"])
def test_a_file_that_a_link_leads_to_is_not_ours(tmp_path, link):
    (tmp_path / "out/a").mkdir(parents=True)
    (tmp_path / "out/a/b.png").write_bytes(b"one")
    (tmp_path / "out" / link).rename(tmp_path / "theirs")
    (tmp_path / "out" / link).symlink_to(tmp_path / "theirs")
    assert not manifest.unchanged(tmp_path / "out", describe("a/b.png", b"one"))

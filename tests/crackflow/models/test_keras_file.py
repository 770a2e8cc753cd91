"""Files that are no model, or declare more than they hold, before anything is read."""

import io
import json
import struct
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.models import keras_file


def members(weights=None):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        (weights or (lambda group: group.create_dataset("vars/0", data=np.zeros((2, 3), np.float32))))(file)
    return {"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": content.getvalue()}


def zipped(folder, content, method=zipfile.ZIP_DEFLATED):
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_numbers_are_counted_without_being_read(tmp_path, method):
    def two(group):
        group.create_dataset("a/vars/0", data=np.zeros((2, 3), np.float32))
        group.create_dataset("b/vars/0", data=np.zeros(5, np.float32))

    assert keras_file.check(zipped(tmp_path, members(two), method)) == 2 * 3 + 5


def with_entry(path, offset, number):
    """Put a number of two bytes into the first entry of the zip's directory."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\x01\x02") + offset, number)
    path.write_bytes(content)
    return path


def test_an_encrypted_member_is_one_line(tmp_path):
    path = with_entry(zipped(tmp_path, members()), 8, 1)
    with pytest.raises(ModelError, match=r"can load: its metadata.json is encrypted; expected a .keras file"):
        keras_file.check(path)


def test_an_unknown_method_is_one_line(tmp_path):
    path = with_entry(zipped(tmp_path, members()), 10, 99)
    with pytest.raises(ModelError, match=r"its metadata.json is packed by method 99, expected deflate"):
        keras_file.check(path)


def test_damaged_deflate_is_one_line(tmp_path):
    content = members() | {"config.json": json.dumps({"a": "a" * 1000}).encode()}
    path = zipped(tmp_path, content)
    with zipfile.ZipFile(path) as archive:
        begins = archive.getinfo("config.json").header_offset + 30 + len("config.json")
    damaged = bytearray(path.read_bytes())
    damaged[begins : begins + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(damaged)
    with pytest.raises(ModelError, match=r"can load: Error -3 while decompressing"):
        keras_file.check(path)


def test_deep_json_is_one_line(tmp_path):
    deep = b"[" * 200_000 + b"]" * 200_000
    with pytest.raises(ModelError, match=r"its config.json is nested too deeply; expected"):
        keras_file.check(zipped(tmp_path, members() | {"config.json": deep}))


def test_a_member_that_is_absent_is_named(tmp_path):
    content = members()
    del content["model.weights.h5"]
    with pytest.raises(ModelError, match=r"it holds 0 files model.weights.h5, not one"):
        keras_file.check(zipped(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_or_an_empty_one_is_one_line(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ModelError, match=r"not a model that Keras 3 can load: .*; expected a .keras file") as found:
        keras_file.check(tmp_path / "model.keras")
    assert "\n" not in str(found.value)


def rejected_in_little_memory(path):
    """What is said of a file; nothing of what it declares is made meanwhile."""
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as found:
            keras_file.check(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    return str(found.value)


def test_a_zip_that_declares_too_much_is_rejected_unread(tmp_path):
    """The size of the weights in the directory, 24 bytes into its last entry, becomes 3 GiB."""
    path = zipped(tmp_path, members())
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, entry + 24, 3 * 2**30)
    path.write_bytes(content)
    said = rejected_in_little_memory(path)
    assert "it declares 3.00 GiB, most of it in model.weights.h5, where 0.25 are the most for a file of its" in said


def test_weights_that_declare_too_much_are_rejected_unread(tmp_path):
    """HDF5 keeps what was never written as nothing: 4 GiB in a file of some kilobytes."""
    path = zipped(tmp_path, members(lambda group: group.create_dataset("vars/0", (2**30,), np.float32, chunks=(1024,))))
    assert path.stat().st_size < 10_000
    assert "it declares 4.00 GiB, most of it in model.weights.h5" in rejected_in_little_memory(path)


def test_weights_in_another_file_are_rejected(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(24))
    secret = [(str(tmp_path / "secret"), 0, 24)]
    path = zipped(tmp_path, members(lambda group: group.create_dataset("v", (6,), np.float32, external=secret)))
    with pytest.raises(ModelError, match="can load: v lies in another file; expected"):
        keras_file.check(path)

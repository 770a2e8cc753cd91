"""crackflow/models/torch_file.py, on files written as torch.save wrote them, by a writer of this test's own."""

import os
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.models import torch_file
from crackflow.models.torch_file import MAGIC, PROTOCOL, read_tensors


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, storage, shape, strides, offset=0):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """Modules that a pickle can name; there is no torch, and none is needed to read."""
    for name, members in {"torch": ("FloatStorage", "LongStorage"), "torch._utils": ("_rebuild_tensor_v2",)}.items():
        module = types.ModuleType(name)
        for member in members:
            made = type(member, (), {"__module__": name})
            setattr(module, member, made)
        monkeypatch.setitem(sys.modules, name, module)


def write(path, tensors, storages, keys=None, magic=MAGIC, cut=None):
    class Pickler(pickle.Pickler):
        def persistent_id(self, found):
            if isinstance(found, Storage):
                kind = "FloatStorage" if found.values.dtype == np.float32 else "LongStorage"
                return "storage", getattr(sys.modules["torch"], kind), found.key, "cpu", len(found.values), None
            return None

    with path.open("wb") as file:
        for value in (magic, PROTOCOL, {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {}}):
            pickle.dump(value, file, protocol=2)
        Pickler(file, protocol=2).dump(tensors)
        pickle.dump(keys or [storage.key for storage in storages], file, protocol=2)
        for storage in storages:
            file.write(len(storage.values).to_bytes(8, "little") + storage.values.tobytes())
    if cut:
        os.truncate(path, path.stat().st_size - cut)
    return path


def test_tensors_come_as_arrays_whatever_the_order_of_their_axes(tmp_path):
    numbers = Storage("7", np.arange(12, dtype=np.float32))
    count = Storage("8", np.array([5], np.int64))
    state = OrderedDict(
        rows=Tensor(numbers, (2, 3), (3, 1)),
        columns=Tensor(numbers, (3, 2), (1, 3), offset=6),
        single=Tensor(numbers, (3, 1, 1), (1, 99, 7)),
        count=Tensor(count, (1,), (1,)),
    )
    found = read_tensors(write(tmp_path / "a.pth", state, [numbers, count]))
    assert list(found) == ["rows", "columns", "single", "count"]
    assert found["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["columns"].tolist() == [[6, 9], [7, 10], [8, 11]]
    assert found["single"].ravel().tolist() == [0, 1, 2]
    assert found["count"].dtype == np.int64
    assert found["rows"].dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "strides", "offset"), [((3, 5), (5, 1), 0), ((2, 2), (4, 1), 0), ((2,), (1,), 11), ((2,), (1,), -1)]
)
def test_a_tensor_that_reaches_beyond_its_numbers_or_skips_some_is_rejected(tmp_path, shape, strides, offset):
    numbers = Storage("7", np.arange(12, dtype=np.float32))
    path = write(tmp_path / "a.pth", {"x": Tensor(numbers, shape, strides, offset)}, [numbers])
    with pytest.raises(ModelError, match=r"a\.pth can't be read as pretrained weights: a tensor of shape"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((2**70,), (1,), 0), ((float("inf"),), (1,), 0), ((2**40, 2**40), (2**40, 1), 0), ((1,), (1,), 2**70)],
)
def test_a_tensor_larger_than_any_array_is_one_line(tmp_path, shape, strides, offset):
    numbers = Storage("7", np.arange(12, dtype=np.float32))
    path = write(tmp_path / "a.pth", {"x": Tensor(numbers, shape, strides, offset)}, [numbers])
    with pytest.raises(ModelError, match=r"a\.pth can't be read as pretrained weights"):
        read_tensors(path)


class Announced:
    """Numbers of which a file announces more than it holds."""

    dtype = np.dtype(np.float32)

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def tobytes(self):
        return b""


@pytest.mark.parametrize("count", [2**62, 2**63 - 1])
def test_more_numbers_than_any_file_holds_are_one_line(tmp_path, count):
    numbers = Storage("7", Announced(count))
    path = write(tmp_path / "a.pth", {"x": Tensor(numbers, (1,), (1,))}, [numbers])
    with pytest.raises(ModelError, match=r"a\.pth can't be read as pretrained weights"):
        read_tensors(path)


def test_a_pickle_that_asks_for_more_memory_than_there_is_is_one_line(tmp_path):
    """It puts a value in the place of such a number that the table of values would need 2^65 bytes, or 2^33."""
    for content in (b"\x80\x02Np%d\n." % 2**61, b"\x80\x02Nr\xff\xff\xff\x1f."):
        (tmp_path / "a.pth").write_bytes(content)
        with pytest.raises(ModelError, match="remembers a value as number"):
            read_tensors(tmp_path / "a.pth")


def test_tuples_within_each_other_do_not_end_the_process(tmp_path):
    """A key of a dictionary that is three million tuples deep; Python hashes them by calls within each other."""
    (tmp_path / "a.pth").write_bytes(b"\x80\x02})" + b"\x85" * 3_000_000 + b"K\x01s.")
    with pytest.raises(ModelError, match="more than 20,000 steps"):
        read_tensors(tmp_path / "a.pth")


def test_a_file_changes_nothing_for_the_next_one(tmp_path):
    """It sets the defaults of the function that makes a tensor, so that one could be made of nothing."""
    (tmp_path / "a.pth").write_bytes(
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__(K\x00K\x00K\x00K\x00ts\x86b."
    )
    with pytest.raises(ModelError):
        read_tensors(tmp_path / "a.pth")
    assert torch_file._tensor.__defaults__ is None


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


def test_no_code_of_a_file_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, state in {"a.pth": {"x": Evil()}, "b.pth": Evil()}.items():
        with pytest.raises(ModelError, match=r"it names (posix|nt)\.system"):
            read_tensors(write(tmp_path / name, state, []))
    assert not (tmp_path / "evil").exists()


def test_another_layout_a_cut_file_and_no_file_are_one_line(tmp_path):
    numbers = Storage("7", np.arange(12, dtype=np.float32))
    state = {"x": Tensor(numbers, (12,), (1,))}
    with pytest.raises(ModelError, match="another layout"):
        read_tensors(write(tmp_path / "a.pth", state, [numbers], magic=7))
    with pytest.raises(ModelError, match="can't be read as pretrained weights"):
        read_tensors(write(tmp_path / "b.pth", state, [numbers], cut=4))
    with pytest.raises(ModelError, match="can't be read as pretrained weights"):
        read_tensors(write(tmp_path / "c.pth", state, [numbers], keys=["9"]))
    with pytest.raises(ModelError, match="something else than tensors"):
        read_tensors(write(tmp_path / "d.pth", {"x": 3}, []))
    (tmp_path / "e.pth").write_bytes(b"PK\3\4 a zip, as torch.save writes now")
    with pytest.raises(ModelError, match="can't be read as pretrained weights"):
        read_tensors(tmp_path / "e.pth")
    with pytest.raises(ModelError, match=r"No such file"):
        read_tensors(tmp_path / "absent.pth")

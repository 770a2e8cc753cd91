import os

import numpy as np
import pytest

from crackflow.errors import ImageError
from crackflow.imaging.on_disk import OnDisk, arrays_on_disk


def test_what_is_written_stays_after_a_release():
    with arrays_on_disk("a.tif") as disk:
        assert not disk.used
        array = disk.empty((50, 70, 3), np.uint8)
        assert disk.used
        assert (array.shape, array.dtype, int(array.sum())) == ((50, 70, 3), np.uint8, 0)
        expected = np.random.default_rng(0).integers(0, 256, array.shape).astype(np.uint8)
        array[:] = expected
        disk.release()
        np.testing.assert_array_equal(array, expected)
        levels = disk.empty((2, 3), np.uint16)
        levels[:] = 40_000
    # the array outlives the maker
    assert levels.tolist() == [[40_000] * 3] * 2


def test_a_file_has_no_name_and_its_room_is_taken_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = OnDisk("a.tif").empty((1000, 1000), np.uint8)
    assert not list(tmp_path.iterdir())
    del array


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system can't set room aside")
def test_a_disk_without_room_is_an_error_and_not_the_end_of_the_process():
    with pytest.raises(ImageError, match=r"^a.tif needs 68,719,476,736 MiB in the temporary folder, .*; set TMPDIR"):
        OnDisk("a.tif").empty((2**50, 64), np.uint8)

import numpy as np
import tifffile

from benchmarks.speed import large
from pipelines.memory import Space


def test_a_made_photograph_has_its_size_and_dark_lines():
    photo = large.made(0.3)
    assert photo.shape == (474, 632, 3)
    assert 0 < (photo.max(axis=-1) < 50).mean() < 0.3


def test_a_row_a_photograph():
    one = {
        "px": "4000x3000",
        "kind": "JPEG",
        "cracks": 7,
        "seconds": 12.4,
        "held_mib": 900,
        "more_mib": 103,
        "bytes_a_pixel": 9.0,
    }
    found = {"model": "made weights", "machine": {"cores": 2}, "photographs": [one]}
    lines = large.table(found).splitlines()
    assert lines[2] == "| 4000x3000, JPEG | 12 | 7 | 12 | 103 | 9.0 |"
    assert "Of made weights on 2 cores" in lines[-1]


def test_rows_of_other_sizes_stay_where_the_model_is_the_same():
    def row(px, seconds, model="new"):
        return {"px": px, "kind": "JPEG", "seconds": seconds, "model": model}

    earlier = {"photographs": [row("30x20", 1), row("60x40", 2), row("9x9", 3, "old")]}
    found = large.with_earlier({"model": "new", "photographs": [row("60x40", 5), row("6x4", 6)]}, earlier)
    assert [(one["px"], one["seconds"]) for one in found["photographs"]] == [("6x4", 6), ("30x20", 1), ("60x40", 5)]


def test_a_tiff_is_read_in_windows_whatever_its_size(tmp_path):
    """What is allowed is room for it on the disk, and not in memory."""
    for size in (1000, 4000):
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((size, size), np.uint8), compression="deflate")
        space = Space(large.in_windows(tmp_path / "a.tif"))
        assert space.most_pixels < size**2 <= space.most_pixels_on_disk

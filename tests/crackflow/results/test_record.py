import numpy as np
import pytest

from crackflow.errors import DataError
from crackflow.results.record import from_bytes, key, to_bytes


def test_a_record_is_read_as_it_was_written(made_run, network):
    found = made_run("a.jpg", mm_per_px=0.5).read()[0]
    assert from_bytes(to_bytes(found), "a.json") == found
    np.testing.assert_array_equal(found.cracks[0].points()[0], network.cracks[0].path[0])
    assert found.cracks[0].width_px.p95 == network.cracks[0].width_px.p95
    assert (found.status, found.widest.number) == ("cracked", 1)


def test_without_a_crack_it_is_empty(made_run, empty):
    found = made_run("a.jpg", networks={"a.jpg": empty}).read()[0]
    assert (found.status, found.widest) == ("empty", None)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 2}', b"\xff"])
def test_another_file_is_said(content):
    with pytest.raises(DataError, match=r"a\.json is not what crackflow writes .*; remove it"):
        from_bytes(content, "a.json")


def test_the_key_follows_from_photograph_and_options_alone():
    first = key("0" * 64, {"model": "1" * 64, "scale": None})
    assert first == key("0" * 64, {"scale": None, "model": "1" * 64})
    assert len({first, key("1" * 64, {"model": "1" * 64, "scale": None}), key("0" * 64, {"model": "1" * 64})}) == 3

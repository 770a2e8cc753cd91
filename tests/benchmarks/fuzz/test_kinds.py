"""benchmarks/fuzz/kinds.py for a moment; `make soak` has ten minutes for each kind."""

import pytest
from hypothesis import HealthCheck, given, seed, settings

from benchmarks.fuzz.contract import Fault, accepted
from benchmarks.fuzz.damage import changed, damaged
from benchmarks.fuzz.kinds import KINDS, Kind

# That fuzzing found, each of which was no error of ours before, or took the process or all memory.
FOUND = [
    ("operating point", b'{"threshold": 0.5, "a\\nb": 1}'),
    ("operating point", b'{"threshold": 0.5, "%s": 1}' % (b"x" * 3000)),
    ("card, metadata, manifest, figures", b'{"format": 1, "a\\nb": 1}'),
    ("pretrained weights", b"\x80\x02K\x01r\xff\xff\xff\x1f."),
    ("pretrained weights", b"\x80\x02cos\nsys\x0btem\n."),
    ("mask", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0 \0\0\0\x18\x08\2\0\0\0\xfc\x18\xed\xa3\xc8\0\0\0IDAT"),
    ("labels of COCO, Labelme", b"[" * 100_000),
    ("labels of COCO, Labelme", b'{"shapes": [], "imagePath": "a.png", "imageHeight": 1e999, "imageWidth": 8}'),
    ("labels of COCO, Labelme", b'{"shapes": [], "imagePath": "a.png", "imageHeight": 0, "imageWidth": 8}'),
    ("labels of COCO, Labelme", b'{"shapes": [], "imagePath": "a\\u0000", "imageHeight": 6, "imageWidth": 8}'),
    ("labels of CVAT", b'<?xml version="1.0" encoding="x-none"?><annotations></annotations>'),
]


@pytest.mark.parametrize(("kind", "content"), FOUND, ids=range(len(FOUND)))
def test_what_was_found_is_rejected(tmp_path, kind, content):
    assert not accepted(KINDS[kind].try_in(tmp_path, content))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "layers of a model"])
def test_whole_files_are_read_and_damaged_ones_read_or_rejected(tmp_path, kind):
    known = KINDS[kind]
    wholes = known.wholes()
    read = [accepted(known.try_in(tmp_path, content)) for content in wholes]
    # zips and tables also have whole ones that must be rejected
    assert any(read) if kind in ("zip", "table of mm per px") else all(read)
    counts = [0, 0]

    @seed(0)
    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(wholes))
    def one(content):
        counts[accepted(known.try_in(tmp_path, content))] += 1

    one()
    assert counts[False] > 0


@pytest.mark.parametrize("number", [None, 1, 2, 3])
def test_layers_of_a_model(tmp_path, number):
    known = KINDS["layers of a model"]
    content = known.wholes()[0]
    assert accepted(known.try_in(tmp_path, content if number is None else changed(content, number))) in (
        (True,) if number is None else (True, False)
    )


def test_what_is_written_beside_a_file_is_a_fault(tmp_path):
    kind = Kind(list, lambda path: (path.parent / "other").write_text("x"))
    with pytest.raises(Fault, match="something was written"):
        accepted(kind.try_in(tmp_path, b""))

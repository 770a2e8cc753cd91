import struct
import zlib

import pytest

from crackflow.errors import ImageError
from crackflow.imaging.images import read_image
from crackflow.imaging.unreadable import why_unreadable


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a.jpg is a HEIC photograph, expected a JPEG, PNG"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "is an AVIF image"),
        (b"%PDF-1.7", "is a PDF"),
        (b"  <!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (b"", "is empty"),
        (bytes(100), "is nothing but zeros"),
        (b"\xff\xd8\xff\xe0 cut", "is truncated or not an image"),
    ],
)
def test_a_file_that_is_no_image_says_what_it_is(data, said):
    assert said in why_unreadable(data, "a.jpg")


def test_an_image_of_too_many_pixels_says_how_many(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b""))
    with pytest.raises(ImageError, match=r"a\.png has 1,600,000,000 px, expected at most 2\^30 in all; cut it"):
        read_image(path)

import os
import struct
import zlib

import pytest
from PIL import Image

from crackflow.errors import ImageError
from crackflow.imaging.images import read_image
from crackflow.imaging.masks import read_mask
from crackflow.imaging.photo_file import read_photograph
from crackflow.imaging.unreadable import why_unreadable

TWO = ((0, 0, 0), (255, 255, 255))


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


@pytest.mark.skipif(os.name != "posix", reason="Ghostscript is another program there")
def test_no_program_is_started_on_a_file(tmp_path, monkeypatch):
    """Pillow has Ghostscript run what an EPS holds, whatever the file is called."""
    (tmp_path / "gs").write_text(f"#!/bin/sh\necho started >>{tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = tmp_path / "a.jpg"
    Image.new("RGB", (20, 20)).save(path, "EPS")
    for read in (read_image, lambda path: read_photograph(path, 10_000), lambda path: read_mask(path, TWO)):
        with pytest.raises(ImageError, match=r"a\.jpg is truncated or not an image"):
            read(path)
    assert not (tmp_path / "started").exists()


def test_an_image_of_too_many_pixels_says_how_many(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b""))
    with pytest.raises(ImageError, match=r"a\.png has 1,600,000,000 px, expected at most 2\^30 in all; cut it"):
        read_image(path)

"""Bad folders, archives and pairs, for benchmarks.data.faults to give to the data stages.

Each table maps a fault to a function that makes it below a folder and returns the value for data.path.
"""

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def _photo(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(90, 200, (48, 64, 3)).astype(np.uint8))


def _mask() -> Image.Image:
    levels = np.zeros((48, 64), np.uint8)
    levels[20:24] = 255
    return Image.fromarray(levels)


def _pair(folder: Path, stem: str = "good", image: Any = None, mask: Any = None, suffix: str = ".png") -> None:
    """Save a pair below images/ and masks/. A good pair beside a bad one lets the run continue."""
    for kind, picture, made in (("images", image, _photo()), ("masks", mask, _mask())):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        if picture is not False:
            (picture or made).save(folder / kind / f"{stem}{suffix}")


def _with(**bad: Any) -> Callable[[Path], str]:
    def make(root: Path) -> str:
        _pair(root / "photos")
        _pair(root / "photos", "bad", **bad)
        return "photos"

    return make


def _damaged(kind: str, change: Callable[[bytes], bytes], suffix: str = ".png") -> Callable[[Path], str]:
    def make(root: Path) -> str:
        _pair(root / "photos")
        _pair(root / "photos", "bad", suffix=suffix)
        path = root / "photos" / kind / f"bad{suffix}"
        path.write_bytes(change(path.read_bytes()))
        return "photos"

    return make


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def _zip(*more: tuple[str | zipfile.ZipInfo, bytes], change: Callable[[bytes], bytes] = bytes) -> Callable[[Path], str]:
    """An archive with one good pair and other members."""

    def make(root: Path) -> str:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("images/good.png", _png(_photo()))
            made.writestr("masks/good.png", _png(_mask()))
            for name, data in more:
                made.writestr(name, data)
        (root / "photos.zip").write_bytes(change(content.getvalue()))
        return "photos.zip"

    return make


def _link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("images/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def _folder(*files: str) -> Callable[[Path], str]:
    def make(root: Path) -> str:
        (root / "photos").mkdir()
        for name in files:
            path = root / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_png(_mask() if "mask" in name else _photo(len(name))))
        return "photos"

    return make


def _text_zip(root: Path) -> str:
    with zipfile.ZipFile(root / "photos.zip", "w") as made:
        made.writestr("readme.txt", "hello")
    return "photos.zip"


def _twice(root: Path) -> str:
    _pair(root / "photos/train")
    _pair(root / "photos/train", "bad")
    _pair(root / "photos/test", "bad", image=_photo(9))
    return "photos"


def _turned(root: Path) -> str:
    _pair(root / "photos")
    _pair(root / "photos", "turned", suffix=".jpg", image=False)
    exif = Image.Exif()
    exif[0x0112] = 6
    _photo().save(root / "photos/images/turned.jpg", exif=exif)
    return "photos"


def _table(root: Path) -> str:
    table = Image.fromarray(np.asarray(_mask()) // 255, "P")
    table.putpalette([0, 0, 0, 128, 0, 0])
    return _with(mask=table)(root)


ZIPS = {
    "a member `../out.png`": _zip(("../out.png", b"")),
    "a member `/etc/out.png`": _zip(("/etc/out.png", b"")),
    "a member `C:\\out.png`": _zip(("C:\\out.png", b"")),
    "a symbolic link": _zip((_link(), b"/etc/passwd")),
    "a zip bomb: 70 MiB of zeros": _zip(("images/bomb.png", bytes(70 * 2**20))),
    "more than data.archive.max_gib": _zip(("images/big.png", np.random.default_rng(0).bytes(52 * 2**20))),
    "`A.png` and `a.png`": _zip(("images/A.png", b"1"), ("images/a.png", b"2")),
    "a file that is not an image": _zip(("images/Thumbs.db", b"1")),
    "a zip inside the zip": _zip(("more.zip", b"PK")),
    "a name that Windows reserves": _zip(("images/con.png", b"1")),
    "cut off in the middle": _zip(change=lambda data: data[: len(data) // 2]),
    "a byte changed": _zip(change=lambda data: data[:90] + bytes([data[90] ^ 255]) + data[91:]),
    "a file that is not a zip": _zip(change=lambda _: b"hello"),
    "no images in it": _text_zip,
}
FOLDERS = {
    "the folder is absent": lambda _: "nowhere",
    "an empty folder": _folder(),
    "no images/ and masks/": _folder("a/x.png", "b/y.png"),
    "an image without a mask": _folder("images/a.png", "masks/a.png", "images/b.png"),
    "a mask without an image": _folder("images/a.png", "masks/a.png", "masks/b.png"),
    "names that differ only in case": _folder(
        "images/a.png", "masks/a.png", "images/B.png", "masks/B.png", "images/b.png", "masks/b.png"
    ),
    "two images of one name": _folder("images/a.png", "masks/a.png", "images/b.png", "images/b.jpg", "masks/b.png"),
    "one name, two contents in train/ and test/": _twice,
    "a name that is only an extension": _folder("images/a.png", "masks/a.png", "images/.png"),
}
PAIRS = {
    "an image that is cut off": _damaged("images", lambda data: data[: len(data) // 2], ".jpg"),
    "a mask that is not an image": _damaged("masks", lambda _: b"hello"),
    "image and mask of different sizes": _with(mask=_mask().resize((32, 24))),
    "an image turned by EXIF, its mask drawn on the pixels as stored": _turned,
    "a 16-bit image of 12 bits": _with(image=Image.fromarray(np.asarray(_photo())[..., 0].astype(np.uint16) << 4)),
    "a CMYK image": _with(image=_photo().convert("CMYK"), suffix=".jpg"),
    "an image with alpha": _with(image=_photo().convert("RGBA")),
    "a mask of 0 and 1": _with(mask=_mask().point(lambda level: level // 255)),
    "a JPEG mask": _with(suffix=".jpg"),
    "a red mask": _with(mask=Image.merge("RGB", (_mask(), *[Image.new("L", (64, 48))] * 2))),
    "a mask with a colour table": _table,
    "a 1-bit mask": _with(mask=_mask().convert("1")),
    "a mask of 0 and 76, which would vanish": _with(mask=_mask().point(lambda level: 76 * level // 255)),
    "the same as JPEG": _with(mask=_mask().point(lambda level: 76 * level // 255), suffix=".jpg"),
}

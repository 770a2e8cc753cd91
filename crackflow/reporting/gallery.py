"""All scored images on a page of their own: to sort, to filter, and to look through layer by layer."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from crackflow.atomic import write_bytes
from crackflow.reporting.layers import KINDS, SUFFIXES, Layers
from crackflow.reporting.page import inline, page

FILE = "index.html"


class Scored(NamedTuple):
    """An image of the gallery; what is undefined is NaN.

    Attributes:
        stem: its name.
        source: where it comes from.
        iou: crack class, 0..1.
        precision: 0..1.
        recall: 0..1.
        fp: pixels of false alarm.
        fn: pixels that were missed.
        cracked: whether truth has a crack.
        width: of the crack's label, px.
        contrast: share of the label's pixels that stand out from the surface, 0..1.
        far: whether its source was left out of training: a place never seen.
        size: width and height of its pictures, px.
    """

    stem: str
    source: str
    iou: float
    precision: float
    recall: float
    fp: int
    fn: int
    cracked: bool
    width: float
    contrast: float
    far: bool
    size: tuple[int, int]


def write_layers(folder: Path, stem: str, files: Layers) -> None:
    """Write the pictures of an image, each kind to a folder of its own.

    Args:
        folder: the gallery's.
        stem: the image's name, which is a file's name too.
        files: its pictures.
    """
    for kind, content in zip(KINDS, files, strict=True):
        write_bytes(folder / kind / f"{stem}.{SUFFIXES[kind]}", content)


def gallery(images: Sequence[Scored], title: str) -> str:
    """Give the gallery's page. Names are data of a script and never markup; they may hold anything.

    Args:
        images: in any order.
        title: of the report.

    Returns:
        HTML; pictures are linked by their names beside it, a hundred bytes an image in the page.
    """
    rows = [[_plain(value) for value in image] for image in images]
    inlined = inline(["page.css", "gallery.css"], "gallery.js")
    data = {"fields": Scored._fields, "suffixes": SUFFIXES, "rows": rows}
    values = {"title": title, "images": len(images), "sources": sorted({one.source for one in images}), "data": data}
    return page("gallery.html.j2", {**values, **inlined._asdict()})


def address(stem: str) -> str:
    """The link from reports/ to one image of the gallery."""
    return f"gallery/{FILE}#{quote(stem, safe='')}"


def _plain(value: Any) -> Any:
    """The value for JSON: 3 decimals, None for NaN."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 3)
    return value

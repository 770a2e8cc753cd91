"""index.html: all photographs of a run to look through, in one file that needs nothing from a network."""

import base64
from typing import Any
from urllib.parse import quote

from crackflow.geometry.cracks import WIDTH_CLASSES
from crackflow.results.millimetres import length
from crackflow.results.record import CrackRecord, PhotoRecord
from crackflow.results.run import Run
from crackflow.visualization.html_report import templates

FILE = "index.html"
# A browser keeps pictures that stand in a page in memory. Above this many they are linked, and load when they are seen.
MOST_EMBEDDED = 1000
# of one photograph, in the table below its picture
MOST_CRACKS = 50


def gallery(run: Run) -> bytes:
    """Give index.html.

    Names of photographs are text of strangers: Jinja escapes them, and links are percent-encoded.

    Args:
        run: masks, overlays and tables are linked by their names beside the page.
    """
    environment = templates("crackflow.results")
    embedded = run.photographs <= MOST_EMBEDDED
    page = environment.get_template("gallery.html.j2").render(
        photographs=run.photographs,
        cards=(_card(run, record, embedded=embedded) for record in run.read()),
        about=run.about,
        classes=WIDTH_CLASSES,
        skipped=run.skipped,
    )
    return page.encode()


def _card(run: Run, record: PhotoRecord, *, embedded: bool) -> dict[str, Any]:
    widest, scale = record.widest, record.mm_per_px
    if embedded:
        picture = f"data:image/jpeg;base64,{base64.b64encode(run.thumbnail(record)).decode()}"
    else:
        picture = f"thumbnails/{quote(record.name)}.jpg"
    return {
        "photo": record.photo,
        "picture": picture,
        "overlay": f"overlays/{quote(record.name)}.png",
        "mask": f"masks/{quote(record.name)}.png",
        # a mask may hold pixels that are too few to be a crack
        "width_class": "none" if widest is None else widest.width_class,
        # mm and px are not sorted together: a photograph without a scale comes after those with one
        "sort_width": 0 if widest is None else widest.width_px.p95 * (scale or 1),
        "sort_length": record.total_length_px * (scale or 1),
        "scaled": scale is not None,
        "cracks": len(record.cracks),
        "empty": record.status == "empty",
        "share": record.crack_share,
        "width": "" if widest is None else length(widest.width_px.p95, scale, 2, 1),
        "largest": length(max((crack.width_px.max for crack in record.cracks), default=0.0), scale, 2, 1),
        "length": length(record.total_length_px, scale, 0, 0),
        "size": "{} x {} px".format(*record.size),
        "scale": "no scale" if scale is None else f"{scale:.4g} mm per px ({record.scale_origin})",
        "rows": [_row(crack, scale) for crack in record.cracks[:MOST_CRACKS]],
        "more": max(0, len(record.cracks) - MOST_CRACKS),
    }


def _row(crack: CrackRecord, scale: float | None) -> dict[str, Any]:
    return {
        "number": crack.number,
        "length": length(crack.length_px, scale, 0, 0),
        "mean": length(crack.width_px.mean, scale, 2, 1),
        "p95": length(crack.width_px.p95, scale, 2, 1),
        "max": length(crack.width_px.max, scale, 2, 1),
        "kind": crack.width_kind,
        "width_class": crack.width_class,
    }

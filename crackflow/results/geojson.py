"""Cracks for maps and GIS: one GeoJSON file a photograph, each crack as its centre line and as its area (RFC 7946).

Without a transform, coordinates are px of the photograph: x to the right, y down, the upper left corner at (0, 0).
"""

import json
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from crackflow.imaging.geotiff import Georeference
from crackflow.results.outlines import Region
from crackflow.results.record import CrackRecord, PhotoRecord
from crackflow.results.run import Run, annotations, figures

FOLDER = "geojson"


def file_of(name: str) -> str:
    """Name the file of a photograph's cracks, below the folder of the run."""
    return f"{FOLDER}/{name}.geojson"


def geojson(run: Run, record: PhotoRecord) -> bytes:
    """Give the file of one photograph.

    Args:
        run: that the photograph is of.
        record: the photograph. Where it has a place, coordinates are in that coordinate reference system, which the
            file names as GeoJSON of 2008 did; GDAL and QGIS read that. RFC 7946 knows longitude and latitude alone.
    """
    place = record.place
    features: list[dict[str, Any]] = []
    for label, crack, regions in annotations(run, record):
        measured = {} if crack is None else figures(crack, record.mm_per_px)
        said = {"photo": record.photo, "class": label, **measured}
        if crack is not None:
            features.append(_feature(_placed(_line(crack), place), {"kind": "centre line", **said}))
        features.append(_feature(_placed(_area(regions), place), {"kind": "area", **said}))
    found: dict[str, Any] = {"type": "FeatureCollection"}
    if place is not None:
        found["crs"] = {"type": "name", "properties": {"name": place.crs}}
    return json.dumps({**found, "features": features}, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _line(crack: CrackRecord) -> BaseGeometry:
    # a point of the skeleton is the centre of a pixel
    lines = shapely.MultiLineString([branch + 0.5 for branch in crack.points()])
    # pixels in a row say no more than their ends
    return shapely.MultiLineString(list(shapely.get_parts(shapely.simplify(lines, 0))))


def _area(regions: list[Region]) -> BaseGeometry:
    """Regions as polygons that are valid, also where an outline touches itself."""
    parts = [shapely.make_valid(shapely.Polygon(one.outer, one.holes)) for one in regions]
    return shapely.MultiPolygon([part for whole in parts for part in shapely.get_parts(whole)])


def _placed(geometry: BaseGeometry, place: Georeference | None) -> BaseGeometry:
    if place is None:
        return geometry
    a, b, c, d, e, f = place.transform

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = points.T
        return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)

    # the right-hand rule of RFC 7946 holds on the ground, where y points up
    return shapely.orient_polygons(shapely.transform(geometry, move))


def _feature(geometry: BaseGeometry, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shapely.geometry.mapping(geometry), "properties": properties}

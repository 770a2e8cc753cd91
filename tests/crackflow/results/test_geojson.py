"""crackflow/results/geojson.py, read by shapely."""

import json

import numpy as np
import pytest
import shapely

from crackflow.imaging.geotiff import Georeference
from crackflow.results.geojson import geojson
from crackflow.results.record import key, record
from crackflow.results.run import Run


def shapes(content):
    found = json.loads(content)
    assert found["type"] == "FeatureCollection"
    return [(shapely.geometry.shape(one["geometry"]), one["properties"]) for one in found["features"]]


def test_a_crack_is_a_line_and_an_area(made_run):
    run = made_run("a.jpg", mm_per_px=0.5)
    (line, of_line), (area, of_area), (spot, of_spot) = shapes(geojson(run, run.read()[0]))
    # through the centres of pixels, and no point more than needed
    assert line.equals_exact(shapely.MultiLineString([[(1.5, 1.5), (7.5, 1.5)]]))
    assert (of_line["kind"], of_line["length_mm"], of_line["photo"]) == ("centre line", 3.25, "a.jpg")
    assert (area.area, area.bounds) == (11, (1, 1, 8, 4))
    assert len(area.geoms[0].interiors) == 1
    assert (of_area["kind"], of_area["crack"]) == ("area", 1)
    assert spot.area == 1
    assert "crack" not in of_spot


def test_without_a_scale_nothing_is_in_mm(made_run):
    run = made_run("a.jpg")
    for _, said in shapes(geojson(run, run.read()[0])):
        assert not [name for name in said if name.endswith("mm")]


def test_areas_are_valid_where_pixels_touch_at_a_corner(empty, tmp_path):
    mask = (np.random.default_rng(2).random((30, 40)) < 0.5).astype(np.uint8)
    found = record(key("0" * 64, {}), "a.jpg", "a", mask, empty, None)
    run = Run({}, ("crack",), lambda: [found], lambda _: mask, lambda _: b"", lambda _: None, tmp_path, 1)
    areas = [area for area, _ in shapes(geojson(run, found))]
    assert all(area.is_valid for area in areas)
    assert sum(area.area for area in areas) == mask.sum()


def test_where_the_photograph_lies_is_carried_over(made_run):
    """Pixels of 0.01 m, the upper left corner at 500000, 5400000, y up."""
    run = made_run("a.jpg")
    place = Georeference((0.01, 0, 500_000, 0, -0.01, 5_400_000), "urn:ogc:def:crs:EPSG::25832")
    content = geojson(run, run.read()[0].model_copy(update={"place": place}))
    assert json.loads(content)["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::25832"
    line, area = (shape for shape, _ in shapes(content)[:2])
    assert line.geoms[0].coords[0] == pytest.approx((500_000.015, 5_399_999.985))
    # RFC 7946, section 3.1.6: outlines run against the clock, holes with it
    assert area.geoms[0].exterior.is_ccw
    assert not area.geoms[0].interiors[0].is_ccw

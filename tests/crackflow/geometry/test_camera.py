import math

import pytest
from PIL import ExifTags, Image

from crackflow.errors import DataError
from crackflow.geometry.camera import from_camera, from_photograph, how_taken


def test_camera():
    # pitch 36 mm / 4000 px = 9 um; (1000 - 50) / 50 = 19 times as large on the surface: 0.171 mm
    scale, pitch = from_camera(1.0, 36, 50, (3000, 4000))
    assert pitch == pytest.approx(0.009)
    assert scale.mm_per_px == pytest.approx(0.171)
    assert "pixel pitch 9 um" in scale.origin


@pytest.mark.parametrize("wrong", [(0.05, 36, 50), (1, 0, 50), (1, 36, math.nan), (math.inf, 36, 50)])
def test_a_camera_that_can_not_be(wrong):
    with pytest.raises(DataError, match="expected"):
        from_camera(*wrong, (4000, 3000))


def taken(path, size, **tags):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[name]: value for name, value in tags.items()})
    Image.new("L", size).save(path, exif=exif)
    return path


def test_a_photograph(tmp_path):
    # scaled to 400 px: a pitch of 90 um; (1000 - 50) / 50 = 19 times as large
    tags = {"FocalLength": 50.0, "ExifImageWidth": 4000, "ExifImageHeight": 3000}
    assert from_photograph(taken(tmp_path / "a.jpg", (400, 300), **tags), 1.0, 36.0).mm_per_px == pytest.approx(1.71)
    assert from_photograph(taken(tmp_path / "b.jpg", (300, 400), **tags), 1.0, 36.0).mm_per_px == pytest.approx(1.71)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, "a.jpg has no focal length"),
        ({"FocalLength": 0.0}, "a.jpg has no focal length"),
        ({"FocalLength": 50.0, "ExifImageWidth": 4000, "ExifImageHeight": 2000}, "cropped"),
        (
            {"FocalLength": 50.0, "DigitalZoomRatio": 2.0},
            "a.jpg was taken with a digital zoom of 2, so it shows a part",
        ),
    ],
)
def test_a_photograph_without_a_scale(tmp_path, tags, message):
    with pytest.raises(DataError, match=message):
        from_photograph(taken(tmp_path / "a.jpg", (400, 300), **tags), 1.0, 36.0)


@pytest.mark.parametrize("none", [0.0, 1.0])
def test_a_digital_zoom_that_was_not_used_changes_nothing(tmp_path, none):
    path = taken(tmp_path / "a.jpg", (400, 300), FocalLength=50.0, DigitalZoomRatio=none)
    assert from_photograph(path, 1.0, 36.0).mm_per_px == pytest.approx(1.71)


def test_a_photograph_of_any_size(tmp_path):
    """More pixels than Pillow opens by itself; a white picture of one bit a pixel is made and read quickly."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLength] = 50.0
    Image.new("1", (20_000, 10_000)).save(tmp_path / "a.png", exif=exif.tobytes())
    assert how_taken(tmp_path / "a.png").size == (20_000, 10_000)


def test_no_photograph(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        from_photograph(tmp_path / "a.jpg", 1.0, 36.0)


@pytest.mark.parametrize(
    ("tags", "sensor", "words"),
    [
        # 4000 px at 10000 px a cm: 4 mm
        ({"FocalPlaneXResolution": 10000.0, "FocalPlaneResolutionUnit": 3}, 4.0, "by FocalPlaneXResolution"),
        # inches, the unit where none is named: 4000 / 5080 * 25.4 = 20 mm
        ({"FocalPlaneXResolution": 5080.0}, 20.0, "by FocalPlaneXResolution"),
        # a 4:3 sensor whose diagonal is a fifth of 43.27 mm: 6.923 mm long
        ({"FocalLengthIn35mmFilm": 25}, 6.923, "by the focal length of 25 mm in 35 mm film"),
        # no sensor is 101.6 mm long, so the other way is taken
        ({"FocalPlaneXResolution": 1000.0, "FocalLengthIn35mmFilm": 25}, 6.923, "by the focal length"),
        ({"FocalLengthIn35mmFilm": 0}, None, ""),
    ],
)
def test_the_sensor_of_a_photograph(tmp_path, tags, sensor, words):
    sides = {"ExifImageWidth": 4000, "ExifImageHeight": 3000}
    path = taken(tmp_path / "a.jpg", (400, 300), FocalLength=5.0, **sides, **tags)
    found = how_taken(path)
    assert found.sensor_mm == pytest.approx(sensor, abs=0.001)
    assert found.sensor_from.startswith(words)


def test_a_photograph_that_tells_its_sensor(tmp_path):
    # 6.923 mm / 400 px = 17.31 um; (1000 - 5) / 5 = 199 times as large
    path = taken(tmp_path / "a.jpg", (400, 300), FocalLength=5.0, FocalLengthIn35mmFilm=25)
    scale = from_photograph(path, 1.0)
    assert scale.mm_per_px == pytest.approx(3.444, abs=0.001)
    assert scale.origin.endswith(
        "sensor 6.923 mm wide (by the focal length of 25 mm in 35 mm film): pixel pitch 17.3 um"
    )


def test_a_photograph_that_does_not(tmp_path):
    with pytest.raises(DataError, match=r"EXIF of a\.jpg does not tell how wide the sensor is: .*; give the sensor's"):
        from_photograph(taken(tmp_path / "a.jpg", (400, 300), FocalLength=5.0), 1.0)


def test_a_photograph_that_contradicts_itself(tmp_path):
    """Halved to 2000 px by a program that left the old resolution: 36 mm, and by it 18."""
    sides = {"ExifImageWidth": 2000, "ExifImageHeight": 1333}
    stale = {"FocalPlaneXResolution": 4000 / 36 * 10, "FocalPlaneResolutionUnit": 3, "FocalLengthIn35mmFilm": 50}
    path = taken(tmp_path / "a.jpg", (200, 133), FocalLength=50.0, **sides, **stale)
    with pytest.raises(DataError, match=r"a\.jpg contradicts itself .*: 18 mm by FocalPlaneXResolution and 36.* mm by"):
        from_photograph(path, 1.0)
    # 36 / 200 * 19, by who knows better
    assert from_photograph(path, 1.0, 36.0).mm_per_px == pytest.approx(3.42)
    # rounded to the next millimetre, 2 %: no contradiction
    near = {"FocalPlaneXResolution": 2000 / 36 * 10, "FocalPlaneResolutionUnit": 3, "FocalLengthIn35mmFilm": 51}
    assert how_taken(taken(tmp_path / "b.jpg", (200, 133), FocalLength=50.0, **sides, **near)).sensor_mm == (
        pytest.approx(36)
    )

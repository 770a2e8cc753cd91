import math

import pytest
from PIL import ExifTags, Image

from crackflow.errors import DataError
from crackflow.geometry.scale import Scale, from_camera, from_photograph, read_scales


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
        ({}, "no focal length"),
        ({"FocalLength": 0.0}, "no focal length"),
        ({"FocalLength": 50.0, "ExifImageWidth": 4000, "ExifImageHeight": 2000}, "cropped"),
    ],
)
def test_a_photograph_without_a_scale(tmp_path, tags, message):
    with pytest.raises(DataError, match=message):
        from_photograph(taken(tmp_path / "a.jpg", (400, 300), **tags), 1.0, 36.0)


def test_no_photograph(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        from_photograph(tmp_path / "a.jpg", 1.0, 36.0)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_a_scale_is_a_number_above_0(wrong):
    with pytest.raises(DataError, match="above 0"):
        Scale(wrong)


def test_bounds_in_px():
    assert Scale(0.5).to_px((0.1, 1.0, 2.0)) == (0.2, 2.0, 4.0)


def test_scales_of_a_csv(tmp_path):
    path = tmp_path / "scales.csv"
    path.write_text("mm_per_px,photograph,note\n0.25,a/b.jpg,x\n.5,c.jpg,\n", encoding="utf-8-sig")
    assert {name: scale.mm_per_px for name, scale in read_scales(path).items()} == {"a/b.jpg": 0.25, "c.jpg": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photograph,mm\na,1\n", "no column mm_per_px"),
        ("photograph,mm_per_px\na,1\na,2\n", "line 3: a stands there twice"),
        ("photograph,mm_per_px\na,wide\n", "line 2: 'wide'"),
        ("photograph,mm_per_px\na\n", "line 2: ''"),
    ],
)
def test_a_csv_that_can_not_be_used(tmp_path, text, message):
    path = tmp_path / "scales.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_scales(path)


def test_no_csv(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        read_scales(tmp_path / "none.csv")

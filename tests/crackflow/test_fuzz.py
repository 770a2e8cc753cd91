"""Damaged files of every kind that is read: each is read, or rejected in one line by an error of crackflow's own.

`make soak` tries each kind for ten minutes (CRACKFLOW_FUZZ_S says otherwise), `make test` for a moment.
"""

import io
import json
import os
import tempfile
import time
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from crackflow.errors import CrackflowError
from crackflow.imaging.photo_file import read_photograph
from crackflow.inference.operating_point_file import read_file
from crackflow.inference.predictor import load_model
from crackflow.models import keras_file
from crackflow.params import Params, parse, render
from crackflow.params.text import read_yaml

MOST_PIXELS = 10_000
SECONDS = float(os.environ.get("CRACKFLOW_FUZZ_S", "600"))
POINT = json.dumps({"format": 1, "threshold": 0.5, "smallest_area": 20.0, "peak": 0.7, "flips": False}).encode()


def photographs():
    """A small picture in each format."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    found = []
    for name in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"):
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, name)
        found.append(content.getvalue())
    content = io.BytesIO()
    tifffile.imwrite(content, pixels.astype(np.uint16), compression="zlib", tile=(16, 16), photometric="rgb")
    return [*found, content.getvalue()]


def model():
    """The members of a tiny model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1, activation="softmax")]).save(path)
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


@st.composite
def damaged(draw, wholes):
    """One of some contents: bytes exchanged, a part taken out, doubled, or the end cut off."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 16))
        how = draw(st.sampled_from(["exchange", "remove", "double", "cut"]))
        if how == "exchange":
            content[place : place + length] = draw(st.binary(min_size=length, max_size=length))
        elif how == "remove":
            del content[place : place + length]
        elif how == "double":
            content[place:place] = content[place : place + length]
        else:
            del content[place:]
    return bytes(content)


@st.composite
def models(draw, members, loose):
    """A model whose zip is damaged; or one of whose members is, with checksums that are right."""
    content = dict(members)
    if not loose or draw(st.booleans()):
        name = draw(st.sampled_from(sorted(content)))
        content[name] = draw(damaged([content[name]]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return draw(damaged([packed.getvalue()])) if loose else packed.getvalue()


def one_line(read):
    """Whether it was read; else it was rejected as it must be."""
    try:
        read()
    except CrackflowError as error:
        said = str(error)
    else:
        return True
    assert "\n" not in said
    assert len(said) < 2000
    return False


def point(path):
    read_file(path)


def params(path):
    parse(read_yaml(path))


def photograph(path):
    found = read_photograph(path, MOST_PIXELS)
    assert found.dtype == np.uint8
    assert found.shape[0] * found.shape[1] <= MOST_PIXELS


KINDS = {
    "operating point": (lambda: damaged([POINT]), point),
    "params.yaml": (lambda: damaged([render(Params()).encode()]), params),
    "photograph": (lambda: damaged(photographs()), photograph),
    "model file": (lambda: models(model(), loose=True), keras_file.check),
    "model": (lambda: models(model(), loose=False), load_model),
}


def tried(folder, kind, number, begin=0):
    """Try so many damaged files of a kind; how many were read, and how many rejected."""
    strategy, read = KINDS[kind]
    counts = [0, 0]
    path = folder / ("file.keras" if kind.startswith("model") else "file")

    @seed(begin)
    @settings(max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy())
    def one(content):
        path.write_bytes(content)
        counts[one_line(lambda: read(path))] += 1

    one()
    assert [other.name for other in folder.iterdir()] == [path.name]
    return counts


@pytest.mark.parametrize(("kind", "number"), [*((kind, 60) for kind in KINDS if kind != "model"), ("model", 8)])
def test_what_is_damaged_is_read_or_rejected_in_one_line(tmp_path, kind, number):
    rejected, _ = tried(tmp_path, kind, number)
    assert rejected > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_for_ten_minutes(tmp_path, kind):
    ends, counts, begin = time.monotonic() + SECONDS, np.zeros(2, int), 1
    while time.monotonic() < ends:
        counts += tried(tmp_path, kind, 200, begin)
        begin += 1
    print(f"{kind}: {counts.sum()} files in {SECONDS:g} s, {counts[0]} rejected, {counts[1]} read")

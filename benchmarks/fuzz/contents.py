"""Small whole files of each kind, from which damaged ones are made."""

import io
import json
import pickle
import tempfile
import zipfile
from collections import OrderedDict
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from PIL import ExifTags, Image
from pycocotools import mask as coco_mask

from crackflow.inference import packaged_weights
from crackflow.models import torch_file
from crackflow.models.compression import CONFIG
from crackflow.models.seen_pairs import render as seen_text
from crackflow.params import Params, dump, render

ROOT = Path(__file__).parents[2]
SHA = "0" * 64


def point() -> list[bytes]:
    """Operating points, as stage evaluate writes them and as earlier versions did."""
    now = {"format": 1, "threshold": 0.5, "smallest_area": 20.0, "peak": 0.7, "flips": False, "metric": "pooled_iou"}
    more = {"value": 0.5, "unfiltered": {"value": 0.4, "false_alarms": None}, "images": 9, "model_sha256": SHA}
    old = {"threshold": 0.5, "smallest_share": 0.001, "dropping": "no", "chosen_on": "valid"}
    return [json.dumps(one).encode() for one in (now, {**now, **more}, old)]


def params() -> list[bytes]:
    """The defaults, as YAML in its two forms."""
    return [render(Params()).encode(), json.dumps(dump(Params())).encode()]


def photographs() -> list[bytes]:
    """A small picture in each format."""
    pixels = _pixels()
    found = []
    for name in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "MPO", "PPM", "JPEG2000"):
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, name)
        found.append(content.getvalue())
    content = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(content, "JPEG", exif=exif)
    return [*found, content.getvalue(), *tiffs()[:4]]


def taken() -> list[bytes]:
    """Photographs whose EXIF tells how they were taken."""
    found = []
    for name in ("JPEG", "WEBP"):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif).update(
            {
                ExifTags.Base.FocalLength: 4.3,
                ExifTags.Base.FocalLengthIn35mmFilm: 26,
                ExifTags.Base.FocalPlaneXResolution: 100.0,
                ExifTags.Base.FocalPlaneResolutionUnit: 3,
                ExifTags.Base.ExifImageWidth: 32,
                ExifTags.Base.ExifImageHeight: 24,
            }
        )
        content = io.BytesIO()
        Image.fromarray(_pixels()).save(content, name, exif=exif)
        found.append(content.getvalue())
    return found


def masks() -> list[bytes]:
    """Masks as levels, numbers, colour tables and transparency."""
    levels = (_pixels()[..., 0] > 250).astype(np.uint8) * 255
    table = Image.fromarray(levels // 255).convert("P")
    table.putpalette([0, 0, 0, 128, 0, 0])
    clear = Image.fromarray(np.dstack([levels] * 4), "RGBA")
    found = []
    for image, name, more in (
        (Image.fromarray(levels), "PNG", {}),
        (Image.fromarray(levels // 255), "PNG", {}),
        (Image.fromarray(levels), "JPEG", {}),
        (Image.fromarray(levels > 0), "PNG", {}),
        (table, "PNG", {"transparency": 0}),
        (table, "GIF", {}),
        (table, "TIFF", {}),
        (clear, "PNG", {}),
        (clear, "WEBP", {"lossless": True}),
    ):
        content = io.BytesIO()
        image.save(content, name, **more)
        found.append(content.getvalue())
    return [*found, *tiffs()[4:6], tiffs()[7]]


def tiffs() -> list[bytes]:
    """TIFF files in layouts that people have."""
    pixels = _pixels()
    deep = pixels.astype(np.uint16) * 200
    grey = pixels[..., 0]
    found = []
    for array, more in (
        (deep, {"compression": "zlib", "tile": (16, 16), "photometric": "rgb"}),
        (deep.transpose(2, 0, 1), {"photometric": "rgb", "planarconfig": "separate"}),
        (pixels, {"compression": "lzw", "photometric": "rgb", "bigtiff": True}),
        (pixels, {"compression": "jpeg", "photometric": "ycbcr"}),
        (grey, {"photometric": "miniswhite", "compression": "packbits", "rowsperstrip": 5}),
        (grey > 128, {"photometric": "minisblack"}),
        (grey, {"photometric": "palette", "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256)}),
        (np.dstack([pixels, grey]), {"photometric": "rgb", "extrasamples": ["unassalpha"], "byteorder": ">"}),
    ):
        content = io.BytesIO()
        tifffile.imwrite(content, array, **more)
        found.append(content.getvalue())
    return found


def geotiffs() -> list[bytes]:
    """TIFF files that lie on the ground, in a projection and in degrees."""
    keys = (
        (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 25832),
        (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326),
    )
    place = (0.0, 0.0, 0.0, 9.0, 48.0, 0.0)
    found = []
    for key in keys:
        for more in ({"tile": (16, 16)}, {"rowsperstrip": 4, "compression": "zlib"}):
            content = io.BytesIO()
            # GeoKeyDirectoryTag, ModelPixelScaleTag and ModelTiepointTag (OGC GeoTIFF 1.1)
            tags = [(34735, 3, len(key), key), (33550, 12, 3, (0.001, 0.001, 0.0)), (33922, 12, 6, place)]
            tifffile.imwrite(content, _pixels(), photometric="rgb", extratags=[(*tag, True) for tag in tags], **more)
            found.append(content.getvalue())
    return found


@cache
def model_members() -> dict[str, bytes]:
    """The members of a tiny model."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1, activation="softmax")]).save(path)
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files by their names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def models() -> list[bytes]:
    """A tiny model, stored and deflated."""
    return [zipped(model_members(), method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]


def configs() -> list[bytes]:
    """What a tiny model says of its layers."""
    return [model_members()[CONFIG]]


def torch_files() -> list[bytes]:
    """A state dict of two tensors, as torch.save wrote it before version 1.6."""
    # protocol 2, by hand, since there is no torch that the pickler could name
    system = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)

    def tensor(name: str, key: str, kind: str, size: int) -> bytes:
        storage = b"(" + _text("storage") + b"ctorch\n" + kind.encode() + b"\n" + _text(key) + _text("cpu")
        storage += b"K" + bytes([size]) + b"NtQ"
        shape = b"K" + bytes([size]) + b"\x85K\x01\x85"
        last = b"\x89ccollections\nOrderedDict\n)R"
        return _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + shape + last + b"tR"

    state = b"\x80\x02ccollections\nOrderedDict\n)R("
    state += tensor("a.weight", "0", "FloatStorage", 4) + tensor("a.count", "1", "LongStorage", 1) + b"u."
    head = pickle.dumps(torch_file.MAGIC, 2) + pickle.dumps(torch_file.PROTOCOL, 2) + system
    numbers = (4).to_bytes(8, "little") + np.ones(4, "<f4").tobytes() + (1).to_bytes(8, "little") + bytes(8)
    empty = pickle.dumps(OrderedDict(), 2) + pickle.dumps([], 2)
    return [head + state + pickle.dumps(["0", "1"], 2) + numbers, head + empty]


def records() -> list[bytes]:
    """The other files of JSON that crackflow writes and reads."""
    card = packaged_weights.FOLDER / "card.json"
    entry = {"path": "masks/a.png", "bytes": 3, "sha256": SHA}
    manifest = {"format": 1, "command": "predict", "version": "1", "model_sha256": SHA, "options": {"a": [1, None]}}
    metadata = {
        "format": 1,
        "exported_from": "the packaged weights",
        "model": "model.onnx",
        "model_sha256": SHA,
        "input": {"layout": "NCHW", "height": 8, "width": 8, "channels": "RGB", "type": "float32", "range": [0, 1]},
        "output": {"layout": "NCHW", "type": "float32", "holds": "crack"},
        "classes": {"background": [0, 0, 0], "crack": [255, 255, 255]},
        "resize": Params().resize.model_dump(mode="json"),
        "operating_point": {"threshold": 0.5, "smallest_area": 0.0, "peak": 0.0, "flips": False, "in_words": ""},
        "use": "any",
    }
    made = [{**manifest, "state": "done", "files": [entry]}, metadata]
    return [
        card.read_bytes(),
        (ROOT / "metrics/evaluation.json").read_bytes(),
        *(json.dumps(one).encode() for one in made),
    ]


def seen() -> list[bytes]:
    """Lists of the pairs that a model was trained on."""
    return [seen_text(["a", "b"]).encode(), b"0123456789abcdef\n"]


def labels() -> list[bytes]:
    """Labels of COCO and of Labelme for a photograph a.png of 8x6 px."""
    ring = [2, 1, 5, 1, 5, 3, 2, 3]
    whole = {"size": [6, 8], "counts": [13, 2, 4, 2, 4, 2, 21]}
    filled = np.zeros((6, 8), np.uint8, order="F")
    filled[1:3, 2:5] = 1
    packed = {"size": [6, 8], "counts": coco_mask.encode(filled)["counts"].decode()}
    coco = {
        "images": [{"id": 5, "file_name": "a.png", "width": 8, "height": 6}],
        "categories": [{"id": 1, "name": "crack"}],
        "annotations": [
            {"id": number, "image_id": 5, "category_id": 1, "segmentation": one}
            for number, one in enumerate(([ring], whole, packed))
        ],
    }
    points = [[2, 1], [5, 1], [5, 3]]
    shapes = [
        {"label": "crack", "points": points, "shape_type": "polygon"},
        {"label": "crack", "points": points[:2], "shape_type": "rectangle"},
    ]
    labelme = {"imagePath": "a.png", "imageWidth": 8, "imageHeight": 6, "imageData": None, "shapes": shapes}
    return [json.dumps(one).encode() for one in (coco, labelme)]


def cvat() -> list[bytes]:
    """Labels of CVAT for a photograph a.png of 8x6 px."""
    text = """<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
<image id="0" name="a.png" width="8" height="6">
<polygon label="crack" points="2.0,1.0;5.0,1.0;5.0,3.0" z_order="0"></polygon>
<box label="crack" xtl="1.0" ytl="1.0" xbr="3.0" ybr="3.0"></box>
<mask label="crack" rle="1, 2, 3" left="1" top="1" width="3" height="2"></mask><tag label="crack"></tag>
</image></annotations>"""
    return [text.encode()]


def archives() -> list[bytes]:
    """Zips of photographs and of other files, with names of each kind."""
    photo = photographs()[1]
    plain = {"images/a.png": photo, "masks/a.png": photo, "b.jpg.jpg": b"x", "read.txt": b"t", "c\\d.png": photo}
    odd = {"../a.png": photo, "/b.png": photo, "con.png": photo, "A.png": photo, "a.png": photo, "a.png/b.png": photo}
    return [zipped(plain), zipped(plain, zipfile.ZIP_STORED), zipped(odd), zipped({"images/a.png": bytes(10**5)})]


def scales() -> list[bytes]:
    """Tables of what a pixel measures."""
    return [b"photograph,mm_per_px\na.png,0.5\nb.png,1e-3\n", b'\xef\xbb\xbfmm_per_px;photograph\r\n0.5,"a\nb"\r\n']


def _pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)


def _text(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()

"""The kinds of file that are read, each with whole ones and with what reads it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzz import contents
from benchmarks.fuzz.contract import Fault
from crackflow.errors import CrackflowError, ModelError
from crackflow.evaluation.figures_file import parse_figures
from crackflow.geometry.camera import how_taken
from crackflow.geometry.scale import read_scales
from crackflow.imaging import geotiff
from crackflow.imaging.masks import read_mask
from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.imaging.photo_file import read_photograph
from crackflow.imaging.tiff import read_tiff
from crackflow.inference.card import CARD, read_card
from crackflow.inference.operating_point_file import read_file
from crackflow.models import keras_file
from crackflow.models.compression import CONFIG
from crackflow.models.seen_pairs import read_hashes
from crackflow.models.torch_file import read_tensors
from crackflow.output import manifest
from crackflow.params import ArchiveParams, parse
from crackflow.params.text import read_yaml
from crackflow.runtimes import metadata
from crackflow.sources.annotations.masks import annotation_files, draw_masks
from crackflow.sources.archive import unpack

MOST_PIXELS = 10_000
MADE = "made"
"""The folder beside the file in which what reads it may write."""
_TWO = ((0, 0, 0), (255, 255, 255))


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        wholes: gives whole files, small ones.
        read: reads a file, or raises.
        file: name of the file.
        may_ask_for_memory: whether a small file may be one of a billion pixels, for which memory can lack.
    """

    wholes: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    file: str = "file"
    may_ask_for_memory: bool = False

    def try_in(self, folder: Path, content: bytes) -> Callable[[], None]:
        """Give a function that reads a file in an empty folder, and looks at what it left there."""
        path = folder / self.file

        def tried() -> None:
            path.write_bytes(content)
            try:
                self.read(path)
            except MemoryError:
                if not self.may_ask_for_memory:
                    raise
                raise CrackflowError("not enough memory") from None
            finally:
                shutil.rmtree(folder / MADE, ignore_errors=True)
            left = [one.name for one in folder.iterdir()]
            if left != [path.name] or path.read_bytes() != content:
                raise Fault("something was written that should not be")

        return tried


def _params(path: Path) -> None:
    parse(read_yaml(path))


def _photograph(path: Path) -> None:
    found = read_photograph(path, MOST_PIXELS)
    if found.dtype != np.uint8 or found.shape[0] * found.shape[1] > MOST_PIXELS:
        raise Fault("more pixels than may be")


def _mask(path: Path) -> None:
    if read_mask(path, _TWO).classes.max() > 1:
        raise Fault("a class that is none")


def _tiff(path: Path) -> None:
    read_tiff(path.read_bytes(), path.name)


def _geotiff(path: Path) -> None:
    """Where it lies, and its pixels in windows, as they are read of a photograph that is too large for memory."""
    found = None
    try:
        if geotiff.has_place(path):
            geotiff.place_of(path)
    except CrackflowError as error:
        found = error
    with arrays_on_disk(path.name) as disk:
        read_photograph(path, 100, disk, MOST_PIXELS)
    if found:
        raise found


def _config(path: Path) -> None:
    """A model whose checksums are right, and whose layers are described by the file."""
    from crackflow.inference.predictor import load_model

    (path.parent / MADE).mkdir()
    model = path.parent / MADE / "model.keras"
    model.write_bytes(contents.zipped({**contents.model_members(), CONFIG: path.read_bytes()}))
    load_model(model)


def _record(path: Path) -> None:
    """Read as each file of JSON that crackflow writes; it is enough when it is one of them."""
    folder, content = path.parent / MADE, path.read_bytes()
    folder.mkdir()
    for name in (CARD, metadata.FILE, manifest.NAME):
        (folder / name).write_bytes(content)
    errors = []
    for read in (read_card, metadata.read, manifest.read_manifest):
        try:
            read(folder)
        except CrackflowError as error:
            errors.append(error)
    try:
        parse_figures(content)
    except ValueError as error:
        errors.append(ModelError(str(error)))
    # of several the longest, since each must hold
    if len(errors) == 4:
        raise max(errors, key=lambda error: len(str(error)))


def _labels(path: Path) -> None:
    folder = path.parent / MADE / "set"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(folder / "a.png")
    shutil.copyfile(path, folder / path.name)
    files = annotation_files(folder)
    if not files:
        raise CrackflowError("no labels")
    draw_masks(folder, files, folder.parent / "drawn")


def _archive(path: Path) -> None:
    target = path.parent / MADE / "target"
    try:
        unpack(path, target, ArchiveParams())
    finally:
        if target.parent.is_dir() and {one.name for one in target.parent.iterdir()} - {target.name}:
            raise Fault("something was written beside the target")


KINDS = {
    "operating point": Kind(contents.point, read_file),
    "params.yaml": Kind(contents.params, _params),
    "photograph": Kind(contents.photographs, _photograph),
    "model file": Kind(contents.models, keras_file.check, "file.keras"),
    "layers of a model": Kind(contents.configs, _config),
    "EXIF": Kind(contents.taken, how_taken),
    "mask": Kind(contents.masks, _mask, may_ask_for_memory=True),
    "TIFF": Kind(contents.tiffs, _tiff, "file.tif", may_ask_for_memory=True),
    "GeoTIFF": Kind(contents.geotiffs, _geotiff, "file.tif"),
    "pretrained weights": Kind(contents.torch_files, read_tensors),
    "card, metadata, manifest, figures": Kind(contents.records, _record),
    "list of training pairs": Kind(contents.seen, read_hashes),
    "labels of COCO, Labelme": Kind(contents.labels, _labels, "labels.json"),
    "labels of CVAT": Kind(contents.cvat, _labels, "labels.xml"),
    "zip": Kind(contents.archives, _archive, "file.zip"),
    "table of mm per px": Kind(contents.scales, read_scales, "scales.csv"),
}

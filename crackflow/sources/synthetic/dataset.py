"""The built-in sample: photographs of pavement and concrete made by code, with exact masks.

It needs no network, and has the difficulties of Kaggle's set: several sources, several crops of one parent photo, one
photograph under two names, photographs without a crack, masks saved as JPEG.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from crackflow.atomic import write_bytes
from crackflow.params import SampleParams
from crackflow.progress import track
from crackflow.sources.synthetic.scene import Photo, render

Pixels = npt.NDArray[np.uint8]
MaskSuffix = Literal[".png", ".jpg"]

IMAGE_QUALITY = 92
# As on Kaggle: JPEG compression leaves many grey values near 0 and 255 in a mask.
MASK_QUALITY = 95
PNG_COMPRESSION = 6
# A parent photo is this many times wider than its crops.
PARENT = 1.6
# Lengths are given for photographs of this side; see crackflow.sources.synthetic.surfaces.
REFERENCE_PX = 448
# One photo of each source in turn, so that even a small sample has many sources.
ORDER = ("CRACK500", "noncrack", "CFD", "Rissbilder_for_Florian", "DeepCrack", "Volker", "cracktree200")
# Of the sources with cracks, every 25th photo has none.
BARE_EVERY = 25
# Where crops lie in the parent photo, in x and y: 0 is the left or upper end, 1 the right or lower one.
CORNERS = ((0.0, 0.1), (0.9, 0.2), (0.15, 0.95))


@dataclass(frozen=True)
class SamplePair:
    """A photograph and its mask.

    Attributes:
        stem: file name without suffix, in the style of the source.
        image: uint8 (size, size, 3) RGB.
        mask: uint8 (size, size), 255 where a crack covers more than half of the pixel and 0 elsewhere.
        mask_suffix: format to save the mask in.
    """

    stem: str
    image: Pixels
    mask: Pixels
    mask_suffix: MaskSuffix


@dataclass(frozen=True)
class _Shot:
    """One pair to cut from a parent photo: its stem, where the crop lies, and a change of brightness.

    `corner` None takes the whole parent photo, made smaller.
    """

    stem: str
    corner: tuple[float, float] | None
    gain: float = 1.0


def pairs(params: SampleParams) -> Iterator[SamplePair]:
    """Make the sample's pairs, one at a time.

    Args:
        params: seed, number of pairs, and side of a pair in pixels, from 32.

    Returns:
        An iterator over exactly `params.images` pairs. The same seed and size give the same pairs; a larger sample
        begins with the pairs of a smaller one.
    """
    return islice(_endless(params), params.images)


def write(folder: Path, params: SampleParams) -> int:
    """Write the sample as images/STEM.jpg and masks/STEM.png or .jpg.

    Each file appears under its name only when it is complete.

    Args:
        folder: where images/ and masks/ go; made if it is missing.
        params: seed, number of pairs, and side of a pair in pixels, from 32.

    Returns:
        The number of pairs written.
    """
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for pair in track(pairs(params), "making the sample", params.images):
        _save(folder / "images" / f"{pair.stem}.jpg", pair.image[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, IMAGE_QUALITY)
        if pair.mask_suffix == ".jpg":
            _save(folder / "masks" / f"{pair.stem}.jpg", pair.mask, cv2.IMWRITE_JPEG_QUALITY, MASK_QUALITY)
        else:
            _save(folder / "masks" / f"{pair.stem}.png", pair.mask, cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION)
    return params.images


def _endless(params: SampleParams) -> Iterator[SamplePair]:
    side, unit = round(params.size * PARENT), (params.size / REFERENCE_PX) ** 0.5
    for number in count():
        shots = [_shots(source, number, params.size) for source in ORDER]
        photos: list[Photo] = []
        for turn in range(max(map(len, shots))):
            for at, source in enumerate(ORDER):
                if turn == 0:
                    cracked = source != "noncrack" and (number * len(ORDER) + at + 1) % BARE_EVERY > 0
                    photos.append(render(np.random.default_rng([params.seed, number, at]), source, cracked, side, unit))
                if turn < len(shots[at]):
                    suffix: MaskSuffix = ".jpg" if (number + at) % 2 else ".png"
                    yield _cut(photos[at], shots[at][turn], params.size, suffix)


def _shots(source: str, number: int, size: int) -> list[_Shot]:
    """List the pairs of a source's photo `number`, named as the source names them."""
    room = round(size * PARENT) - size
    places = [f"{round(x * room)}_{round(y * room)}" for x, y in CORNERS]
    if source == "CRACK500":
        taken = datetime(2016, 2, 22, 8, 10, 11, tzinfo=UTC) + number * timedelta(seconds=73)
        return _crops(f"CRACK500_{taken:%Y%m%d_%H%M%S}_", places)
    if source == "Rissbilder_for_Florian":
        return _crops(f"Rissbilder_for_Florian_9S6A{2782 + number}_", [f"{place}_{size}_{size}" for place in places])
    if source == "Volker":
        return _crops(f"Volker_DSC{1608 + number:05}_", [f"{place}_{size}_{size}" for place in places])
    if source == "noncrack":
        shots = _crops(f"noncrack_noncrack_concrete_wall_{number}_", ["0", "1", "2"])
        # Some crops of one wall are identical.
        return [*shots[:2], _Shot(shots[2].stem, shots[0].corner)] if number % 3 == 1 else shots
    if source == "DeepCrack":
        return [_Shot(f"DeepCrack_{11111 + number}", None), _Shot(f"DeepCrack_{11111 + number}-1", CORNERS[0])]
    if source == "CFD":
        return [_Shot(f"CFD_{number + 1:03}", CORNERS[0]), _Shot(f"forest_{number + 1:03}", CORNERS[0], 1.03)]
    shots = [_Shot(f"cracktree200_{6192 + 2 * number}", CORNERS[0])]
    # These two are one photograph, and their names do not tell.
    return [*shots, _Shot(f"cracktree200_{6193 + 2 * number}", CORNERS[0], 0.95)] if number % 3 == 0 else shots


def _crops(start: str, ends: list[str]) -> list[_Shot]:
    return [_Shot(start + end, corner) for end, corner in zip(ends, CORNERS, strict=True)]


def _cut(photo: Photo, shot: _Shot, size: int, suffix: MaskSuffix) -> SamplePair:
    if shot.corner is None:
        image = cv2.resize(photo.image, (size, size), interpolation=cv2.INTER_AREA)
        covered = cv2.resize(photo.coverage, (size, size), interpolation=cv2.INTER_AREA)
    else:
        room = photo.image.shape[0] - size
        x, y = (round(share * room) for share in shot.corner)
        image, covered = photo.image[y : y + size, x : x + size], photo.coverage[y : y + size, x : x + size]
    image = np.clip(np.rint(image * np.float32(shot.gain)), 0, 255).astype(np.uint8)
    return SamplePair(shot.stem, image, np.where(covered > 0.5, 255, 0).astype(np.uint8), suffix)


def _save(path: Path, pixels: Pixels, option: int, value: int) -> None:
    _, encoded = cv2.imencode(path.suffix, pixels, [option, value])
    write_bytes(path, encoded.tobytes())

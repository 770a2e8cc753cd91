"""`crackflow growth`: two photographs of one place at two dates, and which cracks are new, longer or wider."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from crackflow.errors import DataError
from crackflow.geometry import growth as geometry
from crackflow.geometry.alike import Alike, make_alike
from crackflow.geometry.contrast import grey_of
from crackflow.geometry.scale import Scale
from crackflow.geometry.traces import Look, near
from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.images import Pixels, png_bytes
from crackflow.imaging.photo_file import read_photograph
from crackflow.imaging.registration import Registration, laid_on, register, shown_by_both
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint, as_json, sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import predict_photo, side_of
from crackflow.output.claim import claim, reject_overlap
from crackflow.output.manifest import source_of, version
from crackflow.progress import track
from crackflow.results import growth_tables
from crackflow.results.growth_picture import growth_picture, jpeg
from crackflow.results.millimetres import length
from crackflow.runtimes.choice import choose_runtime, digest, load
from crackflow.safe_text import printable
from pipelines.memory import Space, room

PICTURE, ALIGNED, TABLE = "growth.png", "after-aligned.jpg", growth_tables.TABLE
NAMES = (PICTURE, ALIGNED, TABLE, growth_tables.FILE)
# Bytes that a pixel of the first photograph takes at the peak, with all that is kept of the second.
_BYTES_A_PIXEL = 40
# What the second photograph's border is continued by can look like a crack, px.
_RIM = 8
# What may still be of a crack beside its mask, px.
_BESIDE = 8.0


class Compared(NamedTuple):
    """Two photographs of one place, in the frame of the first."""

    registration: Registration
    alike: Alike
    first: Look
    second: Look
    growth: geometry.Growth
    laid: Pixels
    """the second photograph, white where it does not show the place"""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    registration: Registration
    cracks: tuple[geometry.CrackChange, ...]
    mm_per_px: float | None

    def words(self) -> str:
        """Say it in one line."""
        counts = growth_tables.counts(self.cracks)
        parts = [f"cracks: {len(self.cracks)}", *(f"{name}: {count}" for name, count in counts.items() if count)]
        told = ("new", "longer")
        added = sum(one.added_px for one in self.cracks if one.length_change in told)
        if added:
            parts.append(f"length added: {length(added, self.mm_per_px, 0, 0)}")
        return "; ".join(parts)


def growth(
    weights: Weights,
    before: Path,
    after: Path,
    out: Path,
    *,
    mm_per_px: float | None = None,
    max_memory: float = 1.5,
    runtime: str = "",
    force: bool = False,
) -> Outcome:
    """Compare two photographs of one place and write a picture and tables.

    Args:
        weights: as pipelines.commands.model_choice.choose gives them.
        before: the earlier photograph; its pixels are the frame of all results.
        after: the later one.
        out: the folder to write to; see crackflow.output.claim.
        mm_per_px: of the earlier photograph; None where it is not known.
        max_memory: GiB that the two may take above what the program takes without them.
        runtime: as crackflow.runtimes.choice.choose_runtime takes it.
        force: whether files of the user in `out` may be replaced where they have the names of results, and a comparison
            of other photographs.

    Raises:
        DataError: when one can't be read, the two do not show one place, or `out` can't be written without a loss.
        ModelError: when the model or its operating point is absent or can't be used.
    """
    scale = None if mm_per_px is None else Scale(mm_per_px).mm_per_px
    space, most = Space(max_memory), int(room(max_memory) / _BYTES_A_PIXEL)
    for path in (before, after):
        if not path.is_file():
            raise DataError(f"no photograph at {path}; expected a file")
    reject_overlap(out, after, "growth")
    with claim(out, before, NAMES, command="growth", force=force) as folder:
        if folder.of_others({TABLE: (before, after)}):
            raise DataError(f"{out} holds a comparison of other photographs; name another --out, or add --force")
        point, mode = weights.point(), weights.params.resize.mode
        first, second = (read_photograph(path, most) for path in (before, after))
        runs_on, model_sha256 = choose_runtime(weights.model, runtime), digest(weights.model)
        network = load(weights.model, runs_on)
        # the second is laid on it
        space.check_squares(before.name, first.shape[0], first.shape[1], side_of(network), mode)
        compared = compare(network, point, mode, first, second)
        placed, found = compared.registration, compared.growth
        about: dict[str, JsonValue] = {
            "command": "growth",
            "version": version(),
            "before": printable(before.name),
            "before_sha256": sha256(before),
            "after": printable(after.name),
            "after_sha256": sha256(after),
            "model": weights.name,
            "model_sha256": model_sha256,
            "runtime": runs_on,
            "operating_point": as_json(point),
            "registration": _as_json(placed),
            "alike": {
                "known": compared.alike.known,
                "exponent": round(compared.alike.exponent, 3),
                "blur_px": round(compared.alike.blur_px, 3),
            },
        }
        folder.begin(NAMES, model_sha256, about, keep_others=False)
        picture = growth_picture(compared.laid, (compared.first.crack, compared.second.crack), found)
        folder.write(PICTURE, png_bytes(picture))
        folder.write(ALIGNED, jpeg(compared.laid))
        folder.write(growth_tables.FILE, growth_tables.growth_json(found.cracks, scale, about))
        # last: where it is there, everything else is
        folder.write(TABLE, growth_tables.growth_csv(found.cracks, scale), source_of(before, after))
        folder.finish()
    return Outcome(placed, found.cracks, scale)


def compare(network: Network, point: OperatingPoint, mode: ResizeMode, first: Pixels, second: Pixels) -> Compared:
    """Find the cracks of both photographs in the frame of the first, and compare them.

    The second is laid on the first before the network sees it. So it sees both at one scale, and in the same squares.

    Args:
        network: of any runtime.
        point: what is foreground, and which components of it are removed.
        mode: how the training pairs were resized.
        first: the earlier photograph, uint8 RGB (H, W, 3).
        second: the later one, of any size.

    Raises:
        DataError: when the two do not show one place.
    """
    placed = register(first, second)
    laid = laid_on(second, placed.matrix, (first.shape[1], first.shape[0]))
    shown = _inner(shown_by_both(placed.matrix, first.shape, second.shape))
    cracks = [
        (predict_photo(network, photo, point, mode).classes > 0) & shown
        for photo in track((first, laid), "growth", unit="photo")
    ]
    surface = shown & ~near(cracks[0] | cracks[1], _BESIDE)
    alike = make_alike(grey_of(first), grey_of(laid), surface)
    looks = [geometry.look(grey, crack) for grey, crack in zip((alike.first, alike.second), cracks, strict=True)]
    # what the second does not show is blank in pictures
    laid[~shown_by_both(placed.matrix, first.shape, second.shape)] = 255
    found = geometry.compare(looks[0], looks[1], placed.error_px, alike=alike.known)
    return Compared(placed, alike, looks[0], looks[1], found, laid)


def _inner(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What both show, without a rim along the border of the second photograph; the first one's border stays."""
    outside = (~shown).view(np.uint8)
    if not outside.any():
        return shown
    return np.asarray(cv2.distanceTransform(1 - outside, cv2.DIST_L2, 3) > _RIM)


def _as_json(placed: Registration) -> dict[str, JsonValue]:
    return {
        "after_to_before": placed.matrix.tolist(),
        "matches": placed.matches,
        "correlation": round(placed.correlation, 4),
        "overlap": round(placed.overlap, 4),
        "error_px": round(placed.error_px, 3),
    }

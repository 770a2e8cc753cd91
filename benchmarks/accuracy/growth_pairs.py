"""Made photographs of one place at two dates, with growth that is known; for benchmarks.accuracy.growth."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.sources.synthetic.cracks import STEP_PX, Crack, coverage, grow
from crackflow.sources.synthetic.scene import LOOKS, render
from crackflow.sources.synthetic.surfaces import Canvas

Photo = NDArray[np.uint8]
SIDE, MARGIN = 480, 70
KINDS = tuple(LOOKS)
# How dark a crack is, 1 is black.
DEPTH = (0.55, 0.8)


class MadePair(NamedTuple):
    """Two photographs, uint8 RGB (SIDE, SIDE, 3), and what is true of them."""

    before: Photo
    after: Photo
    matrix: NDArray[np.float64]
    """float64 (3, 3): from a place in `after` to the same in `before`"""


def made(seed: int, longer: float = 0.0, wider: float = 0.0, beside: float = 0.0) -> MadePair:
    """Make a surface with one crack, and photograph it twice: by another hand, in other light, sharp by other measure.

    Args:
        seed: of all that is drawn.
        longer: by how much the crack is longer in the second photograph, px of the first. It then ends within both.
        wider: by how much it is wider, px.
        beside: how far from it, middle to middle, a new crack runs along its middle half, px; 0 for none.
    """
    rng = np.random.default_rng(seed)
    whole = SIDE + 2 * MARGIN
    kind = KINDS[seed % len(KINDS)]
    bare = render(rng, kind, False, whole, 1.0).image.astype(np.float32)
    canvas = Canvas(rng, whole, 1.0)
    crack = _crossing(canvas, rng)
    depth, ragged = rng.uniform(*DEPTH), int(rng.integers(2**31))
    steps = round(longer / STEP_PX)
    short = Crack(crack.points[: len(crack.points) - steps], crack.widths[: len(crack.points) - steps])
    grown = Crack(crack.points, crack.widths + wider)
    later = [grown, _beside(crack, beside)] if beside else [grown]
    scenes = [_painted(canvas, bare, cracks, depth, ragged) for cracks in ([short], later)]
    matrix = _seen_from(rng, SIDE, SIDE)
    inside = np.array([[1, 0, MARGIN], [0, 1, MARGIN], [0, 0, 1.0]])
    before = scenes[0][MARGIN:-MARGIN, MARGIN:-MARGIN]
    # a place of the second photograph -> of the first -> of the scene
    after = cv2.warpPerspective(scenes[1], inside @ matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    return MadePair(_camera(rng, before), _camera(rng, after), matrix)


def again(seed: int, photo: Photo) -> MadePair:
    """Show the middle of a photograph, and the same as another photograph would: turned, scaled, in other light.

    Args:
        seed: of all that is drawn.
        photo: uint8 RGB (H, W, 3).
    """
    rng = np.random.default_rng(seed)
    rim = [round(0.08 * side) for side in photo.shape[:2]]
    height, width = (side - 2 * margin for side, margin in zip(photo.shape[:2], rim, strict=True))
    matrix = _seen_from(rng, width, height)
    inside = np.array([[1, 0, rim[1]], [0, 1, rim[0]], [0, 0, 1.0]])
    after = cv2.warpPerspective(
        photo.astype(np.float32),
        inside @ matrix,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return MadePair(photo[rim[0] : rim[0] + height, rim[1] : rim[1] + width].copy(), _camera(rng, after), matrix)


def in_other_light(pair: MadePair, gamma: float = 1.0, blur: float = 0.0) -> MadePair:
    """The same pair where the second photograph was taken by another tone curve or out of focus.

    Args:
        pair: any.
        gamma: power of the level / 255.
        blur: standard deviation, px.
    """
    after = cv2.GaussianBlur(pair.after, (0, 0), blur) if blur else pair.after
    return pair._replace(after=np.rint(255 * (after / 255) ** gamma).astype(np.uint8))


def off_by(found: NDArray[np.float64], truth: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """How far apart two matrices put a place of a photograph of this shape, at most, px."""
    x, y = np.meshgrid(np.linspace(0, shape[1], 9), np.linspace(0, shape[0], 9))
    places = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    one, other = (cv2.perspectiveTransform(places, matrix) for matrix in (found, truth))
    return float(np.hypot(*(one - other).reshape(-1, 2).T).max())


def _crossing(canvas: Canvas, rng: np.random.Generator) -> Crack:
    """One half of a crack that ends well within the first photograph."""
    while True:
        crack = grow(canvas, rng.uniform(2.5, 7), 0)[0]
        middle = np.abs(crack.points - canvas.side / 2).max(axis=1)
        inside = int(np.argmax(middle > SIDE / 2 - 60)) or len(crack.points)
        if inside * STEP_PX > 220:
            widths = np.maximum(2.0, crack.widths[:inside])
            return Crack(crack.points[:inside], widths)


def _beside(crack: Crack, apart: float) -> Crack:
    """A crack of at most 4 px that runs along the middle half of another one."""
    along = np.gradient(crack.points, axis=0)
    square = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    half = slice(len(crack.points) // 4, 3 * len(crack.points) // 4)
    return Crack(crack.points[half] + apart * square[half], np.minimum(crack.widths[half], 4.0))


def _painted(
    canvas: Canvas, bare: NDArray[np.float32], cracks: list[Crack], depth: float, ragged: int
) -> NDArray[np.float32]:
    covered = coverage(Canvas(np.random.default_rng(ragged), canvas.side, 1.0), cracks, 0.0)
    return bare * (1 - depth * covered[..., None])


def _seen_from(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float64]:
    """Turn by up to 5 degrees, scale by .9 to 1.1, a small slant, some pixels aside."""
    angle, scale = math.radians(rng.uniform(-5, 5)), rng.uniform(0.92, 1.08)
    moved, slant = rng.uniform(-0.03, 0.03, 2) * width, rng.uniform(-0.04, 0.04, 2) / width
    middle = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    turn = np.array(
        [
            [scale * math.cos(angle), -scale * math.sin(angle), moved[0]],
            [scale * math.sin(angle), scale * math.cos(angle), moved[1]],
            [0, 0, 1],
        ]
    )
    found = np.linalg.inv(middle) @ turn @ np.array([[1, 0, 0], [0, 1, 0], [*slant, 1]]) @ middle
    return np.asarray(found / found[2, 2])


def _camera(rng: np.random.Generator, scene: NDArray[np.float32]) -> Photo:
    height, width = scene.shape[:2]
    along = np.linspace(0, 1, width)[None, :, None] if rng.random() < 0.5 else np.linspace(0, 1, height)[:, None, None]
    light = rng.uniform(0.75, 1.15) * (1 + rng.uniform(-0.2, 0.2) * along)
    blurred = cv2.GaussianBlur(scene * light.astype(np.float32), (0, 0), rng.uniform(0.4, 0.9))
    return np.clip(np.rint(blurred + rng.normal(0, rng.uniform(1, 4), scene.shape)), 0, 255).astype(np.uint8)

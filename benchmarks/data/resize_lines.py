"""What resizing does to thin lines: candidates, made masks and photographs, measures; for benchmarks.data.resize."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image
from skimage.morphology import skeletonize

from crackflow.imaging.images import Pixels
from crackflow.imaging.resize import resize_image, resize_mask
from crackflow.imaging.thin_lines import component_count, coverage

SIZE = 512
MADE_SHAPE = 600, 800
WIDTHS = 1.0, 1.5, 2.0
KEPT, AREA = 0.95, 0.10
"""The criterion: this part of the skeleton's length at least, and an area this near to the scaled one."""

Resize = Callable[[Pixels, int], Pixels]


def majority(interpolation: int) -> Resize:
    """Interpolate 0 and 255, and take what is above the middle."""

    def resize(classes: Pixels, size: int) -> Pixels:
        return (cv2.resize(classes * np.uint8(255), (size, size), interpolation=interpolation) > 127).astype(np.uint8)

    return resize


def nearest(classes: Pixels, size: int) -> Pixels:
    return cv2.resize(classes, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)


def touched(classes: Pixels, size: int) -> Pixels:
    """Max-pooling, for scales that are no whole number too."""
    return (coverage(classes * np.uint8(255), size, size) > 0).astype(np.uint8)


def half_coverage(classes: Pixels, size: int) -> Pixels:
    """What crackflow did before: at least half of what a line of one pixel covers at best."""
    height, width = classes.shape
    share = classes * np.uint8(255)
    for shape, how in (
        ((min(width, size), min(height, size)), cv2.INTER_AREA),
        ((size, size), cv2.INTER_LINEAR),
    ):
        share = cv2.resize(share, shape, interpolation=how)
    return (share >= max(1, int(255 / 2 * min(1.0, size / height, size / width)) - 1)).astype(np.uint8)


def ridge(classes: Pixels, size: int) -> Pixels:
    """The largest coverage across the line, and the next largest until the area is right."""
    share = coverage(classes * np.uint8(255), size, size)
    around = cv2.copyMakeBorder(share, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    left, right, above, below = around[1:-1, :-2], around[1:-1, 2:], around[:-2, 1:-1], around[2:, 1:-1]
    along = cv2.addWeighted(left, 0.5, right, 0.5, 0) >= cv2.addWeighted(above, 0.5, below, 0.5, 0)
    top = np.where(along, (share >= above) & (share > below), (share >= left) & (share > right))
    top &= share >= 255 / 2 * min(1.0, *(size / side for side in classes.shape)) - 2
    wanted = classes.sum() * size * size / classes.size
    counts = np.bincount(np.where(top, 0, share).ravel(), minlength=256)[::-1].cumsum()[::-1]
    level = max(1, int(np.searchsorted(-counts, top.sum() - wanted)))
    return (top | (share >= level)).astype(np.uint8)


MASK_CANDIDATES: dict[str, Resize] = {
    "nearest": nearest,
    "linear, majority": majority(cv2.INTER_LINEAR),
    "area, majority": majority(cv2.INTER_AREA),
    "cubic, majority": majority(cv2.INTER_CUBIC),
    "Lanczos, majority": majority(cv2.INTER_LANCZOS4),
    "all that is touched": touched,
    "half a line's coverage (before)": half_coverage,
    "ridge of coverage": ridge,
    "crackflow": lambda classes, size: resize_mask(classes, size, 2),
}


class Curve(NamedTuple):
    """A path through a picture, straight or not.

    Attributes:
        degrees: of a straight line, from the x axis down; None for curves and arcs.
        distance: (H, W), how far each pixel's middle is from it, px.
        steps: (N, 2), parts of it one after another, down and across, px.
    """

    degrees: int | None
    distance: np.ndarray
    steps: np.ndarray


def curves(height: int, width: int) -> Iterator[Curve]:
    """Lines at many angles and offsets, curves, circles."""
    y, x = np.mgrid[:height, :width] + 0.5
    rng = np.random.default_rng(0)
    for degrees in range(0, 180, 15):
        for _ in range(3):
            row, column = height / 2 + rng.random(), width / 2 + rng.random()
            cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            across = (y - row) * cos - (x - column) * sin
            beyond = np.maximum(0, abs((x - column) * cos + (y - row) * sin) - 0.4 * height)
            yield Curve(degrees, np.hypot(across, beyond), np.array([[sin, cos]]) * 0.8 * height)
    for number in range(2, 7):
        wave, amplitude = number * math.pi / width, 0.05 * height * number
        path = height / 2 + rng.random() + amplitude * np.sin(wave * x)
        slope = amplitude * wave * np.cos(wave * x)
        yield Curve(None, abs(y - path) / np.hypot(1, slope), np.stack([slope[0], np.ones(width)], axis=1))
        radius, turn = 0.075 * height * number, np.linspace(0, 2 * math.pi, 1000)
        row, column = height / 2 + rng.random(), width / 2 + rng.random()
        circle = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        yield Curve(None, abs(np.hypot(y - row, x - column) - radius), np.diff(circle, axis=0))


def made_masks() -> Iterator[tuple[Curve, float, Pixels]]:
    """Paths of 1 to 2 px: the path, its width, and uint8 0/1, a pixel being set where its middle is that near.

    What skeletonize leaves nothing of, as of some diagonals of two pixels, can't be measured and is left out.
    """
    for path in curves(*MADE_SHAPE):
        for width in WIDTHS:
            mask = (path.distance < width / 2).astype(np.uint8)
            if skeletonize(mask).sum() > SIZE / 4:
                yield path, width, mask


def length(mask: Pixels, down: float, across: float) -> float:
    """Length of a mask's skeleton, a step of one pixel being `down` high and `across` wide; a diagonal is the root."""
    bones = skeletonize(mask > 0)
    level = np.count_nonzero(bones[:, 1:] & bones[:, :-1])
    upright = np.count_nonzero(bones[1:] & bones[:-1])
    # a diagonal counts where no corner pixel joins the two already
    falling = bones[1:, 1:] & bones[:-1, :-1] & ~bones[1:, :-1] & ~bones[:-1, 1:]
    rising = bones[1:, :-1] & bones[:-1, 1:] & ~bones[1:, 1:] & ~bones[:-1, :-1]
    diagonal = np.count_nonzero(falling) + np.count_nonzero(rising)
    return level * across + upright * down + diagonal * math.hypot(down, across)


def measure(resize: Resize, mask: Pixels) -> dict[str, float]:
    """Part of the skeleton's length kept, error of the area, components more than before, ms."""
    down, across = (SIZE / side for side in mask.shape)
    started = time.perf_counter()
    found = resize(mask, SIZE)
    took = time.perf_counter() - started
    return {
        "kept": length(found, 1, 1) / length(mask, down, across),
        "area": float(found.sum() / (mask.sum() * down * across) - 1),
        "breaks": max(0, component_count(found) - component_count(mask)),
        "ms": took * 1e3,
    }


def is_possible(path: Curve, mask: Pixels) -> bool:
    """Whether any unbroken mask has the area.

    An unbroken line needs a pixel in each row, or each column if they are more, that each part of the path passes.
    """
    scales = np.array([SIZE / side for side in mask.shape])
    least = float(abs(path.steps * scales).max(axis=1).sum())
    return bool(least <= (1 + AREA) * mask.sum() * scales.prod())


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means, worst cases and how many meet the criterion."""
    kept, area = np.array([row["kept"] for row in rows]), np.array([row["area"] for row in rows])
    return {
        "masks": len(rows),
        "kept_mean": float(kept.mean()),
        "kept_least": float(kept.min()),
        "area_mean": float(area.mean()),
        "area_worst": float(abs(area).max()),
        "breaks": int(sum(row["breaks"] for row in rows)),
        "met": int(np.count_nonzero((kept >= KEPT) & (abs(area) <= AREA))),
        "ms": float(np.median([row["ms"] for row in rows])),
    }


def compare_masks(real: Iterable[Pixels]) -> dict[str, Any]:
    """Every candidate on the made masks, where the criterion can be met and where not, and on real ones."""
    made = list(made_masks())
    possible = [is_possible(path, mask) for path, _, mask in made]
    real = list(real)
    found: dict[str, Any] = {"candidates": {}, "possible": [], "real": len(real)}
    for name, resize in MASK_CANDIDATES.items():
        rows = [measure(resize, mask) for _, _, mask in made]
        found["candidates"][name] = {
            "possible": summary([row for row, can in zip(rows, possible, strict=True) if can]),
            "impossible": summary([row for row, can in zip(rows, possible, strict=True) if not can]),
            **({"real": summary([measure(resize, mask) for mask in real])} if real else {}),
        }
    for degrees in range(0, 91, 15):
        row: dict[str, Any] = {"degrees": degrees}
        for width in WIDTHS:
            where = [i for i, (path, across, _) in enumerate(made) if (path.degrees, across) == (degrees, width)]
            row[str(width)] = {
                "possible": sum(possible[i] for i in where),
                "of": len(where),
                # of the last candidate, which is crackflow's
                "area": [round(rows[i]["area"], 3) for i in where],
            }
        found["possible"].append(row)
    return found


def pillow_lanczos(image: Pixels, size: int) -> Pixels:
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS))


IMAGE_CANDIDATES: dict[str, Resize] = {
    "nearest": lambda image, size: cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST_EXACT),
    "linear": lambda image, size: cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR),
    "area": lambda image, size: cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA),
    "cubic": lambda image, size: cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC),
    "Lanczos (OpenCV)": lambda image, size: cv2.resize(image, (size, size), interpolation=cv2.INTER_LANCZOS4),
    "Lanczos (Pillow)": pillow_lanczos,
    "crackflow: area, then cubic": resize_image,
}
GROUND, DARK = 160, 60
IMAGE_SHAPES = {"800x600": (600, 800), "1600x1200": (1200, 1600), "448x448": (448, 448)}


def compare_images() -> dict[str, Any]:
    """Contrast of a dark line that is left, on average and at the faintest twentieth of its way, and overshoot."""
    found: dict[str, Any] = {name: {} for name in IMAGE_CANDIDATES}
    for title, shape in IMAGE_SHAPES.items():
        images = []
        for path in curves(*shape):
            # soft edges, as a lens draws them
            for width in WIDTHS if path.degrees is not None else ():
                cover = np.clip(width / 2 + 0.5 - path.distance, 0, min(1.0, width))
                images.append((path, np.rint(GROUND - DARK * cover).astype(np.uint8)))
        for name, resize in IMAGE_CANDIDATES.items():
            means, faintest, overshoots, took = [], [], [], []
            for path, image in images:
                started = time.perf_counter()
                resized = resize(image, SIZE)
                took.append((time.perf_counter() - started) * 1e3)
                whole, left = darkness(image, path), darkness(resized, path)
                means.append(left.mean() / whole.mean())
                faintest.append(np.quantile(left, 0.05) / whole.mean())
                overshoots.append((int(resized.max()) - GROUND) / DARK)
            found[name][title] = {
                "mean": float(np.mean(means)),
                "faintest": float(np.mean(faintest)),
                "worst": float(np.min(faintest)),
                "overshoot": float(np.max(overshoots)),
                "ms": float(np.median(took)),
            }
    return found


def darkness(image: Pixels, path: Curve) -> np.ndarray:
    """How much darker than the ground the darkest pixel is, row by row or column by column along a straight line."""
    axis = 1 if abs(path.steps[0, 0]) > abs(path.steps[0, 1]) else 0
    lowest = (GROUND - image.astype(float)).max(axis=axis)
    side = image.shape[1 - axis]
    reach = abs(path.steps[0]).max() / path.distance.shape[1 - axis]
    # without its ends
    start = int(side * (0.5 - 0.45 * reach))
    return lowest[start : side - start]

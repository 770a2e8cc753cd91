"""Surfaces of the built-in sample: asphalt, concrete and plaster as colour and relief.

Every length is in units of a pixel of a 448 px photograph; `Canvas.unit` turns it into pixels of the size asked for.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Canvas:
    """What every drawing function needs: random numbers, the side of the photo (px), and pixels per unit of length."""

    rng: np.random.Generator
    side: int
    unit: float

    def between(self, low: float, high: float) -> float:
        """Draw a number from [low, high)."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self.rng.random() < probability)

    def noise(self, across: float, down: float | None = None) -> Plane:
        """Draw smooth noise.

        Args:
            across: distance over which it changes in x, in units.
            down: the same in y, where it differs, as for streaks.

        Returns:
            Float32 (side, side), mean 0 and standard deviation 1.
        """
        steps = [max(1.0, length * self.unit) for length in (across, across if down is None else down)]
        cells = [int(np.ceil(self.side / step)) + 2 for step in steps]
        knots = self.rng.standard_normal((cells[1], cells[0]), np.float32)
        # A random offset keeps the knots of several octaves from lining up in a visible grid.
        shift = self.rng.uniform(0, 1, 2)
        matrix = np.array([[steps[0], 0, -steps[0] * shift[0]], [0, steps[1], -steps[1] * shift[1]]])
        plane = cv2.warpAffine(
            knots, matrix, (self.side, self.side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray((plane - plane.mean()) / (plane.std() + 1e-6), np.float32)

    def fractal(self, coarse: float, fine: float, roughness: float = 0.6) -> Plane:
        """Add up noise whose length halves from `coarse` to `fine` while its strength falls by `roughness`.

        Returns:
            Float32 (side, side), mean 0 and standard deviation 1.
        """
        total = np.zeros((self.side, self.side), np.float32)
        length, strength = coarse, 1.0
        while length >= fine:
            total += strength * self.noise(length)
            length, strength = length / 2, strength * roughness
        return np.asarray((total - total.mean()) / (total.std() + 1e-6), np.float32)

    def blur(self, plane: Plane, sigma: float) -> Plane:
        """Smooth `plane` with a Gaussian of `sigma` units."""
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(0.3, sigma * self.unit)), np.float32)


@dataclass(frozen=True)
class Surface:
    """A surface before lighting.

    Attributes:
        colour: reflectance, float32 (side, side, 3) RGB around 0.5.
        height: float32 (side, side), in pixels.
    """

    colour: Plane
    height: Plane


def step(plane: Plane, low: float, high: float) -> Plane:
    """Rise smoothly from 0 at `low` to 1 at `high` (the cubic 3t^2 - 2t^3)."""
    t = np.clip((plane - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _stones(canvas: Canvas, pitch: float) -> tuple[npt.NDArray[np.int32], Plane]:
    """Divide the plane into angular stones.

    Returns:
        For each pixel the number of its stone, int32 from 0, and its distance to the stone's edge in units.
    """
    side = canvas.side
    count = max(4, int((side / (pitch * canvas.unit)) ** 2))
    seeds = np.full((side, side), 255, np.uint8)
    seeds[canvas.rng.integers(0, side, count), canvas.rng.integers(0, side, count)] = 0
    _, numbers = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(numbers, np.int32)
    inner = np.full((side, side), 255, np.uint8)
    inner[:, :-1][labels[:, :-1] != labels[:, 1:]] = 0
    inner[:-1][labels[:-1] != labels[1:]] = 0
    edge = cv2.distanceTransform(inner, cv2.DIST_L2, 3) / canvas.unit
    return labels - 1, np.asarray(edge, np.float32)


def asphalt(canvas: Canvas, pitch: float, exposed: float) -> Surface:
    """Draw stones of many greys in a dark binder.

    Args:
        canvas: where to draw.
        pitch: mean distance between stones, in units.
        exposed: share of the stones that traffic has exposed, 0 to 1.
    """
    rng = canvas.rng
    labels, edge = _stones(canvas, pitch)
    count = int(labels.max()) + 1
    bare = (rng.random(count) < exposed).astype(np.float32)
    # A lens averages over small stones, so they differ less than large ones.
    spread = 0.1 + 0.012 * min(pitch, 12)
    tone = 0.54 * rng.lognormal(0, spread, count)
    tone[rng.random(count) < 0.03] *= 1.4
    tint = 1 + rng.normal(0, 0.022, (count, 1)) * np.array([1.0, 0.1, -1.0])
    stone = (np.clip(tone, 0.25, 0.9)[:, None] * tint).astype(np.float32)[labels]
    stone *= (1 + 0.07 * canvas.fractal(max(3.0, pitch), 1.5, 0.8) + 0.03 * np.minimum(edge, 3))[..., None]
    worn = step(edge + 0.12 * pitch * canvas.noise(pitch / 2), 0.04 * pitch, 0.2 * pitch) * bare[labels]
    worn *= step(canvas.fractal(70, 8) + 2.2 * exposed, -0.6, 0.9)
    grit = canvas.noise(1.2)
    binder = 0.4 + 0.035 * grit + 0.04 * canvas.noise(3)
    colour = binder[..., None] * (1 - worn[..., None]) + stone * worn[..., None]
    colour *= (1 + 0.04 * canvas.fractal(160, 10) + 0.03 * canvas.noise(1.5))[..., None]
    height = 1.1 * np.sqrt(worn) * min(pitch, 8) / 6 + 0.4 * canvas.noise(2.5) + 0.15 * canvas.noise(5) + 0.12 * grit
    return Surface(np.asarray(colour, np.float32), np.asarray(height, np.float32))


def concrete(canvas: Canvas, sand: float, blotches: float) -> Surface:
    """Draw cement with sand, clouds and air holes.

    Args:
        canvas: where to draw.
        sand: strength of the grain, 0 to 2.
        blotches: strength of the clouds and flecks, 0 to 2.
    """
    clouds = 0.7 * canvas.fractal(90, 3, 0.85) + 0.3 * canvas.noise(220)
    # Cement paste dries in lighter and darker flecks with sharp edges, which noise does not have.
    flecks = step(canvas.fractal(24, 2, 0.9), 0.7, 1.7) - step(canvas.fractal(40, 2.5, 0.9), 0.8, 1.9)
    grit = canvas.noise(1.2) + 0.8 * canvas.noise(2.2)
    base = 0.6 + blotches * (0.03 * clouds + 0.045 * flecks) + sand * 0.022 * grit
    warm = (0.006 * canvas.fractal(150, 20))[..., None] * np.array([1.0, 0.2, -1.0], np.float32)
    height = 0.35 * sand * canvas.noise(2) + 0.12 * canvas.fractal(16, 3, 0.9)
    holes = _holes(canvas)
    colour = (base * (1 - 0.45 * holes))[..., None] + warm
    return Surface(np.asarray(colour, np.float32), np.asarray(height - 1.6 * holes, np.float32))


def plaster(canvas: Canvas, bumps: float) -> Surface:
    """Draw evenly coloured plaster, which is seen by its relief.

    Args:
        canvas: where to draw.
        bumps: height of the relief, 0 to 1.
    """
    lumps = canvas.fractal(canvas.between(9, 18), 2.2, 0.8)
    grit = canvas.noise(1.2)
    base = 0.6 + 0.012 * canvas.fractal(160, 8) + 0.014 * grit + 0.02 * bumps * lumps
    colour = np.repeat(base[..., None], 3, 2)
    return Surface(np.asarray(colour, np.float32), np.asarray(0.8 * bumps * lumps + 0.12 * grit, np.float32))


def _holes(canvas: Canvas) -> Plane:
    """Draw air holes, mostly tiny and a few large: float32 (side, side) in 0..1."""
    count = int(canvas.rng.poisson(canvas.between(2, 70)))
    plane = np.zeros((canvas.side, canvas.side), np.uint8)
    for _ in range(count):
        x, y = (canvas.rng.uniform(0, canvas.side, 2) * 16).astype(int).tolist()
        radius = canvas.unit * (0.5 + float(canvas.rng.exponential(0.7)))
        axes = (max(8, int(16 * radius)), max(8, int(16 * radius * canvas.between(0.6, 1))))
        cv2.ellipse(plane, (x, y), axes, canvas.between(0, 180), 0, 360, 255, -1, cv2.LINE_AA, 4)
    return canvas.blur(np.asarray(plane, np.float32) / np.float32(255), 0.5)


def relief(height: Plane, angle: float, strength: float) -> Plane:
    """Light a relief from one side.

    Args:
        height: float32 (side, side), in pixels.
        angle: where the light comes from, in radians from the x axis.
        strength: brightness gained for each pixel of rise towards the light.

    Returns:
        Factors on the colour, float32 (side, side), clipped to 0.35..1.8.
    """
    smooth = cv2.GaussianBlur(height, (0, 0), 0.6)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return np.asarray(
        np.clip(1 - strength * (slope_x * np.cos(angle) + slope_y * np.sin(angle)), 0.35, 1.8), np.float32
    )

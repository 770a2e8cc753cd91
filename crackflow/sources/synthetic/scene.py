"""Photographs of the built-in sample: a surface, its marks, its cracks, the light and the camera."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from crackflow.sources.synthetic import distractors as marks
from crackflow.sources.synthetic.cracks import coverage, grow
from crackflow.sources.synthetic.surfaces import Canvas, Plane, Surface, asphalt, concrete, plaster, relief

Span = tuple[float, float]


@dataclass(frozen=True)
class Look:
    """What the photographs of one source look like.

    Attributes:
        surfaces: the surfaces that it shows, equally often.
        pitch: distance of stones on its asphalt, in units.
        width: typical width of a crack, in units.
        depth: how much darker a crack is, as a share of the brightness.
        branching: expected branches along a length of one side.
        trunks: probability of a second crack.
        exposure: mean brightness, 0 to 1.
        cast: strength of the colour cast.
        grey: whether the photographs have no colour.
        marks: probability of each distractor.
    """

    surfaces: tuple[str, ...]
    pitch: Span = (4, 6)
    width: Span = (2, 4)
    depth: Span = (0.4, 0.7)
    branching: Span = (0.5, 2)
    trunks: float = 0.2
    exposure: Span = (0.45, 0.6)
    cast: float = 0.03
    grey: bool = False
    marks: dict[str, float] = field(default_factory=dict)


ROAD = {"stain": 0.4, "drips": 0.35, "tyre": 0.25, "paint": 0.2, "seal": 0.08, "joint": 0.1, "shadow": 0.2}
WALL = {"stain": 0.4, "streaks": 0.5, "boards": 0.4, "joint": 0.15, "shadow": 0.2}

# Marks that only darken, with the least and the largest strength.
SHADES = {
    "stain": (marks.stain, 0.1, 0.4),
    "drips": (marks.drips, 0.2, 0.5),
    "streaks": (marks.streaks, 0.1, 0.4),
    "tyre": (marks.tyre, 0.15, 0.35),
    "boards": (marks.boards, 0.1, 0.3),
}

LOOKS = {
    "CRACK500": Look(
        surfaces=("asphalt",),
        pitch=(7, 15),
        width=(8, 18),
        depth=(0.4, 0.72),
        branching=(0.5, 2.5),
        trunks=0.25,
        exposure=(0.42, 0.6),
        marks=ROAD,
    ),
    "noncrack": Look(
        surfaces=("concrete", "plaster", "blocks", "asphalt"),
        pitch=(4, 10),
        exposure=(0.5, 0.72),
        marks=WALL | {"joint": 0.35},
    ),
    "CFD": Look(
        surfaces=("asphalt",),
        pitch=(3, 4.5),
        width=(2.6, 5),
        depth=(0.25, 0.5),
        branching=(0.8, 2.5),
        trunks=0.4,
        exposure=(0.45, 0.58),
        cast=0.05,
        marks=ROAD,
    ),
    "Rissbilder_for_Florian": Look(
        surfaces=("plaster", "concrete"),
        width=(1.8, 4.8),
        depth=(0.25, 0.55),
        branching=(0.5, 3),
        trunks=0.35,
        exposure=(0.3, 0.58),
        cast=0.07,
        marks=WALL,
    ),
    "DeepCrack": Look(
        surfaces=("concrete", "asphalt"),
        pitch=(4, 9),
        width=(6, 14),
        depth=(0.5, 0.85),
        branching=(0.5, 3),
        trunks=0.3,
        exposure=(0.48, 0.66),
        cast=0.05,
        marks={"stain": 0.5, "drips": 0.2, "shadow": 0.2, "joint": 0.15},
    ),
    "Volker": Look(
        surfaces=("concrete", "plaster"),
        width=(2.2, 5.2),
        depth=(0.25, 0.55),
        branching=(0.8, 3.5),
        trunks=0.5,
        exposure=(0.42, 0.58),
        cast=0.05,
        marks=WALL,
    ),
    "cracktree200": Look(
        surfaces=("asphalt",),
        pitch=(2.6, 3.6),
        width=(1.3, 2),
        depth=(0.4, 0.6),
        branching=(2, 5),
        trunks=0.5,
        exposure=(0.48, 0.62),
        cast=0,
        grey=True,
        marks={"stain": 0.3, "drips": 0.3, "shadow": 0.5, "paint": 0.15, "joint": 0.1},
    ),
}


@dataclass(frozen=True)
class Photo:
    """A photo and its cracks.

    Attributes:
        image: uint8 (side, side, 3) RGB.
        coverage: float32 (side, side), the share of each pixel that a crack covers.
    """

    image: npt.NDArray[np.uint8]
    coverage: Plane


def render(rng: np.random.Generator, source: str, cracked: bool, side: int, unit: float) -> Photo:
    """Make a photo in the style of a source.

    Args:
        rng: the only source of randomness.
        source: a key of `LOOKS`.
        cracked: whether there is a crack.
        side: of the photo, px.
        unit: pixels per unit of length; 1 for a photo of 448 px.
    """
    look = LOOKS[source]
    canvas = Canvas(rng, side, unit)
    surface = _surface(canvas, look)
    colour, height = _mark(canvas, surface, look)
    covered = np.zeros((side, side), np.float32)
    if cracked:
        cracks = grow(canvas, canvas.between(*look.width), canvas.between(*look.branching))
        if canvas.chance(look.trunks):
            cracks += grow(canvas, canvas.between(*look.width) * 0.7, canvas.between(*look.branching))
        covered = coverage(canvas, cracks, canvas.between(0.3, 0.8))
        colour, height = _crack(canvas, colour, height, covered, canvas.between(*look.depth))
    lit = colour * _light(canvas, height, look)
    return Photo(_camera(canvas, lit, look), covered)


def _surface(canvas: Canvas, look: Look) -> Surface:
    kind = look.surfaces[int(canvas.rng.integers(len(look.surfaces)))]
    if kind == "asphalt":
        return asphalt(canvas, canvas.between(*look.pitch), canvas.between(0.35, 0.95))
    if kind == "plaster":
        return plaster(canvas, canvas.between(0.15, 0.9))
    ground = concrete(canvas, canvas.between(0.3, 2), canvas.between(0.4, 1.6))
    if kind == "blocks":
        gaps, tone = marks.blocks(canvas)
        shade = (0.9 + 0.2 * tone) * (1 - canvas.between(0.2, 0.5) * gaps)
        return Surface(ground.colour * shade[..., None], ground.height - 1.5 * gaps)
    return ground


def _mark(canvas: Canvas, surface: Surface, look: Look) -> tuple[Plane, Plane]:
    colour, height = surface.colour, surface.height

    def shows(name: str) -> bool:
        return canvas.chance(look.marks.get(name, 0))

    for name, (shade, low, high) in SHADES.items():
        if shows(name):
            colour = colour * (1 - canvas.between(low, high) * shade(canvas))[..., None]
    if shows("paint"):
        worn = marks.paint(canvas)[..., None]
        ink = np.array([1.0, 1.0, 0.97] if canvas.chance(0.7) else [0.95, 0.78, 0.42], np.float32)
        colour = colour * (1 - worn) + (0.55 + 0.55 * colour) * ink * worn
        height = height * (1 - 0.4 * worn[..., 0])
    if shows("joint"):
        gap = marks.joint(canvas)
        colour, height = colour * (1 - canvas.between(0.35, 0.75) * gap)[..., None], height - 2.5 * gap
    if shows("seal"):
        tar = marks.seal(canvas)
        colour = colour * (1 - tar[..., None]) + (0.14 + 0.22 * colour) * tar[..., None]
        height = height * (1 - 0.5 * tar) + 0.8 * tar
    return np.asarray(colour, np.float32), np.asarray(height, np.float32)


def _crack(canvas: Canvas, colour: Plane, height: Plane, covered: Plane, depth: float) -> tuple[Plane, Plane]:
    """Draw the cracks: dark inside, darker where they are wide, with dirt and wear along the edges."""
    inside = canvas.blur(covered, 1.6)
    varied = depth * (0.65 + 0.5 * inside) * np.exp(0.25 * canvas.noise(30) + 0.12 * canvas.noise(3))
    shade = covered * np.clip(varied, 0.22, 0.92)
    dirt = canvas.between(-0.08, 0.2) * canvas.blur(covered, 4) * (1 + 0.4 * canvas.noise(12))
    factor = (1 - shade) * (1 - dirt * (1 - covered))
    soil = 1 - 0.12 * canvas.between(-0.3, 1) * shade[..., None] * np.array([-1.0, 0.0, 1.0], np.float32)
    sunk = canvas.blur(covered, 0.7) * canvas.between(0.5, 1.6)
    return np.asarray(colour * factor[..., None] * soil, np.float32), np.asarray(height - sunk, np.float32)


def _light(canvas: Canvas, height: Plane, look: Look) -> Plane:
    angle = canvas.between(0, 2 * np.pi)
    light = relief(height, angle, canvas.between(0.15, 0.5))
    axis = np.linspace(-1, 1, canvas.side, dtype=np.float32)
    slope = axis[None] * np.cos(angle) + axis[:, None] * np.sin(angle)
    falloff = axis[None] ** 2 + axis[:, None] ** 2
    light = light * (1 + canvas.between(0, 0.16) * slope - canvas.between(0, 0.14) * falloff)
    light = light * (1 + canvas.between(0.01, 0.05) * canvas.noise(250))
    rays = np.repeat(light[..., None], 3, 2)
    if canvas.chance(look.marks.get("shadow", 0)):
        # A shadow is lit by the sky, so it is slightly blue.
        blue = np.array([1.06, 1.0, 0.92], np.float32)
        rays = rays * (1 - canvas.between(0.3, 0.55) * marks.shadow(canvas)[..., None] * blue)
    return np.asarray(rays, np.float32)


def _camera(canvas: Canvas, lit: Plane, look: Look) -> npt.NDArray[np.uint8]:
    """Expose, tint, blur, add noise and round to 8 bits."""
    if look.grey:
        lit = np.repeat(lit.mean(2, keepdims=True), 3, 2)
    # White balance is mostly wrong between amber and blue, and less between green and magenta.
    amber, green = canvas.rng.normal(0, look.cast), canvas.rng.normal(0, look.cast / 5)
    axis = np.linspace(-0.4, 0.4, canvas.side, dtype=np.float32)[:, None]
    warmth = amber + canvas.rng.normal(0, look.cast) * axis
    cast = np.stack([1 + warmth, np.full_like(warmth, 1 + green), 1 - warmth], 2)
    exposed = lit * cast * canvas.between(*look.exposure) / lit.mean()
    exposed = cv2.GaussianBlur(np.asarray(exposed, np.float32), (0, 0), canvas.between(0.35, 0.75))
    grain = canvas.rng.standard_normal((*lit.shape[:2], 1 if look.grey else 3), np.float32)
    noisy = exposed * 255 + canvas.between(0.8, 3) * grain
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

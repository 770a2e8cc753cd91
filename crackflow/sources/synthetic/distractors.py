"""Distractors of the built-in sample: marks on a road or a wall that are not cracks.

Each function draws one map, float32 (side, side) in 0..1: how strongly the mark shows at a pixel.
"""

import cv2
import numpy as np

from crackflow.sources.synthetic.surfaces import Canvas, Plane, step


def _coordinates(canvas: Canvas, angle: float) -> tuple[Plane, Plane]:
    """Give each pixel's distance from the middle along and across a line at `angle`, in pixels."""
    axis = np.arange(canvas.side, dtype=np.float32) - np.float32(canvas.side / 2)
    x, y = np.meshgrid(axis, axis)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    return np.asarray(along, np.float32), np.asarray(across, np.float32)


def _upright(canvas: Canvas) -> float:
    """An angle near one of the photo's axes, as joints and paint have."""
    return float(canvas.rng.integers(0, 2)) * np.pi / 2 + float(canvas.rng.normal(0, 0.06))


def _band(canvas: Canvas, across: Plane, width: float, soft: float) -> Plane:
    """A straight band of `width` units with edges `soft` units wide."""
    half, edge = width * canvas.unit / 2, max(0.6, soft * canvas.unit)
    return 1 - step(np.abs(across), half - edge / 2, half + edge / 2)


def joint(canvas: Canvas) -> Plane:
    """A sawn or formed joint: a straight line of one width with sharp edges, across the whole photo."""
    _, across = _coordinates(canvas, _upright(canvas))
    across = across - canvas.side * canvas.between(-0.35, 0.35) + 0.25 * canvas.unit * canvas.noise(5)
    return _band(canvas, across, canvas.between(2, 7), 0.8) * (0.9 + 0.1 * np.clip(canvas.noise(12), -1, 1))


def boards(canvas: Canvas) -> Plane:
    """Marks of formwork: thin straight parallel lines at equal distances."""
    _, across = _coordinates(canvas, _upright(canvas))
    pitch = canvas.unit * canvas.between(90, 220)
    across = np.asarray((across + canvas.between(0, pitch)) % pitch - pitch / 2, np.float32)
    return _band(canvas, across, canvas.between(1, 2.2), 1.2) * step(canvas.noise(40), -1.2, 0.8)


def blocks(canvas: Canvas) -> tuple[Plane, Plane]:
    """Masonry or pavers in staggered rows.

    Returns:
        The joints, and the tone of each block.
    """
    along, across = _coordinates(canvas, float(canvas.rng.normal(0, 0.03)))
    high = canvas.unit * canvas.between(55, 110)
    wide = high * canvas.between(1.4, 2.6)
    wobble = 0.6 * canvas.unit
    across, along = across + wobble * canvas.noise(25), along + wobble * canvas.noise(25)
    row = np.floor(across / high)
    along = along + row % 2 * wide / 2
    column = np.floor(along / wide)
    # Signed distance of a pixel to the middle of the joint: negative inside the block.
    bed, head = np.abs(across - (row + 0.5) * high) - high / 2, np.abs(along - (column + 0.5) * wide) - wide / 2
    gap = np.maximum(bed, head)
    width = canvas.between(1.2, 3.5) * canvas.unit
    tones = canvas.rng.random((64, 64), np.float32)
    tone = tones[row.astype(int) % 64, column.astype(int) % 64]
    return step(np.asarray(gap, np.float32), -width, -width / 2), np.asarray(tone, np.float32)


def stain(canvas: Canvas) -> Plane:
    """A damp or dirty patch with a ragged soft edge."""
    x, y = canvas.rng.uniform(-0.4, 0.4, 2) * canvas.side
    along, across = _coordinates(canvas, canvas.between(0, np.pi))
    size = canvas.side * canvas.between(0.06, 0.28)
    far = np.hypot(along - x, (across - y) * canvas.between(1, 2)) / size
    edge = np.asarray(far + 0.22 * canvas.fractal(60, 4), np.float32)
    return (1 - step(edge, 0.55, canvas.between(0.75, 1.3))) * (0.85 + 0.15 * np.clip(canvas.noise(9), -1, 1))


def drips(canvas: Canvas) -> Plane:
    """Small round spots of oil or chewing gum."""
    plane = np.zeros((canvas.side, canvas.side), np.uint8)
    for _ in range(int(canvas.rng.poisson(9))):
        x, y = (canvas.rng.uniform(0, canvas.side, 2) * 16).astype(int).tolist()
        radius = max(16, int(16 * canvas.unit * canvas.rng.gamma(2.0, 2.2)))
        cv2.ellipse(plane, (x, y), (radius, int(radius * canvas.between(0.6, 1))), canvas.between(0, 180), 0, 360,
                    int(canvas.between(90, 255)), -1, cv2.LINE_AA, 4)  # fmt: skip
    soft = canvas.blur(np.asarray(plane, np.float32) / np.float32(255), 1.5)
    return step(soft + 0.12 * canvas.noise(4), 0.25, 0.9)


def streaks(canvas: Canvas) -> Plane:
    """Streaks of water that ran down a wall."""
    fine = canvas.blur(canvas.noise(1, 60), 1.5)
    runs = canvas.noise(28, 260) + 0.7 * canvas.noise(10, 120) + 0.9 * fine
    return step(runs + 0.5 * canvas.fractal(60, 4), 0, 3.2)


def tyre(canvas: Canvas) -> Plane:
    """A tyre track, darker where the tread touched."""
    along, across = _coordinates(canvas, _upright(canvas))
    bend = canvas.between(-0.15, 0.15) * (along / canvas.side) ** 2 * canvas.side
    across = np.asarray(across + bend - canvas.side * canvas.between(-0.4, 0.4), np.float32)
    width = canvas.between(45, 90)
    ribs = 0.75 + 0.25 * np.cos(across / (canvas.unit * width / 5) * 2 * np.pi)
    track = _band(canvas, across, width, 14) * ribs * step(canvas.fractal(90, 3), -1.5, 1.2)
    return np.asarray(track, np.float32)


def paint(canvas: Canvas) -> Plane:
    """A lane marking, partly worn off."""
    along, across = _coordinates(canvas, _upright(canvas))
    across = np.asarray(across - canvas.side * canvas.between(-0.45, 0.45) + 0.8 * canvas.noise(6), np.float32)
    line = _band(canvas, across, canvas.between(45, 95), 2)
    if canvas.chance(0.4):
        line = line * step(along, -2, 2)
    return line * step(canvas.fractal(40, 1.5, 0.9), -canvas.between(1.0, 2.2), -0.2)


def seal(canvas: Canvas) -> Plane:
    """A bitumen seal over an older crack: a wide, smooth band."""
    _, across = _coordinates(canvas, _upright(canvas))
    bend = canvas.side * (0.05 * canvas.noise(180) - canvas.between(-0.3, 0.3))
    edge = canvas.unit * 1.6 * canvas.noise(12)
    band = _band(canvas, np.asarray(across + bend + edge, np.float32), canvas.between(10, 20), 4)
    return band * step(canvas.fractal(30, 2, 0.8), -2.6, -0.8)


def shadow(canvas: Canvas) -> Plane:
    """A shadow with a soft edge: of a wall, a pole, or leaves."""
    kind = canvas.rng.integers(0, 3)
    _, across = _coordinates(canvas, canvas.between(0, np.pi))
    across = np.asarray(across - canvas.side * canvas.between(-0.35, 0.35), np.float32)
    if kind == 0:
        soft = canvas.between(2, 14) * canvas.unit
        return step(across, -soft, soft)
    if kind == 1:
        return _band(canvas, across, canvas.between(8, 60), canvas.between(3, 8))
    leaves = canvas.fractal(canvas.between(60, 150), 8, 0.65)
    return step(leaves, canvas.between(-0.4, 0), canvas.between(0.5, 1.2))

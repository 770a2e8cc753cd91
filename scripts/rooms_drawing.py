"""The rooms as a picture: layers of boxes, and an arrow with a count for each pair of rooms that import.

Plain SVG. A room stands above all rooms that it imports from, so an arrow that points up can't be drawn.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate, pairwise
from typing import NamedTuple

WIDTH = 1360
_BOX, _GAP, _MARGIN, _INNER, _PASSING = (134, 44), 50, 20, 16, 40
_SPREAD = 20  # between the ends of arrows at one box
_INK, _FAINT, _LINE, _FILL, _FRAME = "#1f2933", "#61707d", "#52708a", "#ffffff", "#eef3f7"

Edges = Mapping[tuple[str, str], int]


class Room(NamedTuple):
    """One box."""

    name: str
    modules: int


class Package(NamedTuple):
    """A frame around the rooms of one package.

    Attributes:
        name: the package.
        rooms: its rooms, the base left out.
        edges: counts of imports between `rooms`.
        base: the modules that stand directly in the package and that every room may use.
        to_base: how many imports the rooms have from `base`.
    """

    name: str
    rooms: Sequence[Room]
    edges: Edges
    base: Room | None
    to_base: int


def layers(rooms: Sequence[str], edges: Edges) -> list[list[str]]:
    """Put each room one layer above the highest one that it imports from, the lowest layer first.

    Raises:
        ValueError: when rooms import each other in a circle.
    """
    level: dict[str, int] = {}
    while len(level) < len(rooms):
        ready = [
            room
            for room in rooms
            if room not in level and all(lower in level for upper, lower in edges if upper == room)
        ]
        if not ready:
            raise ValueError(f"rooms import each other in a circle: {sorted(set(rooms) - set(level))}")
        found = {room: max((level[b] + 1 for a, b in edges if a == room), default=0) for room in ready}
        level |= found
    return [[room for room in rooms if level[room] == number] for number in range(max(level.values(), default=-1) + 1)]


def draw(packages: Sequence[Package], between: Edges) -> str:
    """Draw packages one below the other.

    Args:
        packages: the upper one first; each imports from lower ones alone.
        between: (package, lower package) -> count of imports.

    Returns:
        The text of an SVG file, `WIDTH` wide.
    """
    parts: list[str] = []
    frames: dict[str, tuple[float, float]] = {}
    top: float = _MARGIN
    for package in packages:
        drawn, height = _package(package, top)
        parts += drawn
        frames[package.name] = top, top + height
        top += height + _GAP
    for (upper, lower), count in sorted(between.items()):
        start, end = frames[upper][1], frames[lower][0]
        if end - start < _GAP + 1:
            parts += _arrow([(WIDTH / 2 - 40, start), (WIDTH / 2 - 40, end)], f"{count:,}")
        else:  # past the packages that stand between
            side = WIDTH - _MARGIN / 2 - 10
            x = WIDTH - _MARGIN - 60
            path = (
                f"M {x} {start} C {x} {start + 30}, {side} {start + 6}, {side} {start + 40} "
                f"L {side} {end - 40} C {side} {end - 6}, {x} {end - 30}, {x} {end - 1}"
            )
            parts += [_line(path), *_label(side - 8, (start + end) / 2, f"{count:,}")]
    height = top - _GAP + _MARGIN
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0f}' width='{WIDTH}' "
        f"height='{height:.0f}' role='img' aria-label='Rooms of the project and the imports between them'>\n"
        "<defs><marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M 0 0 L 8 4 L 0 8 z' fill='{_LINE}'/></marker></defs>\n"
        f"<rect width='{WIDTH}' height='{height:.0f}' fill='#ffffff'/>\n"
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def _package(package: Package, top: float) -> tuple[list[str], float]:
    """The frame, boxes and arrows of one package, and its height."""
    rows = layers([room.name for room in package.rooms], package.edges)
    rows, chains = _with_bends(rows, package.edges)
    rows = _ordered(rows, chains)
    title = 30
    base = _BOX[1] + _GAP * 0.6 if package.base and rows else _BOX[1]
    height = title + len(rows) * _BOX[1] + max(0, len(rows) - 1) * _GAP + (base if package.base else 0) + _INNER
    parts = [
        f"<rect x='{_MARGIN}' y='{top}' width='{WIDTH - 3 * _MARGIN}' height='{height:.0f}' rx='8' fill='{_FRAME}'/>",
        _text(_MARGIN + 14, top + 20, f"{package.name}/", size=14, bold=True, anchor="start"),
    ]
    middle: dict[str, tuple[float, float]] = {}
    boxes = {room.name for room in package.rooms}
    left, right = 2 * _MARGIN, WIDTH - 4 * _MARGIN - 40
    for number, row in enumerate(rows):
        y = top + title + (len(rows) - 1 - number) * (_BOX[1] + _GAP)
        # a box needs more room than an arrow that passes; where a row is full, passing arrows move together first
        held = sum(room in boxes for room in row)
        rest = (right - left) - held * (_BOX[0] + _INNER)
        passing = max(1.0, min(_PASSING, rest / max(1, len(row) - held)))
        widths = [_BOX[0] + _INNER if room in boxes else passing for room in row]
        scale = (right - left) / sum(widths)
        for room, width, end in zip(row, widths, accumulate(widths), strict=True):
            middle[room] = left + (end - width / 2) * scale, y
    # where an arrow leaves and where it arrives, seen from the box at the other end
    leaving = {ends: [*bends, ends[1]][0] for ends, bends in chains.items()}
    arriving = {ends: [ends[0], *bends][-1] for ends, bends in chains.items()}
    for (upper, lower), bends in chains.items():
        outs = [place for (room, _), place in leaving.items() if room == upper]
        ins = [place for (_, room), place in arriving.items() if room == lower]
        points = [(middle[upper][0] + _shift(leaving[upper, lower], outs, middle), middle[upper][1] + _BOX[1])]
        for bend in bends:
            x, y = middle[bend]
            points += [(x, y), (x, y + _BOX[1])]
        points.append((middle[lower][0] + _shift(arriving[upper, lower], ins, middle), middle[lower][1]))
        parts += _arrow(points, str(package.edges[upper, lower]))
    for box in package.rooms:
        parts += _box(middle[box.name][0] - _BOX[0] / 2, middle[box.name][1], _BOX[0], box)
    if package.base:
        y = top + height - _INNER - _BOX[1]
        parts += _box(2 * _MARGIN, y, WIDTH - 5 * _MARGIN, package.base)
        if package.to_base:
            x = WIDTH - 3 * _MARGIN - 26
            parts += _arrow([(x, top + title), (x, y)], f"all {package.to_base}")
    return parts, height


def _shift(one: str, others: Sequence[str], middle: Mapping[str, tuple[float, float]]) -> float:
    """How far from the middle of a box an arrow ends, so that arrows don't lie on each other."""
    ordered = sorted(others, key=lambda other: middle[other][0])
    return (ordered.index(one) - (len(ordered) - 1) / 2) * _SPREAD


def _with_bends(rows: list[list[str]], edges: Edges) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """The rows with a place kept free in each layer that an arrow passes, and the places that each arrow passes."""
    level = {room: number for number, row in enumerate(rows) for room in row}
    chains: dict[tuple[str, str], list[str]] = {}
    for upper, lower in sorted(edges):
        bends = [f"{upper}>{lower}@{number}" for number in range(level[upper] - 1, level[lower], -1)]
        for bend in bends:
            rows[int(bend.rpartition("@")[2])].append(bend)
        chains[upper, lower] = bends
    return rows, chains


def _ordered(rows: list[list[str]], chains: Mapping[tuple[str, str], list[str]]) -> list[list[str]]:
    """Swap neighbours as long as that makes arrows cross less or lean less."""
    links = [pair for (upper, lower), bends in chains.items() for pair in pairwise([upper, *bends, lower])]

    def cost() -> float:
        place = {room: ((i + 0.5) / len(row), y) for y, row in enumerate(rows) for i, room in enumerate(row)}
        lean = sum((place[a][0] - place[b][0]) ** 2 for a, b in links)
        crossings = sum(
            place[a][1] == place[c][1] and (place[a][0] - place[c][0]) * (place[b][0] - place[d][0]) < 0
            for number, (a, b) in enumerate(links)
            for c, d in links[:number]
        )
        return crossings + lean

    best, better = cost(), True
    while better:
        better = False
        for row in rows:
            for i in range(len(row)):
                for j in range(i):
                    row[i], row[j] = row[j], row[i]
                    if (now := cost()) < best - 1e-9:
                        best, better = now, True
                    else:
                        row[i], row[j] = row[j], row[i]
    return rows


def _arrow(points: Sequence[tuple[float, float]], label: str) -> list[str]:
    path = f"M {points[0][0]:.0f} {points[0][1]:.0f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (y0 + y1) / 2
        path += f" C {x0:.0f} {half:.0f}, {x1:.0f} {half:.0f}, {x1:.0f} {y1:.0f}"
    (x0, y0), (x1, y1) = points[:2]
    # on the curve, nearer to the room that imports, where few arrows meet
    t = 0.4
    x = x0 + (x1 - x0) * t * t * (3 - 2 * t)
    y = y0 + (y1 - y0) * (1.5 * t * (1 - t) + t**3)
    return [
        _line(path),
        *_label(x, y, label),
    ]


def _line(path: str) -> str:
    return f"<path d='{path}' fill='none' stroke='{_LINE}' stroke-width='1.4' marker-end='url(#head)'/>"


def _label(x: float, y: float, text: str) -> list[str]:
    width = 7 * len(text) + 6
    return [
        f"<rect x='{x - width / 2:.0f}' y='{y - 8:.0f}' width='{width}' height='16' rx='4' fill='{_FRAME}'/>",
        _text(x, y + 4, text, size=11),
    ]


def _box(x: float, y: float, width: float, room: Room) -> list[str]:
    modules = "1 module" if room.modules == 1 else f"{room.modules} modules"
    place = f"x='{x:.0f}' y='{y:.0f}' width='{width:.0f}' height='{_BOX[1]}'"
    return [
        f"<rect {place} rx='6' fill='{_FILL}' stroke='{_LINE}'/>",
        _text(x + width / 2, y + 18, room.name, size=12.5, bold=True),
        _text(x + width / 2, y + 35, modules, size=10.5, colour=_FAINT),
    ]


def _text(
    x: float, y: float, text: str, *, size: float, bold: bool = False, anchor: str = "middle", colour: str = _INK
) -> str:
    weight = " font-weight='bold'" if bold else ""
    style = f"font-family='DejaVu Sans, Verdana, Helvetica, sans-serif' fill='{colour}' font-size='{size}'{weight}"
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}' {style}>{escape(text)}</text>"

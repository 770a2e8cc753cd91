"""Direction, tortuosity and cells: what the paths of cracks say beyond lengths and widths."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from crackflow.geometry.paths import CrackPath
from crackflow.geometry.skeleton import Points


def orientation(paths: Iterable[Points]) -> float:
    """Main direction of paths, degrees, 0 <= angle < 180, counter-clockwise from x as people see it (y points down).

    Each step counts by its length, at the double angle, so that a step and its reverse are one direction. (Mardia and
    Jupp, "Directional statistics", 2000, section 1.1.)
    """
    steps = np.concatenate([np.diff(path, axis=0) for path in paths])
    turned = (steps[:, 0] - 1j * steps[:, 1]) ** 2 / np.maximum(np.hypot(*steps.T), 1e-9)
    # the remainder of a tiny negative angle is 180
    return float(np.degrees(np.angle(turned.sum())) / 2 % 180.0 % 180.0)


def tortuosity(crack: CrackPath) -> float:
    """Length of the way between the two nodes that lie farthest from each other along the crack, over their distance.

    At least 1, and 1 where the way is straight. For a ring the way is half of it (pi / 2 for a circle). In a crack with
    rings the two nodes are those that two searches find, each starting at the farthest node so far.
    """
    branches = list(crack.graph.branches.values())
    numbers = {node: index for index, node in enumerate(sorted(crack.graph.at))}
    if len(numbers) == 1:
        longest = int(np.argmax(crack.lengths))
        path = crack.paths[longest]
        gone = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
        middle = path[int(np.searchsorted(gone, gone[-1] / 2))]
        return max(1.0, float(gone[-1]) / 2 / max(1.0, math.dist(path[0], middle)))
    places: dict[int, Points] = {}
    shortest: dict[tuple[int, int], float] = {}
    for branch, path, long in zip(branches, crack.paths, crack.lengths, strict=True):
        one, other = (numbers[node] for node in branch.nodes)
        places[one], places[other] = path[0], path[-1]
        if one != other:
            pair = min(one, other), max(one, other)
            shortest[pair] = min(long, shortest.get(pair, math.inf))
    rows, columns = zip(*shortest, strict=True)
    links = coo_array((list(shortest.values()), (rows, columns)), (len(numbers), len(numbers))).tocsr()
    start = int(np.argmax(dijkstra(links, directed=False, indices=0)))
    away = dijkstra(links, directed=False, indices=start)
    end = int(np.argmax(away))
    return max(1.0, float(away[end]) / max(1.0, math.dist(places[start], places[end])))


def cells_with_crack(paths: Iterable[NDArray[np.int32]], size: tuple[int, int], cell: int) -> float:
    """Share of the square cells of a photograph that paths pass through, 0..1.

    Args:
        paths: int32 (N, 2), x and y, steps of about 1 px, within the photograph.
        size: (width, height), px.
        cell: side of a cell, px. Cells start at the upper left corner; those cut by the border count as whole ones.
    """
    across, down = -(-size[0] // cell), -(-size[1] // cell)
    met = np.zeros((down, across), np.bool_)
    for path in paths:
        met[path[:, 1] // cell, path[:, 0] // cell] = True
    return float(met.mean())

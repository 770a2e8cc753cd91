"""A crack as a graph: branches of its skeleton between ends and junctions.

The skeleton is that of Lee, Kashyap and Chu ("Building skeleton models via 3-D medial surface/axis thinning
algorithms", 1994). The one of Zhang and Suen, scikit-image's default, takes a third of the time and loses half of a
slanted line that is two pixels wide.

Two pixels of a skeleton that touch at a corner are no neighbours where a third one touches both along a side, so that a
bend is no junction. Junction pixels that touch are one junction.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.morphology import skeletonize

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Branch:
    """A way between two nodes, or a ring from a node back to it.

    Attributes:
        nodes: where it begins and where it ends; the same one twice for a ring.
        points: float64 (N, 2), x and y, from node to node, both included; N >= 2, at steps of a pixel or so.
    """

    nodes: tuple[int, int]
    points: Points

    @property
    def steps(self) -> float:
        """Sum of the steps, px. It tells spurs from branches; the length to report is `lengths.length`."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())


@dataclass
class Graph:
    """Branches and nodes by number. A node is an end, a junction, or where a ring was opened.

    Attributes:
        branches: number -> branch.
        at: number of a node -> numbers of the branches that begin or end there; a ring stands there twice.
        width: number of a node -> local width of the crack, px.
    """

    branches: dict[int, Branch] = field(default_factory=dict)
    at: dict[int, list[int]] = field(default_factory=dict)
    width: dict[int, float] = field(default_factory=dict)
    _next: int = 0

    def add(self, branch: Branch) -> int:
        """Take a branch in; its number."""
        number, self._next = self._next, self._next + 1
        self.branches[number] = branch
        for node in branch.nodes:
            self.at.setdefault(node, []).append(number)
        return number

    def remove(self, number: int) -> Branch:
        """Take a branch out, and nodes that have none left."""
        branch = self.branches.pop(number)
        for node in branch.nodes:
            self.at[node].remove(number)
        for node in set(branch.nodes):
            if not self.at[node]:
                del self.at[node]
        return branch

    @property
    def ends(self) -> int:
        """Nodes with a single branch."""
        return sum(len(branches) == 1 for branches in self.at.values())

    @property
    def junctions(self) -> int:
        """Nodes where three or more branches meet."""
        return sum(len(branches) > 2 for branches in self.at.values())

    @property
    def loops(self) -> int:
        """Ways around that are independent of each other: Euler's formula for a connected graph."""
        return len(self.branches) - len(self.at) + 1 if self.branches else 0


def trace(crack: NDArray[np.bool_], depth: NDArray[np.float32]) -> Graph:
    """Trace the skeleton of one crack.

    Args:
        crack: bool (H, W), one component (8-connected).
        depth: float32 (H, W), distance of each pixel to the nearest one that is none, px.

    Returns:
        A connected graph; of no branch where the skeleton is a single pixel.
    """
    skeleton: NDArray[np.bool_] = skeletonize(crack, method="lee") > 0  # type: ignore[no-untyped-call]
    rows, columns = np.nonzero(skeleton)
    first, second = _touching(skeleton)
    node, count = _nodes(first, second, len(rows))
    around: list[list[int]] = [[] for _ in rows]
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        around[one].append(other)
        around[other].append(one)
    ways = list(_ways(node.tolist(), around))
    if not count and ways:
        node[ways[0][0]], count = 0, 1

    points = np.stack([columns, rows], axis=1).astype(np.float64)
    inside = np.flatnonzero(node >= 0)
    sizes = np.bincount(node[inside], minlength=count)
    centres = np.stack([np.bincount(node[inside], points[inside, k], count) for k in (0, 1)], axis=1) / sizes[:, None]
    widths = np.zeros(count)
    np.maximum.at(widths, node[inside], 2 * depth[rows, columns][inside] - 1)
    graph = Graph(width=dict(enumerate(widths.tolist())))
    for way in ways:
        places, ends = points[way], (int(node[way[0]]), int(node[way[-1]]))
        places[0], places[-1] = centres[ends[0]], centres[ends[1]]
        graph.add(Branch(ends, places))
    return graph


def _touching(skeleton: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of pixels that are neighbours, each once, numbered in the order of `np.nonzero`."""
    number = np.full((skeleton.shape[0] + 1, skeleton.shape[1] + 2), -1, np.intp)
    number[:-1, 1:-1][skeleton] = np.arange(np.count_nonzero(skeleton))
    here, right, left = number[:-1, 1:-1], number[:-1, 2:], number[:-1, :-2]
    below, below_right, below_left = number[1:, 1:-1], number[1:, 2:], number[1:, :-2]
    rows, columns = np.nonzero(skeleton)
    own = here[rows, columns]
    east, west, south = (side[rows, columns] for side in (right, left, below))
    pairs = [
        (own, east),
        (own, south),
        (own, np.where((east < 0) & (south < 0), below_right[rows, columns], -1)),
        (own, np.where((west < 0) & (south < 0), below_left[rows, columns], -1)),
    ]
    first = np.concatenate([one[other >= 0] for one, other in pairs])
    return first, np.concatenate([other[other >= 0] for _, other in pairs])


def _nodes(first: NDArray[np.intp], second: NDArray[np.intp], pixels: int) -> tuple[NDArray[np.intp], int]:
    """The number of each pixel's node, -1 for pixels between nodes; and how many nodes there are."""
    degree = np.bincount(first, minlength=pixels) + np.bincount(second, minlength=pixels)
    both = (degree[first] > 2) & (degree[second] > 2)
    links = coo_array((np.ones(both.sum(), np.bool_), (first[both], second[both])), (pixels, pixels))
    cluster = connected_components(links, directed=False)[1]
    is_node = (degree == 1) | (degree > 2)
    kept, node = np.unique(cluster[is_node], return_inverse=True)
    numbers = np.full(pixels, -1, np.intp)
    numbers[is_node] = node
    return numbers, len(kept)


def _ways(node: list[int], around: list[list[int]]) -> Iterator[list[int]]:
    """Each way from node to node once, as pixels; a ring without a node begins and ends at any of its pixels."""
    seen = [False] * len(node)
    for start, number in enumerate(node):
        if number < 0:
            continue
        for step in around[start]:
            if node[step] >= 0:
                # two ends that touch, or an end at a junction; inside a junction there are no branches
                if node[step] != number and start < step:
                    yield [start, step]
            elif not seen[step]:
                yield _follow(start, step, node, around, seen)
    if node and max(node) < 0 and around[0]:
        yield _follow(0, around[0][0], node, around, seen)


def _follow(start: int, step: int, node: list[int], around: list[list[int]], seen: list[bool]) -> list[int]:
    """The way that leaves a pixel by a neighbour, up to the next node or back to where it began."""
    way = [start, step]
    while node[way[-1]] < 0 and way[-1] != start:
        seen[way[-1]] = True
        one, other = around[way[-1]]
        way.append(other if one == way[-2] else one)
    return way

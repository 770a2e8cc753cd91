"""What a skeleton has too much: spurs of a ragged outline, and junctions that are one, pulled apart by thinning."""

import heapq

import numpy as np

from crackflow.geometry.lengths import straight
from crackflow.geometry.skeleton import Branch, Graph

# Where two cracks cross at a slant, thinning draws them as one line between two junctions. It is at most this long: in
# widths of the crack at the junctions, which is wider there, and in px, for lines of a pixel.
_CROSSING, _PIXELS = 1.5, 2.0


def prune(graph: Graph, spur_factor: float) -> None:
    """Remove spurs, the shortest for its width first, and join what then goes on without a junction. In place.

    A spur leaves a junction and ends freely, after less than `spur_factor` times the width of the crack at the
    junction. Half a width lies within the crack. The graph stays connected, and its last branch stays.
    """
    waiting: list[tuple[float, int]] = []

    def consider(number: int) -> None:
        branch = graph.branches[number]
        crowd = [len(graph.at[node]) for node in branch.nodes]
        if min(crowd) == 1 and max(crowd) > 2:
            limit = spur_factor * graph.width[branch.nodes[int(np.argmax(crowd))]]
            if branch.steps < limit:
                heapq.heappush(waiting, (branch.steps / limit, number))

    for number in list(graph.branches):
        consider(number)
    while waiting:
        _, number = heapq.heappop(waiting)
        # joined to another one since
        if number not in graph.branches:
            continue
        left = next(node for node in graph.remove(number).nodes if node in graph.at)
        if len(set(graph.at[left])) == len(graph.at[left]) == 2:
            consider(_join(graph, left))


def _join(graph: Graph, node: int) -> int:
    """Make one branch of the two at a node; its number."""
    one, other = (graph.remove(number) for number in list(graph.at[node]))
    first = one.points if one.nodes[1] == node else one.points[::-1]
    second = other.points if other.nodes[0] == node else other.points[::-1]
    start = one.nodes[0] if one.nodes[1] == node else one.nodes[1]
    end = other.nodes[1] if other.nodes[0] == node else other.nodes[0]
    return graph.add(Branch((start, end), np.concatenate([first, second[1:]])))


def join_junctions(graph: Graph) -> None:
    """Make one junction of two that a short branch joins, in the middle of it. In place.

    The other branches then reach to the middle, so what two cracks have in common counts for both of them.
    """
    for number in sorted(graph.branches, key=lambda number: graph.branches[number].steps):
        branch = graph.branches[number]
        one, other = branch.nodes
        if one == other or min(len(graph.at[one]), len(graph.at[other])) < 3:
            continue
        if branch.steps < _CROSSING * max(graph.width[one], graph.width[other]) + _PIXELS:
            _contract(graph, number)


def _contract(graph: Graph, number: int) -> None:
    """Replace a branch between two nodes by a single node."""
    branch = graph.remove(number)
    one, other = branch.nodes
    middle = branch.points[len(branch.points) // 2]
    for joined in {*graph.at[one], *graph.at[other]}:
        old = graph.branches[joined]
        points = old.points
        if old.nodes[0] in branch.nodes:
            points = np.concatenate([straight(middle, points[0])[:-1], points])
        if old.nodes[1] in branch.nodes:
            points = np.concatenate([points, straight(points[-1], middle)[1:]])
        nodes = tuple(one if node == other else node for node in old.nodes)
        graph.branches[joined] = Branch((nodes[0], nodes[1]), points)
    graph.at[one] += graph.at.pop(other)
    graph.width[one] = max(graph.width[one], graph.width[other])

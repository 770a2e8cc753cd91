"""The branches of a crack as smooth paths in the photograph, with the places where its width can be read."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.geometry.lengths import length, reach_tip, smooth, straighten_joint
from crackflow.geometry.pieces import Piece
from crackflow.geometry.pruning import join_junctions, prune
from crackflow.geometry.skeleton import Branch, Graph, Points, trace

# From the tip inwards a blunt end is as deep as it is far from the tip; from a junction outwards both cracks count.
_TIP, _JOINT = 1.0, 0.75


class CrackPath(NamedTuple):
    """What the mask says about one crack; x and y in the photograph.

    Attributes:
        graph: branches and nodes.
        paths: one for each branch of the graph, in its order: float64 (N, 2), smooth, steps of about 1 px.
        lengths: of each path, px.
        readable: for each path bool (N,): the width there is neither that of a tip nor of a junction, nor of a gap.
        widths: for each path float64 (N,), width of the mask, px.
    """

    graph: Graph
    paths: list[Points]
    lengths: list[float]
    readable: list[NDArray[np.bool_]]
    widths: list[NDArray[np.float64]]


def follow(piece: Piece, spur_factor: float) -> CrackPath | None:
    """Follow the skeleton of a crack; None where it is a single pixel."""
    graph = trace(piece.whole, piece.depth)
    prune(graph, spur_factor)
    join_junctions(graph)
    if not graph.branches:
        return None
    # the ridge of the distances lies within a pixel of the path
    ridge = cv2.dilate(piece.depth, np.ones((3, 3), np.uint8))
    drawn = cv2.dilate(piece.drawn.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    paths, readable, widths = [], [], []
    for branch in graph.branches.values():
        path = _path(branch, graph, piece)
        column, row = np.rint(path).astype(int).T
        column, row = column.clip(0, ridge.shape[1] - 1), row.clip(0, ridge.shape[0] - 1)
        depth = ridge[row, column].astype(np.float64)
        paths.append(path + np.array([piece.left, piece.top]))
        readable.append(_readable(path, branch, graph, depth) & drawn[row, column])
        widths.append(2 * depth)
    lengths = [length(path) for path in paths]
    if not any(good.any() for good in readable):
        readable = [np.ones(len(good), np.bool_) for good in readable]
    # In whole pixels, a band of w has a largest depth of (w + 1) / 2 or w / 2, by its place and slant. Area over length
    # says which it is on the whole. At a crossing two bands share an area of w x w, at the foot of a Y half of that.
    mean = float(np.concatenate([width[good] for width, good in zip(widths, readable, strict=True)]).mean())
    shared = sum(len(there) / 2 - 1 for there in graph.at.values() if len(there) > 2) * mean**2
    area = np.count_nonzero(piece.whole) + shared
    excess = float(np.clip(mean - area / max(sum(lengths), 1.0), 0.0, 1.0))
    return CrackPath(graph, paths, lengths, readable, [np.maximum(width - excess, 1.0) for width in widths])


def _path(branch: Branch, graph: Graph, piece: Piece) -> Points:
    """A branch in the piece's own coordinates, from tip or junction to tip or junction."""
    points = branch.points
    for node in reversed(branch.nodes):
        crowd = len(graph.at[node])
        if crowd == 1:
            points = reach_tip(points, piece.whole, piece.depth)
        elif crowd > 2:
            points = straighten_joint(points, graph.width[node])
        points = points[::-1]
    first, last = branch.nodes
    return smooth(points, ring=first == last and len(graph.at[first]) == 2)


def _readable(path: Points, branch: Branch, graph: Graph, depth: NDArray[np.float64]) -> NDArray[np.bool_]:
    good = np.ones(len(path), np.bool_)
    for node, place in zip(branch.nodes, (path[0], path[-1]), strict=True):
        crowd, away = len(graph.at[node]), np.hypot(*(path - place).T)
        if crowd == 1:
            good &= away > depth + _TIP
        elif crowd > 2:
            good &= away > _JOINT * graph.width[node]
    return good

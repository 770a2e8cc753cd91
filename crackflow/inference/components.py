"""Connected components of the foreground, and which of them are removed; also of pictures of hundreds of megapixels."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ClassMask = NDArray[np.uint8]
Levels = NDArray[np.uint16]
Score = NDArray[np.float32] | Levels
BoolMask = NDArray[np.bool_]

# As levels, probabilities are whole multiples of 1/65536, the finest that 16 bits hold.
SCALE = 65536
# Pixels that are labelled at a time: labels and their copies take some 20 bytes each.
_AT_A_TIME = 2**23


class Components(NamedTuple):
    """The 8-connected components of one image's foreground."""

    labels: NDArray[np.int32]
    """(H, W): 0, or the number of the pixel's component, from 1."""
    areas: NDArray[np.int64]
    """(K,): pixels of each."""
    peaks: Score
    """(K,): highest score of each."""


def components(score: Score, threshold: float) -> Components:
    """Find the components of the foreground.

    Args:
        score: (H, W), any number type.
        threshold: on the scale of `score`; a pixel is foreground above it.

    Returns:
        The components; two pixels that touch at a corner belong to one.
    """
    foreground = above(score, threshold)
    number, found, stats, _ = cv2.connectedComponentsWithStats(foreground.view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    peaks = np.zeros(number, score.dtype)
    np.maximum.at(peaks, labels[foreground], score[foreground])
    return Components(labels, stats[1:, cv2.CC_STAT_AREA].astype(np.int64), peaks[1:])


def above(score: Score, threshold: float) -> BoolMask:
    """Say where the score is above a threshold, compared as a number of the score's own type."""
    return np.asarray(score > score.dtype.type(_bound(threshold, score)))


def passes_filter(areas: NDArray[np.int64], peaks: Score, smallest_area: ArrayLike, peak: ArrayLike) -> BoolMask:
    """Say which components pass the filter; the arguments are broadcast.

    Args:
        areas: pixels of each component.
        peaks: highest score of each.
        smallest_area: pixels; smaller components do not pass.
        peak: on the scale of `peaks`.

    Returns:
        True where a component is large enough and the network sure enough of it.
    """
    large = areas >= np.asarray(smallest_area, np.float64)
    return np.asarray(large & (peaks > np.asarray(peak).astype(peaks.dtype)))


def filtered_foreground(
    score: Score, threshold: float, smallest_area: float, peak: float, at_a_time: int = _AT_A_TIME
) -> BoolMask:
    """Find the foreground that the component filter leaves.

    Components are found in strips of rows, and those that touch across a border of two strips are joined. So labels of
    the whole image, 4 bytes a pixel, are never held.

    Args:
        score: (H, W), any number type.
        threshold: on the scale of `score`; a pixel is foreground above it.
        smallest_area: pixels; components that are smaller are removed.
        peak: on the scale of `score`; components that are nowhere above it are removed.
        at_a_time: pixels of a strip.

    Returns:
        bool (H, W).
    """
    kept = above(score, threshold)
    if not (smallest_area or peak):
        return kept
    rows = max(1, at_a_time // max(1, score.shape[1]))
    strips = [slice(top, top + rows) for top in range(0, score.shape[0], rows)]
    areas, peaks, joined, ends = [], [], [], [0]
    last = np.zeros(score.shape[1], np.int32)
    for strip in strips:
        found = components(score[strip], threshold)
        areas.append(found.areas)
        peaks.append(found.peaks)
        joined.append(_touching(last, np.where(found.labels[0], found.labels[0] + ends[-1], 0)))
        last = np.where(found.labels[-1], found.labels[-1] + ends[-1], 0)
        ends.append(ends[-1] + len(found.areas))
    whole = _merged(np.concatenate(joined), ends[-1])
    total = np.bincount(whole, np.concatenate(areas)).astype(np.int64)
    highest = np.zeros(len(total), score.dtype)
    np.maximum.at(highest, whole, np.concatenate(peaks))
    passing = passes_filter(total, highest, smallest_area, _bound(peak, score))[whole]
    for strip, start, end in zip(strips, ends, ends[1:], strict=False):
        labels = found.labels if len(strips) == 1 else components(score[strip], threshold).labels
        kept[strip] = np.concatenate([[False], passing[start:end]])[labels]
    return kept


def _bound(value: float, score: Score) -> float:
    """A bound that the score's own type can hold; above the highest level of 16 bits there is nothing."""
    return min(value, SCALE - 1) if score.dtype == np.uint16 else value


def _touching(above: NDArray[np.integer], below: NDArray[np.integer]) -> NDArray[np.integer]:
    """Pairs (K, 2) of labels that touch, corners included, between two rows that lie one below the other."""
    width = len(above)
    shifted = [
        (above[max(0, -by) : width - max(0, by)], below[max(0, by) : width - max(0, -by)])
        for by in (-1, 0, 1)
        if width > abs(by)
    ]
    pairs = np.concatenate([np.stack(both, axis=1) for both in shifted])
    return np.unique(pairs[(pairs > 0).all(axis=1)], axis=0)


def _merged(pairs: NDArray[np.integer], number: int) -> NDArray[np.int32]:
    """Number components anew, from 0, so that those which `pairs` (K, 2), from 1, joins have one number."""
    first, second = pairs.T - 1
    graph = coo_array((np.ones(len(pairs), np.int8), (first, second)), shape=(number, number))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)

"""Some of the labelled pairs of a folder that a model has not seen: as many of each source, drawn by a seed."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crackflow.imaging.images import Pixels
from crackflow.imaging.masks import read_pair
from crackflow.inference.packaged_weights import Seen, Weights
from crackflow.models.seen_pairs import known
from crackflow.params import SplitParams
from crackflow.sources.folder import Pair, find_pairs
from crackflow.sources.provenance import NameRules


@dataclass(frozen=True)
class Unseen:
    """What was drawn.

    Attributes:
        by_source: the pairs drawn, by source.
        there: how many pairs the folder holds.
        seen: how many of these the model has seen; none of them is drawn.
        untrained: the sources of which the model was trained on no pair in the folder.
    """

    by_source: dict[str, list[Pair]]
    there: int
    seen: int
    untrained: frozenset[str]


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line of a benchmark that draws pairs: `parser` has the options of its own."""
    parser.add_argument("pairs", type=Path, nargs="?", help="a folder of images/ and masks/")
    parser.add_argument("--model", default="packaged", help="as for crackflow predict (default: packaged)")
    parser.add_argument("--each", type=int, default=24, help="pairs of each source, at most (default: 24)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results")
    args = parser.parse_args()
    if not args.tables and args.pairs is None:
        parser.error("name a folder of pairs, or say --tables")
    return args


def draw(folder: Path, seen: Seen, each: int, seed: int, sources: Sequence[str] = ()) -> Unseen:
    """Draw pairs.

    Args:
        folder: images/ and masks/, or another layout of crackflow.sources.folder.
        seen: what is left out, as pipelines.commands.model_choice.seen gives it.
        each: how many of each source at most. More of them hold those that fewer draw.
        seed: of the draw.
        sources: the ones to draw from; empty for all.

    Raises:
        DataError: when the folder holds no pair.
    """
    pairs = find_pairs(folder).pairs
    not_to_use = set(known([pair.stem for pair in pairs], seen.trained_on | seen.chosen_on))
    source_of = NameRules.of(SplitParams()).source
    trained = {source_of(stem) for stem in known([pair.stem for pair in pairs], seen.trained_on)}
    free: dict[str, list[Pair]] = {}
    for pair in pairs:
        source = source_of(pair.stem)
        if pair.stem not in not_to_use and (not sources or source in sources):
            free.setdefault(source, []).append(pair)
    drawn = {
        source: [found[index] for index in np.random.default_rng([seed, len(found)]).permutation(len(found))[:each]]
        for source, found in sorted(free.items())
    }
    return Unseen(drawn, len(pairs), len(not_to_use), frozenset(drawn) - trained)


def read(pair: Pair, weights: Weights) -> tuple[Pixels, Pixels]:
    """Read a photograph, uint8 RGB (H, W, 3), and its truth, uint8 class numbers (H, W), at their own size."""
    image, mask = read_pair(pair.image, pair.mask, tuple(weights.params.classes.values()))
    return image, mask.classes


def words(found: Unseen, weights: Weights, seed: int) -> str:
    """Say in one sentence what was drawn."""
    number = sum(map(len, found.by_source.values()))
    return (
        f"{number} of {found.there} pairs, at most {max(map(len, found.by_source.values()), default=0)} of a source "
        f"(seed {seed}), none of the {found.seen} that {weights.name} have seen"
    )

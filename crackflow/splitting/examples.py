"""Choose the pairs that people look at."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np


def pick_examples(
    groups: Mapping[str, str], sources: Mapping[str, str], empty: Mapping[str, bool], count: int, seed: int
) -> set[str]:
    """Choose pairs: a few of each source, from different photographs, crack-free ones too.

    Sources take turns. The crack-free pairs of all sources together count as one more source. No photograph is shown
    twice while another is not shown yet.

    Args:
        groups: group by stem, of the pairs to choose from.
        sources: source by stem.
        empty: whether the pair has no crack, by stem.
        count: how many to choose; all where there are fewer.
        seed: decides which of a source; not negative.

    Returns:
        The stems chosen.
    """
    queues: dict[tuple[bool, str], list[str]] = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)
    order = np.random.default_rng(seed).permutation(sorted(groups)).tolist()
    rank = {}
    for stem in order:
        rank[stem] = seen[groups[stem]]
        seen[groups[stem]] += 1
        queues[empty[stem], "" if empty[stem] else sources[stem]].append(stem)
    # further crops of a photograph come after all first ones; of those, the k-th of each source before any (k+1)-th
    turns = [
        (rank[stem], turn, key, stem)
        for key, queue in queues.items()
        for turn, stem in enumerate(sorted(queue, key=lambda stem: rank[stem]))
    ]
    return {stem for *_, stem in sorted(turns)[:count]}

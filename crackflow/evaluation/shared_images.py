"""The test images that two evaluations share, though the data changed between them."""

from dataclasses import dataclass

import pandas as pd

# Below this share of the larger test set two models have hardly met on the same ground.
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Shared:
    """What two test sets have in common.

    Attributes:
        stems: images of both that have the same count of crack pixels in both, sorted.
        came: images of the new one alone.
        left: images of the old one alone.
        relabelled: images of both with another count of crack pixels.
        share: of `stems` in the larger of the two test sets, 0..1.
    """

    stems: tuple[str, ...]
    came: tuple[str, ...]
    left: tuple[str, ...]
    relabelled: tuple[str, ...]
    share: float

    @property
    def differs(self) -> bool:
        """Whether the test sets are not the same."""
        return bool(self.came or self.left or self.relabelled)

    @property
    def enough(self) -> bool:
        """Whether they share enough for a verdict."""
        return self.share >= LEAST_SHARE

    def words(self) -> str:
        """Say how the test sets differ; empty where they do not."""
        if not self.differs:
            return ""
        said = []
        if self.came or self.left:
            said.append(f"the test set differs: {_images(self.came)} in, {len(self.left)} out")
        if self.relabelled:
            said.append(f"the truth of {_images(self.relabelled)} differs")
        return "; ".join(said)


def shared_images(old: pd.DataFrame, new: pd.DataFrame) -> Shared:
    """Find the test images that two evaluations share.

    Args:
        old: a row an image: stem, tp, fn, as reports/per_image.csv.
        new: the same.

    Returns:
        The images that both have with the same truth, and what differs.
    """
    before, after = (table.set_index("stem")[["tp", "fn"]].sum(axis=1) for table in (old, new))
    both = sorted(set(before.index) & set(after.index))
    same = tuple(stem for stem in both if before[stem] == after[stem])
    largest = max(len(before), len(after))
    return Shared(
        same,
        tuple(sorted(set(after.index) - set(before.index))),
        tuple(sorted(set(before.index) - set(after.index))),
        tuple(stem for stem in both if before[stem] != after[stem]),
        len(same) / largest if largest else 0.0,
    )


def _images(stems: tuple[str, ...]) -> str:
    return f"{len(stems)} image{'' if len(stems) == 1 else 's'}"

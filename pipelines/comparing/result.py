"""What a comparison finds: figures, sources and images that changed, and the verdict."""

from dataclasses import dataclass
from typing import Literal

from crackflow.evaluation import comparison
from pipelines.commands import profile

Outcome = Literal["better", "worse", "not told apart", "no verdict"]


@dataclass(frozen=True)
class Figure:
    """A figure of both sides; the ends of the interval of the difference, and the verdict, are None where unknown."""

    name: str
    words: str
    old: float | None
    new: float | None
    low: float | None = None
    high: float | None = None
    verdict: comparison.Verdict | None = None

    @property
    def change(self) -> float | None:
        """How much larger the new one is."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True)
class Source:
    """The figure that decides, of the shared images of one source."""

    source: str
    images: int
    groups: int
    figure: Figure


@dataclass(frozen=True)
class Image:
    """An image whose IoU changed; both masks empty is an IoU of 1."""

    stem: str
    source: str
    old: float
    new: float


@dataclass(frozen=True)
class Compared:
    """What `crackflow compare` shows.

    Attributes:
        old, new: names of the sides.
        data: what differs in the data, to be said first; empty where it is the same.
        outcome: of the figure `metric`.
        verdict: the same in a sentence.
        metric: the figure that decides.
        caveats: what a reader must know.
        params: parameters that changed.
        figures: headline figures of the shared images, or of each side's own where images can't be compared.
        sources: `metric` by source; empty where images can't be compared.
        gained, lost: images that got better and worse, those that changed most first.
        images, groups: how many are shared; 0 where images can't be compared.
    """

    old: str
    new: str
    data: tuple[str, ...]
    outcome: Outcome
    verdict: str
    metric: str
    caveats: tuple[str, ...]
    params: tuple[profile.Change, ...]
    figures: tuple[Figure, ...]
    sources: tuple[Source, ...] = ()
    gained: tuple[Image, ...] = ()
    lost: tuple[Image, ...] = ()
    images: int = 0
    groups: int = 0

"""models/operating_point.json: an operating point, and what is known of how it was chosen."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt

from crackflow.errors import ModelError
from crackflow.inference.operating_point import OperatingPoint, sha256
from crackflow.params.types import Share
from crackflow.strict_json import Format, Sha256, Strict, parse

# `OperatingPointFile.origin` where nothing is known.
UNKNOWN = "unknown, unknown"


class Unfiltered(Strict):
    """What was reached on valid by the threshold alone."""

    value: float | None
    false_alarms: Share | None


class OperatingPointFile(Strict):
    """What the file holds. All but the threshold may be absent, since files of earlier versions had less.

    Attributes:
        format: version of this layout; None in files from before there was one.
        threshold, smallest_area, peak, flips: as in OperatingPoint.
        smallest_share: what earlier versions had for smallest_area, a share of the images that it was chosen on.
        in_words: the operating point for people.
        value: of `metric`, on the images that it was chosen on; None where it is undefined.
        false_alarms: share of the crack-free images with a false alarm; None where there were none.
        component_filter: why there is one or not.
        unfiltered: what the threshold alone reached.
        dropping, without_dropping: what earlier versions called the last two.
        images, images_without_cracks: how many it was chosen on.
        metric: what was maximised.
        chosen_on: name of the subset.
        model_sha256: of the model that it was chosen for.
        false_alarms_target, false_alarms_cost: parameters of the choice.
    """

    format: Format | None = None
    threshold: Share
    smallest_area: Annotated[float, Field(ge=0)] | None = None
    smallest_share: Share = 0.0
    peak: Share = 0.0
    flips: bool = False
    in_words: str = ""
    value: float | None = None
    false_alarms: Share | None = None
    component_filter: str = ""
    unfiltered: Unfiltered | None = None
    dropping: str = ""
    without_dropping: Unfiltered | None = None
    images: NonNegativeInt | None = None
    images_without_cracks: NonNegativeInt | None = None
    metric: str = "unknown"
    chosen_on: str = "unknown"
    model_sha256: Sha256 | None = None
    false_alarms_target: Share | None = None
    false_alarms_cost: Annotated[float, Field(ge=0)] | None = None

    def point(self, side: int) -> OperatingPoint:
        """Give the operating point alone.

        Args:
            side: of the images that it was chosen on, which are squares, px; for the share of earlier versions.
        """
        area = self.smallest_share * side**2 if self.smallest_area is None else self.smallest_area
        return OperatingPoint(self.threshold, area, self.peak, self.flips)

    def origin(self) -> str:
        """Say where it was chosen and by which figure, as the protocol of an evaluation has it."""
        return f"{self.chosen_on}, {self.metric}"


def read_file(path: Path) -> OperatingPointFile:
    """Read an operating point with all that is known of it.

    Raises:
        ModelError: when it is absent or unusable.
    """
    try:
        return parse(path.read_bytes(), OperatingPointFile)
    except FileNotFoundError:
        raise ModelError(f"no operating point at {path}; evaluate the model, which chooses one") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be used ({error}); evaluate the model again, which writes it anew") from None


def read_operating_point(path: Path, side: int) -> OperatingPoint:
    """Read an operating point.

    Args:
        path: a file as `OperatingPointFile` has it.
        side: of the images that it was chosen on, which are squares, px; for the share of earlier versions.

    Raises:
        ModelError: when it is absent or unusable.
    """
    return read_file(path).point(side)


def was_chosen_for(path: Path, model: Path) -> bool:
    """Whether an operating point was chosen for a model. Its thresholds mean nothing to another model.

    Args:
        path: an operating point. Files of earlier versions have no `model_sha256`: they are taken as chosen for it.
        model: a file.

    Raises:
        ModelError: when the operating point is absent or unusable.
    """
    wanted = read_file(path).model_sha256
    return wanted is None or wanted == sha256(model)

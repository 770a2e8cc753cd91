"""card.json of a folder of weights: what the model is, where it comes from, and what it reaches."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveInt

from crackflow.errors import ModelError
from crackflow.params import Colour, Params, ResizeParams
from crackflow.strict_json import Format, Sha256, Strict, parse

CARD = "card.json"
Use = Literal["any", "research", "unstated"]


def _classes(value: dict[str, Colour]) -> dict[str, Colour]:
    """Names and colours by the rules of params.yaml."""
    return Params.model_validate({"classes": value}).classes


class Protocol(Strict):
    """Of the figures; more than what is read here may be in it."""

    model_config = ConfigDict(extra="allow")
    tolerance_px: Annotated[int, Field(ge=0, le=100)]


class CardFigures(Strict):
    """As metrics/evaluation.json; the page alone reads more than the protocol."""

    model_config = ConfigDict(extra="allow")
    protocol: Protocol


class Card(Strict):
    """What the file holds. What scripts.pack adds to a champion's card may be absent.

    Attributes:
        format: version of this layout; None in files from before there was one.
        revision: the commit that it was built of.
        promoted: why it became the champion.
        parameters: how many weights the model has.
        bytes, sha256: of the model's file.
        packing: what packing cost.
        classes, resize: blocks of its params.yaml.
        data, training, params, by_source: a record for people.
        flips, figures: what it reaches.
        foreign, foreign_by_source: what it reaches on places never seen; None where no source was left out.
        leave_out: what other trainings of the recipe reached on places that they were kept from; None where this one
            was kept from some.
        use: what the terms of its data allow; None where nobody looked, such as data of the user's own.
    """

    format: Format | None = None
    revision: Annotated[str, Field(min_length=1, max_length=200)]
    promoted: str | None = None
    parameters: PositiveInt | None = None
    bytes: NonNegativeInt | None = None
    sha256: Sha256 | None = None
    packing: dict[str, JsonValue] | None = None
    classes: Annotated[dict[str, Colour], AfterValidator(_classes)]
    resize: ResizeParams
    data: dict[str, JsonValue] | None = None
    training: dict[str, JsonValue] | None = None
    params: dict[str, JsonValue] | None = None
    flips: dict[str, JsonValue] | None = None
    figures: CardFigures
    by_source: list[dict[str, JsonValue]] | None = None
    foreign: dict[str, JsonValue] | None = None
    foreign_by_source: list[dict[str, JsonValue]] | None = None
    leave_out: dict[str, JsonValue] | None = None
    use: Use | None = None


def read_card(folder: Path) -> Card:
    """Read card.json of a folder of weights.

    Raises:
        ModelError: when it is absent, or can't be used.
    """
    return _read(folder)[0]


def card_values(folder: Path) -> dict[str, Any]:
    """Read card.json of a folder of weights with all that is in it for people, as JSON has it.

    Raises:
        ModelError: when it is absent, or can't be used.
    """
    return _read(folder)[1]


def _read(folder: Path) -> tuple[Card, dict[str, Any]]:
    path = folder / CARD
    try:
        content = path.read_bytes()
        return parse(content, Card), dict(json.loads(content))
    except FileNotFoundError:
        raise ModelError(
            f"no weights in {folder}: {CARD} is not there; name a folder laid out as crackflow/weights, which comes "
            "with the package"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be used ({error}); put back the one of these weights") from None

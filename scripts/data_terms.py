"""The data that weights were trained on, for their card: how many pairs of which source, and the terms of each.

The terms come from docs/reference/data_terms.yaml.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from crackflow.errors import DataError
from crackflow.inference.card import Use
from crackflow.splitting.foreign import CHOSEN_ON, FOREIGN
from scripts.tables import markdown

TERMS = Path(__file__).resolve().parents[1] / "docs/reference/data_terms.yaml"
_WORDS: Mapping[Use, str] = {"any": "any use", "research": "research only", "unstated": "not stated"}


class Terms(BaseModel):
    """What is known of one source.

    Attributes:
        what: whose photographs and masks.
        page: where they are published.
        stated: what the publisher says.
        allows: what that allows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    what: str
    page: str
    stated: str
    allows: Use


def read_terms(path: Path = TERMS) -> dict[str, Terms]:
    """Read what is known of each source.

    Raises:
        pydantic.ValidationError: when the file is not laid out as its first lines say.
    """
    sources = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return {source: Terms.model_validate(found) for source, found in sources.items()}


def used(by_source: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Name the sources that weights were fitted to, or that their epoch and operating point were chosen on.

    Args:
        by_source: of each source, its pairs by subset, as card.json has them.
    """
    return [source for source, of in by_source.items() if {"train", *CHOSEN_ON} & set(of)]


def use_of(sources: Iterable[str], terms: Mapping[str, Terms]) -> Use:
    """Say what weights may be used for, as far as the terms of their data go: what the narrowest of them allows.

    Args:
        sources: those that the weights were trained on.
        terms: as `read_terms` gives them.

    Returns:
        "research" where one source is for research only; else "unstated" where one source says nothing; else "any".

    Raises:
        DataError: when a source is not among the terms.
    """
    wanted = sorted(sources)
    unknown = [source for source in wanted if source not in terms]
    if unknown:
        raise DataError(
            f"{TERMS.name} has no terms of {', '.join(unknown)}, expected those of every source that the weights were "
            "trained on; add what its publisher states, or `unstated`"
        )
    allowed = {terms[source].allows for source in wanted}
    return "research" if "research" in allowed else "unstated" if "unstated" in allowed or not allowed else "any"


def terms_table(sources: Iterable[str], terms: Mapping[str, Terms]) -> str:
    """Give the table of the terms of some sources.

    Args:
        sources: which, in this order; sources of the same terms share a row.
        terms: as `read_terms` gives them.

    Returns:
        Lines of Markdown.
    """
    rows: dict[Terms, list[str]] = {}
    for source in sources:
        rows.setdefault(terms[source], []).append(source)
    cells = [
        [", ".join(names), found.what, found.page, found.stated, _WORDS[found.allows]] for found, names in rows.items()
    ]
    return markdown(["source", "what", "published at", "terms as stated", "allows"], cells)


def pairs_table(data: Mapping[str, Any]) -> str:
    """Say how many pairs of which source went where.

    Args:
        data: as the block `data` of card.json.

    Returns:
        Lines of Markdown.
    """
    subsets = [name for name in ("train", "valid", "test", *FOREIGN) if data["subsets"].get(name)]
    rows = [[source, *(of.get(name, 0) for name in subsets)] for source, of in data["by_source"].items()]
    rows.append(["all", *(data["subsets"].get(name, 0) for name in subsets)])
    return markdown(["source", *subsets], rows, "---:")

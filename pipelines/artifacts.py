"""What a rebuild leaves in Prefect for people to look at, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prefect.client.schemas import State

from pipelines import figures
from pipelines.dag import Stage


def stage_table(plan: Sequence[Stage], states: Mapping[str, State]) -> str:
    """What became of each stage, why, and what had changed before."""
    rows = [
        (stage.name, states[stage.name].name or "", states[stage.name].message or "", stage.summary()) for stage in plan
    ]
    return _table(("stage", "state", "why", "changed"), rows)


def figure_table(values: Mapping[str, Any]) -> str:
    """The figures of metrics/evaluation.json, each beside an all-black mask's."""
    return _table(("figure", "this model", "all-black mask"), figures.rows(values))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""`crackflow figures`: the figures of a run beside those of an all-black mask, and where its outputs are."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table

from crackflow.errors import DataError
from crackflow.evaluation.figures_file import parse_figures
from crackflow.evaluation.headline import BY_NAME, DASH, HEADLINE, figure_text, figure_words, interval_words
from crackflow.safe_text import printable
from tasks.workspace import Workspace

# What is shown with and without flips.
FLIPS = tuple(BY_NAME[name] for name in ("pooled_iou", "pooled_f1", "positives_iou", "false_alarms_images"))
ORIGINAL = "dice_coef_multiclass"


def read_figures(workspace: Workspace) -> dict[str, Any]:
    """Read metrics/evaluation.json.

    Raises:
        DataError: when it is absent or unusable.
    """
    path = workspace.metrics_json
    try:
        return parse_figures(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"no figures yet at {path}; `crackflow rebuild` makes them") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be used ({error}); run `crackflow rebuild evaluate`") from None


def outputs(workspace: Workspace) -> list[tuple[str, str]]:
    """Name the outputs that people look at, with their paths below the root; only those that exist."""
    places = (
        ("report", workspace.reports / "index.html"),
        ("model", workspace.model),
        ("operating point", workspace.operating_point),
        ("mini_test", workspace.reports / "mini_test"),
        ("component filters tried on valid", workspace.reports / "operating_point.csv"),
        ("test masks", workspace.predictions),
        ("figures", workspace.metrics_json),
        ("figures as the original has them", workspace.reports / "evaluation.csv"),
    )
    return [(name, str(path.relative_to(workspace.root))) for name, path in places if path.exists()]


def rows(figures: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Give each figure in words, as the model reached it and as an all-black mask does; the original's comes last."""
    protocol = figures.get("protocol", {})
    crack = [
        (
            figure_words(one, protocol),
            figure_text(figures, one),
            figure_text(figures, one, "all_background"),
        )
        for one in HEADLINE
    ]
    dice = (_dice(figures, ORIGINAL), _dice(figures, f"{ORIGINAL}_all_background"))
    return [*crack, (f"{ORIGINAL} (counts background)", *dice)]


def table(figures: Mapping[str, Any], places: list[tuple[str, str]]) -> Group:
    """Lay the figures out for a terminal: the crack class first, each beside an all-black mask's."""
    main = Table(title="test pairs, crack class", title_justify="left", title_style="bold")
    main.add_column("figure")
    main.add_column("this model", justify="right", style="bold")
    main.add_column("all-black mask", justify="right")
    *crack, original = rows(figures)
    for row in crack:
        main.add_row(*row)
    main.add_section()
    main.add_row(*original)
    protocol = dict(figures.get("protocol", {}))
    if ends := interval_words(figures):
        protocol["intervals"] = ends
    parts = [
        main,
        *([_foreign(found)] if (found := figures.get("foreign")) else []),
        _grid("protocol", [(name.replace("_", " "), value) for name, value in protocol.items()]),
        _grid("outputs", places),
    ]
    if flips := figures.get("flips"):
        parts.insert(1, _flips(flips))
    return Group(*parts)


def _foreign(figures: Mapping[str, Any]) -> Table:
    """The figures on places never seen."""
    images = figures["protocol"]["images"]
    table = Table(
        title=f"\nplaces never seen: {images} pairs of sources that were left out of training, crack class",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("figure")
    table.add_column("this model", justify="right", style="bold")
    table.add_column("all-black mask", justify="right")
    for one in HEADLINE:
        sides = (figure_text(figures, one, side) for side in ("crack", "all_background"))
        table.add_row(figure_words(one, figures["protocol"]), *sides)
    return table


def _flips(flips: Mapping[str, Any]) -> Table:
    table = Table(title="\nwith and without flips", title_justify="left", title_style="bold")
    table.add_column("figure")
    table.add_column("plain", justify="right")
    table.add_column("mean over four flips", justify="right")
    for one in FLIPS:
        table.add_row(one.words, *(figure_text(flips, one, side) for side in ("plain", "averaged")))
    return table


def _grid(title: str, rows: Any) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.title, grid.title_justify, grid.title_style = f"\n{title}", "left", "bold"
    for name, value in rows:
        cell = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, Mapping) else str(value)
        grid.add_row(printable(str(name)), printable(cell))
    return grid


def _dice(figures: Mapping[str, Any], name: str) -> str:
    value = figures.get("original", {}).get(name)
    return DASH if value is None else f"{value:.3f}"

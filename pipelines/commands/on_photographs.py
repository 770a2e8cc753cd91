"""The commands on photographs, `predict` and `score`: read arguments, print what came of it.

What takes long to import is imported by the command that needs it.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tasks.endings import interrupted_by_signals

_MODELS = "packaged|trained|PATH"
_MODEL_HELP = (
    "The weights that come with crackflow, the model trained in this checkout, or a path: another checkout, a folder "
    "laid out as crackflow/weights, or (predict only) a .keras file. "
    "Default: trained where there is a model, else packaged."
)
_FORCE_HELP = (
    "Use a folder that holds files of yours: those that have the name of a result are replaced, the others stay."
)

_PHOTOS_HELP = (
    "Photographs, folders or zips of them, patterns such as 'road/*.jpg', or - for paths on standard input, one a line "
    "or each ended by a NUL."
)
_FLIPS_HELP = "Whether four flips of each photograph are averaged; of itself as the operating point was chosen."
_MEMORY_HELP = "What a photograph may take beside the program itself; one that needs more is skipped."
_SCALE_HELP = (
    "At which scale photographs are looked at. 1: in squares of their own pixels; 0.5: in squares of a copy of half "
    "the size; fit: each squeezed into one square. auto: fit for those that are no larger than the square, 1 for the "
    "others."
)


def predict(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help=_PHOTOS_HELP)],
    out: Annotated[Path, typer.Option(help="A folder for masks/, overlays/ and summary.csv.")],
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    force: Annotated[bool, typer.Option("--force", help=_FORCE_HELP)] = False,
    recursive: Annotated[bool, typer.Option("--recursive", help="Look into folders in folders as well.")] = False,
    scale: Annotated[str, typer.Option(metavar="auto|fit|NUMBER", help=_SCALE_HELP)] = "auto",
    flips: Annotated[bool | None, typer.Option("--flips/--no-flips", help=_FLIPS_HELP)] = None,
    max_memory: Annotated[float, typer.Option(min=0.01, metavar="GIB", help=_MEMORY_HELP)] = 1.5,
) -> None:
    """Mark the cracks in photographs. Exit code 2: not one photograph could be read."""
    from crackflow.inference import inputs
    from crackflow.inference.photographs import parse_scale
    from crackflow.work_folder import work_folder
    from pipelines.commands import model_choice
    from pipelines.commands import predict as prediction

    looked_at = parse_scale(scale)
    with interrupted_by_signals(), work_folder() as work:
        listed = sys.stdin.buffer.read() if inputs.LISTED in photos else b""
        # before anything else, since a name that is mistyped is the likeliest mistake
        found = inputs.find(photos, work=work, recursive=recursive, listed=listed)
        chosen = model_choice.choose(Path.cwd(), model)
        point = chosen.point() if flips is None else replace(chosen.point(), flips=flips)
        typer.echo(f"model: {chosen.name}; {point.words()}")
        outcome = prediction.predict(
            chosen, found, out, force=force, scale=looked_at, flips=flips, max_memory=max_memory
        )
    for reason in outcome.skipped:
        typer.echo(f"skipped: {reason}", err=True)
    typer.echo(
        f"photographs: {outcome.predicted}, with cracks: {outcome.cracked}, skipped: {len(outcome.skipped)}; "
        f"see {out / 'overlays'}, {out / 'masks'} and {out / 'summary.csv'}"
    )
    if outcome.passed_over:
        where = f" in {photos[0]}" if len(photos) == 1 else ""
        typer.echo(f"passed over: {outcome.passed_over} folders and files of other kinds{where}", err=True)
    if chosen.terms():
        typer.echo(f"terms: {chosen.terms()}", err=True)


def score(
    pairs: Annotated[Path, typer.Argument(help="A folder or zip of photographs and masks.")],
    out: Annotated[Path | None, typer.Option(help="Where figures, tables and masks are written.")] = None,
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    force: Annotated[bool, typer.Option("--force", help=_FORCE_HELP)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Score a model on labelled pairs; those that it has seen are set aside. Exit code 2: none is left."""
    from rich.console import Console

    from pipelines import figures as found
    from pipelines.commands import model_choice
    from pipelines.commands import score as scoring

    chosen = model_choice.choose(Path.cwd(), model)
    typer.echo(f"model: {chosen.name}", err=as_json)
    with interrupted_by_signals():
        outcome = scoring.score(chosen, pairs, out, force=force)
    typer.echo(outcome.words(), err=as_json)
    if as_json:
        typer.echo(json.dumps({**outcome.figures, "by_source": outcome.rows()}, indent=1))
        return
    places = [] if out is None else [(path.name, str(path)) for path in sorted(out.iterdir())]
    Console().print(scoring.table(outcome), found.table(outcome.figures, places))

"""The command line, the top layer: reads arguments, calls what does the work, prints what came of it.

What takes long to import is imported by the command that needs it.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crackflow.errors import CrackflowError


class _Commands(TyperGroup):
    """Turns whatever a user can mend into one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CrackflowError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="From photographs of pavement and concrete to a reviewed crack-segmentation model. Run it in the checkout.",
)


@app.command()
def rebuild(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages of dvc.yaml; all of them when none is named.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run the stages though nothing changed.")] = False,
    stage_limit: Annotated[float | None, typer.Option(help="Minutes after which a stage is ended.", min=0)] = None,
) -> None:
    """Bring the stages of dvc.yaml up to date. Exit code 0: done; 1: a stage failed; 2: something to mend first."""
    from pipelines import dag
    from tasks.workspace import Workspace

    if os.name != "posix":
        raise CrackflowError("rebuild ends its stages by process group, which this system has not; run `dvc repro`")
    root = Path.cwd()
    Workspace(root).params()
    plan = dag.read(root, targets)
    if not force and all(stage.settled for stage in plan):
        # Prefect would take ten seconds to start a server, and say the same
        typer.echo(f"nothing changed: {', '.join(stage.name for stage in plan)} up to date")
        return

    from pipelines import server

    with server.configured_or_temporary() as wait:
        from pipelines.rebuild import rebuild as flow

        wait()
        state = flow(targets, force, stage_limit, return_state=True)
    if not state.is_completed():
        typer.echo(f"error: {state.message}", err=True)
        raise typer.Exit(CrackflowError.exit_code if state.name == "Refused" else 1)
    typer.echo(f"{state.message}; `crackflow figures` shows what the model reaches")


@app.command()
def check() -> None:
    """Say whether params.yaml can be used. Exit code 2: it can't, and why."""
    from tasks.workspace import Workspace

    Workspace(Path.cwd()).params()
    typer.echo("params.yaml can be used")


@app.command()
def profile(
    name: Annotated[str, typer.Argument(help="quick (the defaults) or a file of profiles/ without .yaml.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A further change, e.g. data.path=photos.zip."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
) -> None:
    """Show what a profile changes in params.yaml, ask, and write it."""
    from crackflow.errors import ParamsError
    from crackflow.params import dump, render
    from pipelines import profile as profiles
    from tasks.workspace import write_text

    path = Path("params.yaml")
    params = profiles.load(Path("profiles"), name, settings or [])
    try:
        current = profiles.read_yaml(path)
    except ParamsError:
        # a params.yaml that can't be read is a reason to write a new one
        current = {}
    changes = profiles.changes(current, dump(params))
    if not changes:
        typer.echo(f"params.yaml is {name} already")
        return
    for change in changes:
        typer.echo(f"{change.key}: {change.old} -> {change.new}")
    if not yes and sys.stdin.isatty():
        typer.confirm("write params.yaml?", abort=True)
    write_text(path, render(params))
    typer.echo("wrote params.yaml; `crackflow rebuild` runs what the changes touch")


@app.command()
def figures(
    as_json: Annotated[bool, typer.Option("--json", help="The figures and places as JSON.")] = False,
) -> None:
    """Print what the model reaches on the crack class, beside an all-black mask, and where the outputs lie."""
    import json

    from rich.console import Console

    from pipelines import figures as found
    from tasks.workspace import Workspace

    workspace = Workspace(Path.cwd())
    values, places = found.read(workspace), found.outputs(workspace)
    if as_json:
        typer.echo(json.dumps({**values, "outputs": dict(places)}, indent=1))
    else:
        Console().print(found.table(values, places))


@app.command()
def predict(
    photos: Annotated[Path, typer.Argument(help="A photograph, or a folder of them.")],
    out: Annotated[Path, typer.Option(help="Where masks/ and overlays/ are written.")],
) -> None:
    """Mark the cracks in photographs with the trained model. Exit code 2: not one photograph could be read."""
    from pipelines import predict as prediction
    from tasks.workspace import Workspace

    outcome = prediction.predict(Workspace(Path.cwd()), photos, out)
    for reason in outcome.skipped:
        typer.echo(f"skipped: {reason}", err=True)
    typer.echo(
        f"photographs: {outcome.predicted}, with cracks: {outcome.cracked}, skipped: {len(outcome.skipped)}; "
        f"see {out / 'overlays'} and {out / 'masks'}"
    )


@app.command("export-dataset")
def export_dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is absent or empty.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy every file; linked ones are read-only.")] = False,
) -> None:
    """Lay the split out as DIR/{train,valid,test}/{images,masks}, as the original experiment kept it."""
    from pipelines.export import export
    from tasks.workspace import Workspace

    done = export(Workspace(Path.cwd()), folder, copy=copy)
    counts = ", ".join(f"{subset} {count}" for subset, count in done.pairs.items())
    files = 2 * sum(done.pairs.values())
    how = (
        f"{done.linked} of {files} files are links, read-only: copy before you edit"
        if done.linked
        else f"{files} files copied"
    )
    typer.echo(f"{folder}: {counts} pairs; {how}")

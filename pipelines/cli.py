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
from tasks.child_environment import forget_repository


class _Commands(TyperGroup):
    """Turns whatever a user can mend into one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        forget_repository()
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

_MODELS = "packaged|trained|PATH"
_MODEL_HELP = (
    "The weights that come with crackflow, those trained in this checkout, or a folder of either kind. "
    "Default: trained where there is a model, else packaged."
)
_FORCE_HELP = (
    "Use a folder that holds files of yours: those that have the name of a result are replaced, the others stay."
)


@app.command()
def rebuild(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages of dvc.yaml; all of them when none is named.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run the stages though nothing changed.")] = False,
    stage_limit: Annotated[float | None, typer.Option(help="Minutes after which a stage is ended.", min=0)] = None,
    revision: Annotated[
        str | None,
        typer.Option(help="Rebuild this commit in a work tree of its own, and let its model meet the champion."),
    ] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the results to branch crackflow/results.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push outputs to the DVC remote, and that branch.")] = False,
) -> None:
    """Bring the stages of dvc.yaml up to date. Exit code 0: done; 1: a stage failed; 2: something to mend first."""
    from pipelines.dvc_runner import graph, repair, run_lock
    from pipelines.dvc_runner.process import GRACE_S
    from tasks.workspace import Workspace

    if os.name != "posix":
        raise CrackflowError("rebuild ends its stages by process group, which this system has not; run `dvc repro`")
    if not (revision or commit or push):
        root = Path.cwd()
        Workspace(root).params()
        try:
            with run_lock.hold(root, GRACE_S + 5):
                repair.mend(root)
                plan = graph.read(root, targets)
        except run_lock.AlreadyRunningError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from None
        except OSError as error:
            where = error.filename or root
            raise CrackflowError(f"{where}: {error.strerror}; make room or allow it, and run again") from None
        if not force and all(stage.settled for stage in plan):
            # Prefect would take ten seconds to start a server, and say the same
            typer.echo(f"nothing changed: {', '.join(stage.name for stage in plan)} up to date")
            return

    from pipelines.scheduling import prefect_server

    with prefect_server.configured_or_temporary() as wait:
        from pipelines.flows.rebuild import rebuild as flow

        wait()
        state = flow(targets, force, stage_limit, revision, commit, push, return_state=True)
    if not state.is_completed():
        typer.echo(f"error: {state.message}", err=True)
        raise typer.Exit(CrackflowError.exit_code if state.name == "Refused" else 1)
    typer.echo(f"{state.message}; `crackflow figures` shows what the model reaches")


@app.command()
def serve(
    cron: Annotated[str, typer.Option(help="When: minute, hour, day, month, day of the week.")] = "0 2 * * *",
    timezone: Annotated[str, typer.Option(help="Of the cron expression, as in Europe/Berlin.")] = "UTC",
    name: Annotated[str, typer.Option(help="Of the deployment.")] = "nightly",
    in_place: Annotated[bool, typer.Option("--in-place", help="Build the checkout as it is, not its commit.")] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Commit results to branch crackflow/results.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push outputs to the DVC remote.")] = False,
    branch: Annotated[list[str] | None, typer.Option(help="Runs may build this branch too, beside HEAD.")] = None,
    stage_limit: Annotated[float | None, typer.Option(help="Minutes after which a stage is ended.", min=0)] = None,
    port: Annotated[int | None, typer.Option(help="Of a server of its own.", min=1, max=65535)] = None,
    remove_old: Annotated[bool, typer.Option("--remove-old", help="Remove old deployments of this checkout.")] = False,
) -> None:
    """Rebuild on a schedule until Ctrl-C, with a Prefect server of its own when none is configured."""
    from pipelines.flows.limits import Limits
    from pipelines.scheduling import serve as serving
    from pipelines.scheduling.deployment import Plan

    if remove_old:
        serving.remove_old(Path.cwd(), typer.echo)
        return
    if os.name != "posix":
        raise CrackflowError("serve ends what it starts by process group, which this system has not; use WSL")
    parameters = {"revision": None if in_place else "HEAD", "stage_limit_minutes": stage_limit}
    limits = Limits(branches=("HEAD", *(branch or ())), commit=commit, push=push)
    plan = Plan(cron=cron, timezone=timezone, name=name, parameters=parameters, limits=limits)
    serving.serve(plan, Path.cwd(), port, typer.echo)


@app.command()
def notify(
    block: Annotated[str, typer.Argument(metavar="TYPE/NAME", help="A block as `prefect block ls` shows them.")],
) -> None:
    """Have Prefect notify you of rebuilds that fail and of models that are rejected."""
    from pipelines.scheduling import automations

    for line in automations.install(block):
        typer.echo(line)


@app.command()
def check() -> None:
    """Say whether params.yaml can be used. Exit code 2: it can't, and why."""
    from tasks.workspace import Workspace

    Workspace(Path.cwd()).params()
    typer.echo("params.yaml can be used")


@app.command()
def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Leave out what takes long: the GPU.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Look at what a rebuild needs, and say what to do. Exit code 2: something is at fault."""
    from pipelines.doctor import checkup

    if checkup.report(Path.cwd(), quick=quick, as_json=as_json):
        raise typer.Exit(CrackflowError.exit_code)


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
    from crackflow.atomic import write_text
    from crackflow.errors import ParamsError
    from crackflow.params import dump, render
    from pipelines.commands import profile as profiles

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
    out: Annotated[Path, typer.Option(help="A folder for masks/, overlays/ and summary.csv.")],
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    force: Annotated[bool, typer.Option("--force", help=_FORCE_HELP)] = False,
) -> None:
    """Mark the cracks in photographs. Exit code 2: not one photograph could be read."""
    from crackflow.inference.photographs import photos_in
    from pipelines.commands import model_choice
    from pipelines.commands import predict as prediction

    # before anything else, since a name that is mistyped is the likeliest mistake
    photos_in(photos)
    chosen = model_choice.choose(Path.cwd(), model)
    typer.echo(f"model: {chosen.name}; {chosen.point().words()}")
    outcome = prediction.predict(chosen, photos, out, force=force)
    for reason in outcome.skipped:
        typer.echo(f"skipped: {reason}", err=True)
    typer.echo(
        f"photographs: {outcome.predicted}, with cracks: {outcome.cracked}, skipped: {len(outcome.skipped)}; "
        f"see {out / 'overlays'}, {out / 'masks'} and {out / 'summary.csv'}"
    )
    if outcome.passed_over:
        typer.echo(f"passed over: {outcome.passed_over} folders and files of other kinds in {photos}", err=True)


@app.command()
def score(
    pairs: Annotated[Path, typer.Argument(help="A folder or zip of photographs and masks.")],
    out: Annotated[Path | None, typer.Option(help="Where figures, tables and masks are written.")] = None,
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Score a model on labelled pairs; those that it has seen are set aside. Exit code 2: none is left."""
    import json

    from rich.console import Console

    from pipelines import figures as found
    from pipelines.commands import model_choice
    from pipelines.commands import score as scoring

    chosen = model_choice.choose(Path.cwd(), model)
    typer.echo(f"model: {chosen.name}", err=as_json)
    outcome = scoring.score(chosen, pairs, out)
    typer.echo(outcome.words(), err=as_json)
    if as_json:
        typer.echo(json.dumps({**outcome.figures, "by_source": outcome.rows()}, indent=1))
        return
    places = [] if out is None else [(path.name, str(path)) for path in sorted(out.iterdir())]
    Console().print(scoring.table(outcome), found.table(outcome.figures, places))


@app.command("export-dataset")
def export_dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is absent or empty.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy every file; linked ones are read-only.")] = False,
) -> None:
    """Lay the split out as DIR/{train,valid,test}/{images,masks}, as the original experiment kept it."""
    from pipelines.commands.export import export
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

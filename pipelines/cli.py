"""The command line, the top layer: reads arguments, calls what does the work, prints what came of it.

What takes long to import is imported by the command that needs it.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from crackflow.errors import CrackflowError
from pipelines.app import command as page
from pipelines.command_group import Commands
from pipelines.commands import on_checkout, on_photographs
from pipelines.comparing import command as comparing
from pipelines.crossvalidating import command as crossvalidating
from pipelines.terminal import say, say_error

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="From photographs of pavement and concrete to a tested crack-segmentation model. Run it in the root of the "
    "checkout; predict, app, growth and score with --model packaged run anywhere.",
)


@app.command()
def rebuild(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages of dvc.yaml; all of them when none is named.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run the stages though nothing changed.")] = False,
    stage_limit: Annotated[
        float | None, typer.Option(help="Minutes after which a stage is ended, above 0; without it there is no limit.")
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            help="Rebuild this commit in a git work tree of its own. Its model replaces the champion, the one in use, "
            "if it passes the gate."
        ),
    ] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the results to branch crackflow/results.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push outputs to the DVC remote, and that branch.")] = False,
    compute: Annotated[
        str | None,
        typer.Option(help="Who works: threads, processes or dask, with :WORKERS, or dask:ADDRESS; before params.yaml."),
    ] = None,
) -> None:
    """Bring the stages of dvc.yaml up to date. Exit code 0: done; 1: a stage failed; 2: something to fix first."""
    from crackflow.params.compute import parse_compute
    from pipelines.dvc_runner import graph, repair, run_lock
    from pipelines.dvc_runner.process import GRACE_S, limit_s
    from tasks.engine import VARIABLE as COMPUTE
    from tasks.workspace import Workspace

    if os.name != "posix":
        raise CrackflowError("rebuild ends its stages by process group, which this system has not; run `dvc repro`")
    limit_s(stage_limit)  # raises where it is none
    if compute is not None:
        parse_compute(compute)  # raises where it is none
        os.environ[COMPUTE] = compute  # which the stages' processes inherit
    if not (revision or commit or push):
        root = Path.cwd()
        # a named pipe below data.path would keep DVC waiting
        Workspace(root).checked_params()
        try:
            with run_lock.hold(root, GRACE_S + 5):
                repair.repair_dvc_files(root)
                plan = graph.read_graph(root, targets)
        except run_lock.AlreadyRunningError as error:
            say_error(error)
            raise typer.Exit(1) from None
        if not force and all(stage.settled for stage in plan):
            # Prefect would take ten seconds to start a server, and say the same
            say(f"nothing changed: {', '.join(stage.name for stage in plan)} up to date")
            return

    from pipelines.scheduling import prefect_server

    with prefect_server.configured_or_temporary() as wait:
        from pipelines.flows.rebuild import rebuild as flow

        wait()
        state = flow(targets, force, stage_limit, revision, commit, push, return_state=True)
    if not state.is_completed():
        say_error(state.message)
        raise typer.Exit(CrackflowError.exit_code if state.name == "Refused" else 1)
    say(f"{state.message}; `crackflow figures` shows what the model reaches")


@app.command()
def serve(
    cron: Annotated[str, typer.Option(help="When: minute, hour, day, month, day of the week.")] = "0 2 * * *",
    timezone: Annotated[str, typer.Option(help="Time zone of --cron, for instance Europe/Berlin.")] = "UTC",
    name: Annotated[str, typer.Option(help="Name of the Prefect deployment.")] = "nightly",
    in_place: Annotated[bool, typer.Option("--in-place", help="Build the checkout as it is, not its commit.")] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Commit results to branch crackflow/results.")] = False,
    push: Annotated[bool, typer.Option("--push", help="Push outputs to the DVC remote.")] = False,
    branch: Annotated[list[str] | None, typer.Option(help="Let runs started by hand build this branch too.")] = None,
    stage_limit: Annotated[
        float | None, typer.Option(help="Minutes after which a stage is ended, above 0; without it there is no limit.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the server that it starts; 4200 where that is free.", min=1, max=65535)
    ] = None,
    remove_old: Annotated[bool, typer.Option("--remove-old", help="Remove old deployments of this checkout.")] = False,
) -> None:
    """Rebuild on a schedule until Ctrl-C, with a Prefect server of its own when none is configured."""
    from pipelines.dvc_runner.process import limit_s
    from pipelines.flows.limits import Limits
    from pipelines.scheduling import serve as serving
    from pipelines.scheduling.deployment import Plan

    if remove_old:
        serving.remove_old(Path.cwd(), say)
        return
    if os.name != "posix":
        raise CrackflowError("serve ends what it starts by process group, which this system has not; use WSL")
    limit_s(stage_limit)  # raises where it is none
    parameters = {"revision": None if in_place else "HEAD", "stage_limit_minutes": stage_limit}
    limits = Limits(branches=("HEAD", *(branch or ())), commit=commit, push=push)
    plan = Plan(cron=cron, timezone=timezone, name=name, parameters=parameters, limits=limits)
    serving.serve(plan, Path.cwd(), port, say)


@app.command()
def deploy(
    queue: Annotated[str, typer.Option(help="Work queue, named after this machine, or this checkout of several.")],
) -> None:
    """Deploy prefect.yaml to a server that several checkouts share: names and work queue of this one alone."""
    from pipelines.scheduling import work_queue

    for line in work_queue.deploy(Path.cwd(), queue):
        say(line)


@app.command()
def notify(
    block: Annotated[str, typer.Argument(metavar="TYPE/NAME", help="A block as `prefect block ls` shows them.")],
) -> None:
    """Have Prefect notify you of rebuilds that fail and of models that are rejected."""
    from pipelines.scheduling import automations

    for line in automations.install(block):
        say(line)


@app.command()
def doctor(
    quick: Annotated[bool, typer.Option("--quick", help="Skip the slow check, that of the GPU.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Look at what a rebuild needs, and say what to do. Exit code 2: something is at fault."""
    from pipelines.doctor import checkup

    if checkup.report(Path.cwd(), quick=quick, as_json=as_json):
        raise typer.Exit(CrackflowError.exit_code)


app.command()(on_checkout.check)
app.command()(on_checkout.profile)
app.command()(on_checkout.figures)
app.command()(comparing.compare)
app.command()(crossvalidating.crossvalidate)
app.command()(on_photographs.predict)
app.command()(on_photographs.growth)
app.command()(page.app)
app.command()(on_photographs.score)
app.command()(on_photographs.export)
app.command("export-dataset")(on_checkout.export_dataset)

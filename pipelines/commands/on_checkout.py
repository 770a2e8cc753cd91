"""The commands on the checkout: `check`, `profile`, `figures`, `export-dataset`; read arguments, print what came of it.

What takes long to import is imported by the command that needs it.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import say, show
from tasks.endings import interrupted_by_signals


def check() -> None:
    """Check params.yaml. Exit code 2: it can't be used; the message says why."""
    from tasks.workspace import Workspace

    Workspace(Path.cwd()).checked_params()
    say("params.yaml can be used")


def profile(
    name: Annotated[
        str | None, typer.Argument(help="quick (the defaults) or a file of profiles/ without .yaml.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A further change, e.g. data.path=photos.zip."),
    ] = None,
    upgrade: Annotated[
        bool,
        typer.Option(
            "--upgrade",
            help="Instead of a profile: bring a params.yaml of an earlier version up to date, and keep its values. "
            "Comments are written anew.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
) -> None:
    """Show what a profile changes in params.yaml, ask, and write it."""
    from crackflow.errors import ParamsError
    from crackflow.params import dump
    from pipelines.commands import profile as profiles

    path = Path("params.yaml")
    if upgrade and not (name or settings):
        _upgrade(path, yes=yes)
        return
    if upgrade or name is None:
        raise typer.BadParameter("expected either NAME, with --set where needed, or --upgrade alone")
    params = profiles.load(Path("profiles"), name, settings or [])
    try:
        current = profiles.read_yaml(path)
    except ParamsError:
        # what is no YAML is a reason to write a new one; what can't even be opened may be in order
        if path.exists():
            if not path.is_file():  # a named pipe, whose other end may never come
                raise
            path.open("rb").close()
        current = {}
    changes = profiles.changes(current, dump(params))
    if not changes:
        say(f"params.yaml is {name} already")
        return
    for change in changes:
        say(f"{change.key}: {change.old} -> {change.new}")
    if not yes and sys.stdin.isatty():
        typer.confirm("write params.yaml?", abort=True)
    profiles.write(path, params)
    say("wrote params.yaml; `crackflow rebuild` runs what the changes touch")


def _upgrade(path: Path, *, yes: bool) -> None:
    from crackflow.params import dump
    from pipelines.commands import profile as profiles

    current = profiles.read_yaml(path)
    params, added, renamed = profiles.upgrade(current)
    if not (added or renamed):
        say("params.yaml is up to date already")
        return
    for change in profiles.changes(current, dump(params)):
        if change.key in added:
            say(f"{change.key}: {change.old} -> {change.new}")
    for old, new in renamed:
        say(f"{old} is now {new}")
    if not yes and sys.stdin.isatty():
        typer.confirm("write params.yaml?", abort=True)
    profiles.write(path, params)
    say(f"wrote params.yaml: keys added {len(added)}, renamed {len(renamed)}; every value that it had is kept")


def figures(
    as_json: Annotated[bool, typer.Option("--json", help="The figures and places as JSON.")] = False,
) -> None:
    """Print the model's figures for the crack class beside those of an all-black mask, and where the outputs are."""
    from pipelines import figures as found
    from tasks.workspace import Workspace

    workspace = Workspace(Path.cwd())
    values, places = found.read_figures(workspace), found.outputs(workspace)
    if as_json:
        typer.echo(json.dumps({**values, "outputs": dict(places)}, indent=1))
    else:
        show(found.table(values, places))


def export_dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is absent or empty.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy every file; linked ones are read-only.")] = False,
) -> None:
    """Lay the split out as DIR/{train,valid,test}/{images,masks}, as the original experiment kept it."""
    from pipelines.commands.export import export
    from tasks.workspace import Workspace

    with interrupted_by_signals():
        done = export(Workspace(Path.cwd()), folder, copy=copy)
    counts = ", ".join(f"{subset} {count}" for subset, count in done.pairs.items())
    files = 2 * sum(done.pairs.values())
    how = (
        f"{done.linked} of {files} files are links, read-only: copy before you edit"
        if done.linked
        else f"{files} files copied"
    )
    say(f"{folder}: {counts} pairs; {how}")

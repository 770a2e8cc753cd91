"""The command `crackflow compare`: reads arguments, prints what came of it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import say, show
from tasks.endings import interrupted_by_signals


def compare(
    old: Annotated[
        str, typer.Argument(metavar="REV", help="A commit, branch, tag, experiment or folder to compare with.")
    ] = "HEAD",
    new: Annotated[
        str | None,
        typer.Argument(metavar="[REV|EXPERIMENT|FOLDER]", help="What changed; without it the working files."),
    ] = None,
    figure: Annotated[
        str | None, typer.Option(help="The figure that decides, e.g. positives_iou; without it gate.metric.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page too, with the images that changed most.")
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON.")] = False,
    past: Annotated[
        int | None,
        typer.Option(
            "--history", metavar="N", min=1, help="Instead: the figure at the last N commits that changed it."
        ),
    ] = None,
    seed_spread: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Standard deviation of the figure between trainings that differ by seed alone; without it 0.03, and "
            "of one model 0. 0 judges the models, not what they were trained by.",
        ),
    ] = None,
    note: Annotated[list[str] | None, typer.Option(help="A sentence to add; may be given again.")] = None,
) -> None:
    """Compare the figures of two commits, experiments or folders, and say how sure the difference is."""
    if as_markdown and as_json:
        raise typer.BadParameter("received --markdown and --json, expected one of them")
    with interrupted_by_signals():
        if past is not None:
            _history(Path.cwd(), past, figure, as_markdown=as_markdown, as_json=as_json)
            return
        _compare(Path.cwd(), old, new, figure, html, note or [], seed_spread, as_markdown=as_markdown, as_json=as_json)


def _compare(
    root: Path,
    old: str,
    new: str | None,
    figure: str | None,
    html: Path | None,
    notes: list[str],
    seed_spread: float | None,
    *,
    as_markdown: bool,
    as_json: bool,
) -> None:
    from crackflow.atomic import write_text
    from crackflow.output.single_file import check_replaceable
    from pipelines.comparing import compared, pictures, shown, side

    if html is not None:
        check_replaceable(html, lambda content: b'content="crackflow compare"' in content, "--html")
    sides = side.find(root, old), side.find(root, new)
    found = compared.compare(*sides, figure, notes, seed_spread)
    if html is not None:
        named = [one for side in reversed(sides) if isinstance(one := side.params().get("classes"), dict)]
        drawn, absent = pictures.pictures(found, *sides, len(named[0]) if named else 2)
        write_text(html, shown.as_html(found, drawn, absent), among_theirs=True)
    if as_json:
        sys.stdout.write(shown.as_json(found))
    elif as_markdown:
        sys.stdout.write(shown.as_markdown(found))
    else:
        show(shown.as_terminal(found))
        if html is not None:
            say(f"wrote {html}")


def _history(root: Path, number: int, figure: str | None, *, as_markdown: bool, as_json: bool) -> None:
    from crackflow.evaluation.headline import BY_NAME
    from pipelines import markdown
    from pipelines.comparing import compared, history, shown, side

    metric = figure or compared.deciding(side.find(root, None).params())
    entries = history.history(root, metric, number)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in entries], indent=1))
    elif as_markdown:
        rows = [[markdown.plain(cell) for cell in row] for row in history.rows(entries)]
        typer.echo(markdown.table(history.HEADINGS, rows))
    else:
        say(BY_NAME[metric].words)
        show(shown.table(history.HEADINGS, history.rows(entries)))

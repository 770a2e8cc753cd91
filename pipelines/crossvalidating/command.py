"""The command `crackflow crossvalidate`: reads arguments, prints what came of it."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import say, say_error, show

RESULT = Path("reports/crossvalidation.json")


def crossvalidate(
    folds: Annotated[int, typer.Option(help="How many; each is tested by a model trained on the others.")] = 5,
    budget: Annotated[float, typer.Option(help="Share of the training's steps, above 0 and at most 1.")] = 1.0,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the result goes, as JSON.")] = RESULT,
    stage_limit: Annotated[
        float | None, typer.Option(help="Minutes after which a stage is ended, above 0; without it there is no limit.")
    ] = None,
) -> None:
    """Test every photograph once: train and test fold by fold. Run it again after a stop; finished folds are kept."""
    from crackflow.errors import CrackflowError
    from crackflow.output.single_file import check_replaceable, json_with
    from crackflow.splitting.folds import FEWEST
    from pipelines.comparing.shown import table
    from pipelines.crossvalidating import pooled
    from pipelines.scheduling import prefect_server

    if os.name != "posix":
        raise CrackflowError("crossvalidate ends its stages by process group, which this system has not; use WSL")
    if folds < FEWEST:
        raise CrackflowError(f"--folds is {folds}, expected {FEWEST} or more: one to test, one for valid, one to train")
    if not 0 < budget <= 1:
        raise CrackflowError(f"--budget is {budget:g}, expected a share of the steps: above 0 and at most 1")
    check_replaceable(out, json_with(pooled.KEYS), "--out")
    with prefect_server.configured_or_temporary() as wait:
        from pipelines.crossvalidating.flow import crossvalidate as flow

        wait()
        state = flow(folds, budget, str(out.absolute()), stage_limit, return_state=True)
    if not state.is_completed():
        say_error(state.message)
        raise typer.Exit(CrackflowError.exit_code if state.name == "Refused" else 1)
    values = json.loads(out.read_text(encoding="utf-8"))
    show(table(pooled.headings(values), pooled.rows(values)))
    say(f"{state.message}. Wrote {out}")

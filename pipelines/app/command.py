"""The command `crackflow app`: reads arguments, says where the page is."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import say
from tasks.endings import interrupted_by_signals

_MODEL_HELP = "As for crackflow predict. Default: trained where there is a model, else packaged."
_RUNTIME_HELP = "As for crackflow predict. Default: the fastest that is installed."
_MEMORY_HELP = "What a photograph may take beside the program itself; one that needs more is rejected."


def app(
    model: Annotated[str, typer.Option(metavar="packaged|trained|PATH", help=_MODEL_HELP)] = "",
    scale: Annotated[str, typer.Option(metavar="auto|fit|several|NUMBER", help="As for crackflow predict.")] = "auto",
    max_memory: Annotated[float, typer.Option(min=0.01, metavar="GIB", help=_MEMORY_HELP)] = 1.5,
    most: Annotated[int, typer.Option(min=1, help="How many photographs there may be at a time.")] = 200,
    max_mib: Annotated[int, typer.Option(min=1, help="How large the file of a photograph may be, MiB.")] = 256,
    runtime: Annotated[str, typer.Option(metavar="openvino|onnx|keras", help=_RUNTIME_HELP)] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: a port that is free.")] = 0,
) -> None:
    """Mark photographs in a browser: drop them on a page, see the cracks, set the scale, download the tables.

    The page is for this machine alone. Photographs and results lie in a temporary folder, which goes when it ends.
    """
    from crackflow.inference.photographs import parse_scale
    from crackflow.work_folder import work_folder
    from pipelines.app.serving import serve
    from pipelines.app.shelf import Limits
    from pipelines.commands import model_choice

    looked_at = parse_scale(scale)
    chosen = model_choice.choose(Path.cwd(), model)
    say(f"model: {chosen.name}; {chosen.point().words()}")
    if chosen.terms():
        say(f"terms: {chosen.terms()}", err=True)
    limits = Limits(most, max_mib, max(4096, max_mib))
    try:
        with interrupted_by_signals(), work_folder() as work:
            serve(
                chosen,
                work,
                say,
                limits=limits,
                scale=looked_at,
                max_memory=max_memory,
                runtime=runtime,
                port=port,
            )
    except KeyboardInterrupt as stop:
        stop.add_note("photographs and results of the page are removed")
        if stop.args != (signal.SIGINT,):
            raise
    # Ctrl-C is the usual end
    say("ended; photographs and results of the page are removed")

"""Serve the page until a signal ends it: one server on this machine, one worker, one folder that goes with them.

Starlette answers and uvicorn serves. Both are small, kept well, and there already where Prefect is.
"""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from pydantic import JsonValue

from crackflow.errors import CrackflowError
from crackflow.inference.network import Network
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import Scale
from crackflow.inference.views import of_point, words
from crackflow.output.manifest import version
from crackflow.runtimes.choice import choose_runtime, digest, load
from pipelines.app.access import new_token, protected
from pipelines.app.results import ResultFiles
from pipelines.app.routes import Site
from pipelines.app.shelf import Limits, Shelf
from pipelines.app.worker import Worker
from pipelines.commands.marking import How
from pipelines.commands.predict import most_of
from pipelines.loopback import HOST

# Requests at a time; the page sends a few.
_AT_ONCE = 64
# What a download or an upload gets to end by itself.
_GRACE_S = 2


def serve(
    weights: Weights,
    folder: Path,
    say: Callable[[str], None],
    *,
    limits: Limits,
    scale: Scale,
    max_memory: float,
    runtime: str = "",
    port: int = 0,
) -> None:
    """Serve the page until KeyboardInterrupt.

    Args:
        weights: as pipelines.commands.model_choice.choose gives them.
        folder: an empty one for photographs and results.
        say: gets the address.
        limits: what the page may send.
        scale: as crackflow.inference.photographs.predict_photo takes it.
        max_memory: GiB that a photograph may take.
        runtime: as crackflow.runtimes.choice.choose_runtime takes it.
        port: where to listen; 0 for one that is free.

    Raises:
        CrackflowError: when the port is in use.
        ModelError: when the model can't be used.
    """
    point, runs_on = weights.point(), choose_runtime(weights.model, runtime)
    views = of_point(point)
    # before the address is shown: a model that can't be used ends it here
    network = load(weights.model, runs_on, len(weights.params.classes))
    about: dict[str, JsonValue] = {
        "command": "app",
        "model": weights.name,
        "model_sha256": digest(weights.model),
        "version": version(),
        "runtime": runs_on,
        "scale": scale,
        "operating_point": words(point, views),
    }
    for name in ("uploads", "results", "downloads"):
        (folder / name).mkdir()
    shelf = Shelf(folder / "uploads", limits)
    results = ResultFiles(folder / "results", list(weights.params.classes)[1:], about)
    how = How(point, weights.params.resize.mode, scale, views)

    def loaded() -> Network:
        return network

    worker = Worker(loaded, how, most_of(max_memory, scale), shelf, results)
    said = {"model": f"{weights.name}; {words(point, views)}", "terms": weights.terms(), "version": version()}
    site = Site(shelf, results, worker, said, folder / "downloads")
    token = new_token()
    with listening(port) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(configured(protected(site.application(), port, token)))
        worker.start()
        say(f"open http://{HOST}:{port}/#token={token} in a browser on this machine; Ctrl-C ends it")
        try:
            server.run([listener])
        finally:
            worker.stop()


def listening(port: int) -> socket.socket:
    """Listen on a port of this machine alone.

    Raises:
        CrackflowError: when it is in use.
    """
    listener = socket.socket()
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(_AT_ONCE)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise CrackflowError(f"port {port} can't be had ({error.strerror}); name another --port") from None
        raise
    return listener


def configured(app: object) -> uvicorn.Config:
    """Give the server's settings: no log of requests, no WebSockets, no trust in what proxies say."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=_GRACE_S,
    )

"""What the page asks its server for: the photographs as JSON and pictures, and what it changes."""

import json
import re
import secrets
import threading
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from crackflow.geometry.scale import LARGEST_MM, SMALLEST_MM
from crackflow.imaging.heif import EXTENSIONS as HEIF
from crackflow.results import tables
from crackflow.results.record import PhotoRecord
from crackflow.sources.layouts import EXTENSIONS
from pipelines.app.results import PAINTED, PLAIN, ResultFiles
from pipelines.app.shelf import MIB, Item, RejectedError, Shelf
from pipelines.app.worker import Worker
from pipelines.commands.prediction_outputs import MASKS
from tasks.endings import os_error_line

# Rows of a photograph's table; cracks.csv has all.
MOST_ROWS = 300
_PICTURES = {
    "plain": (PLAIN, "jpg"),
    "painted": (PAINTED, "jpg"),
    "mask": (MASKS, "png"),
    "overlay": ("overlays", "png"),
}
_STATIC = {
    "/": ("pipelines.app", "static/page.html", "text/html"),
    "/page.js": ("pipelines.app", "static/page.js", "text/javascript"),
    "/app.css": ("pipelines.app", "static/app.css", "text/css"),
    # colours and letters as those of the report
    "/page.css": ("crackflow.reporting", "templates/page.css", "text/css"),
}
_LONGEST_JSON = 1000


@dataclass(frozen=True)
class Site:
    """The server's application and what it works on.

    Attributes:
        shelf: the photographs.
        results: their files.
        worker: who marks them.
        words: what the page says of the model, and the terms of its weights.
        work: a folder for downloads.
    """

    shelf: Shelf
    results: ResultFiles
    worker: Worker
    words: dict[str, str]
    work: Path

    def application(self) -> Starlette:
        """Give the application, without the checks of pipelines/app/access.py."""
        static = [Route(path, _static(*where), methods=["GET"]) for path, where in _STATIC.items()]
        api = [
            Route("/api/state", self.state, methods=["GET"]),
            Route("/api/photos", self.upload, methods=["PUT"]),
            Route("/api/photos/{number:int}", self.photo, methods=["GET"]),
            Route("/api/photos/{number:int}", self.remove, methods=["DELETE"]),
            Route("/api/photos/{number:int}/scale", self.scale, methods=["PUT"]),
            Route("/api/photos/{number:int}/{picture}", self.picture, methods=["GET"]),
            Route("/api/download/{name}", self.download, methods=["GET"]),
        ]
        handlers: dict[Any, Any] = {RejectedError: _rejected, OSError: _no_room, ClientDisconnect: _gone}
        return Starlette(routes=[*static, *api], exception_handlers=handlers)

    def state(self, _: Request) -> Response:
        """Give all photographs without their cracks, and what may be sent."""
        limits = self.shelf.limits
        return JSONResponse(
            {
                **self.words,
                "limits": {"photographs": limits.photographs, "bytes": limits.mib_each * MIB},
                "endings": [*EXTENSIONS, *HEIF],
                "squares": self.worker.squares,
                "photos": [_photo(item) for item in self.shelf],
            }
        )

    async def upload(self, request: Request) -> Response:
        """Take a photograph: the bytes of its file, its name in the address."""
        announced = request.headers.get("content-length", "")
        size = int(announced) if re.fullmatch("[0-9]{1,18}", announced) else 0
        item = self.shelf.reserve(request.query_params.get("name", ""), size)
        try:
            with item.path.open("xb") as file:
                async for chunk in request.stream():
                    self.shelf.grow(item, len(chunk))
                    file.write(chunk)
            if not item.size:
                raise RejectedError(400, f"{item.name} is empty; send another file")
        except BaseException:
            self.shelf.remove(item)
            raise
        self.worker.put(item)
        return JSONResponse(_photo(item), 201)

    def photo(self, request: Request) -> Response:
        """Give a photograph with its cracks, the longest first."""
        item = self._item(request)
        rows = [] if item.record is None else [tables.crack_row(item.record, one) for one in item.record.cracks]
        return JSONResponse({**_photo(item), "rows": rows[:MOST_ROWS], "more": max(0, len(rows) - MOST_ROWS)})

    def remove(self, request: Request) -> Response:
        """Remove a photograph and all that was made of it."""
        item = self._item(request)
        self.shelf.remove(item)
        self.results.remove(item)
        return Response(status_code=204)

    async def scale(self, request: Request) -> Response:
        """Set what a pixel of a photograph measures, `{"mm_per_px": 0.5}`; null where it is not known."""
        item = self._item(request)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST_JSON:
                raise RejectedError(413, 'expected {"mm_per_px": NUMBER}')
        value = _scale_of(body)
        with self.shelf.lock:
            item.mm_per_px = value
            if item.state == "done":
                self.worker.put(item)
        return JSONResponse(_photo(item))

    def picture(self, request: Request) -> Response:
        """Give a picture of a photograph."""
        item, name = self._item(request), request.path_params["picture"]
        if name not in _PICTURES or item.record is None:
            raise RejectedError(404, "there is no such picture")
        path = self.results.path(item, *_PICTURES[name])
        try:
            return Response(path.read_bytes(), media_type="image/png" if path.suffix == ".png" else "image/jpeg")
        except FileNotFoundError:
            raise RejectedError(404, f"{item.name} was removed") from None

    def download(self, request: Request) -> Response:
        """Give a table, or a zip of all files, once all photographs are done."""
        name = request.path_params["name"]
        items = [*self.shelf]
        with self.shelf.lock:
            self._measured(items)
            run = self.results.run(items)
        if name == "results.zip":
            return self._zip(items)
        made = {tables.CRACKS: tables.cracks, tables.SUMMARY: tables.summary}.get(name)
        if made is None:
            raise RejectedError(404, "there is no such file")
        return Response(made(run), media_type="text/csv; charset=utf-8")

    def _measured(self, items: list[Item]) -> list[PhotoRecord | None]:
        """What was measured of each photograph, where all are done."""
        with self.shelf.lock:
            if left := sum(item.state not in ("done", "failed") for item in items):
                raise RejectedError(409, f"{left} of {len(items)} photographs are not done yet; download when all are")
            return [item.record for item in items]

    def _zip(self, items: list[Item]) -> Response:
        path = self.work / f"{secrets.token_hex(8)}.zip"
        try:
            with _ONE_ZIP:
                before = self._measured(items)
                self.results.write_zip(items, path)
                # each measuring makes a new record; its files may be of another scale than those copied before
                if any(old is not new for old, new in zip(before, self._measured(items), strict=True)):
                    raise RejectedError(409, "a photograph was measured again meanwhile; download again")
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, FileNotFoundError):
                raise RejectedError(409, "a photograph was removed meanwhile; try again") from None
            raise
        return FileResponse(path, media_type="application/zip", background=BackgroundTask(path.unlink, missing_ok=True))

    def _item(self, request: Request) -> Item:
        item = self.shelf.get(request.path_params["number"])
        if item is None:
            raise RejectedError(404, "there is no such photograph; it was removed")
        return item


# so that requests do not fill the disk with copies
_ONE_ZIP = threading.Lock()


def _static(package: str, name: str, kind: str) -> Any:
    content = files(package).joinpath(name).read_bytes()

    def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


def _photo(item: Item) -> dict[str, Any]:
    """What the list shows of a photograph; its figures are those of summary.csv."""
    known = {} if item.record is None else tables.photo_row(item.record)
    own = {name: getattr(item, name) for name in ("number", "name", "state", "reason")}
    return {**known, **own, "wanted_mm_per_px": item.mm_per_px}


def _scale_of(body: bytes) -> float | None:
    try:
        value = json.loads(body)["mm_per_px"]
    except (ValueError, TypeError, KeyError, RecursionError):
        value = False
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not SMALLEST_MM <= value <= LARGEST_MM:
        raise RejectedError(
            400, f"expected mm for a pixel, a number from {SMALLEST_MM:g} to {LARGEST_MM:g}; correct it"
        )
    return float(value)


async def _rejected(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, getattr(error, "status", 400))


async def _no_room(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": os_error_line(error) if isinstance(error, OSError) else ""}, 507)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)

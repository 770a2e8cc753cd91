"""What a rebuild leaves in Prefect for people to look at, as Markdown."""

import base64
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from prefect.client.schemas import State

from crackflow.errors import one_line
from pipelines import figures, markdown
from pipelines.dvc_runner.graph import Stage
from tasks.workspace import Workspace

# Of the sheet as it is put into the artifact, px: the server keeps every run's in its database.
SHEET_WIDTH, SHEET_HEIGHT = 720, 1800
QUALITY = 60
# as many as the page has room for without scrolling
CHANGES = 2
# what Prefect's client raises, after it has tried for a minute, where the server is away or answers with an error
AWAY = (httpx.HTTPError, RuntimeError)


class Board:
    """Where artifacts are put up as long as the server answers: without one a rebuild goes on, with less to see.

    Args:
        log: is told once that there is no more.
    """

    def __init__(self, log: "logging.Logger | logging.LoggerAdapter[logging.Logger]") -> None:
        self._log = log
        self._away = False

    def put(self, make: Callable[..., Any], **what: Any) -> Any:
        """Make an artifact or change one.

        Args:
            make: of prefect.artifacts.
            what: its arguments.

        Returns:
            What `make` gives; None where the server has been away, now or before.
        """
        if self._away:
            return None
        try:
            return make(**what)
        except AWAY as error:
            self._away = True
            self._log.warning("Prefect's server is away, so there are no more artifacts: %s", one_line(error))
            return None


def stage_table(plan: Sequence[Stage], states: Mapping[str, State]) -> str:
    """What became of each stage, why, and what had changed before."""
    rows = [
        [markdown.plain(cell) for cell in (stage.name, state.name or "", state.message or "", stage.summary(CHANGES))]
        for stage, state in ((stage, states[stage.name]) for stage in plan)
    ]
    return markdown.table(("stage", "state", "why", "changed"), rows)


def worker_table(workspace: Workspace, stages: Sequence[str]) -> str:
    """How long each worker of each stage took, the slowest first; "" where no stage has noted it.

    Args:
        workspace: in which they ran.
        stages: that ran.
    """
    rows = []
    for stage in stages:
        path = workspace.workers(stage)
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            rows += [[stage, *(markdown.plain(str(cell)) for cell in row.values())] for row in found]
    head = ("stage", "worker", "shards", "seconds", "its slowest shard, seconds")
    return markdown.table(head, rows) if rows else ""


def figure_table(values: Mapping[str, Any]) -> str:
    """The figures of metrics/evaluation.json, each beside an all-black mask's."""
    return markdown.table(("figure", "this model", "all-black mask"), figures.rows(values))


def to_look_at(workspace: Workspace) -> str:
    """Where the outputs lie, and the head of the sheet of mini_test, shrunk and inlaid."""
    places = markdown.table(
        ("output", "place"), [(words, markdown.code(path)) for words, path in figures.outputs(workspace)]
    )
    parts = [f"In {markdown.code(str(workspace.root))}:", places]
    sheet = workspace.reports / "mini_test/sheet.png"
    if sheet.is_file():
        parts.append(f"![predictions on mini_test](data:image/jpeg;base64,{_inlaid(sheet)})")
    return "\n\n".join(parts)


def _inlaid(path: Path) -> str:
    import cv2

    from crackflow.imaging.images import read_image

    image = read_image(path)
    width = min(SHEET_WIDTH, image.shape[1])
    shrunk = cv2.resize(image, (width, round(image.shape[0] * width / image.shape[1])), interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(shrunk[:SHEET_HEIGHT], cv2.COLOR_RGB2BGR), quality)
    return base64.b64encode(data.tobytes()).decode()

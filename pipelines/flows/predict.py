"""The flow that marks photographs: a task run for each shard of them, so that one sees how far it is.

It works as `crackflow predict --resume` does, into one folder. So a run that was stopped goes on where it was, and a
schedule over a folder marks what has come since. docs/how-to/predict-on-a-server.md tells how to deploy it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Cancelled, Completed, Failed
from prefect.utilities.annotations import quote

from crackflow.errors import CrackflowError, DataError, one_line
from crackflow.inference import inputs
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import Photograph, Scale, parse_scale
from crackflow.inference.views import check
from crackflow.output.claim import InUseError
from crackflow.work_folder import work_folder
from pipelines.commands import model_choice
from pipelines.commands import predict as prediction
from pipelines.commands.photo_scales import Given, places_of
from pipelines.commands.prediction_folder import Measuring
from pipelines.commands.prediction_outputs import requested
from pipelines.flows import artifacts, photo_table
from pipelines.flows.limits import permitted_places, readable, served_limits
from pipelines.memory import MAX_MEMORY
from tasks.endings import os_error_line
from tasks.environment import settle

FLOW_NAME = "crackflow-predict"


@dataclass(frozen=True)
class How:
    """What is done with every shard alike: the arguments of pipelines.commands.predict.predict."""

    weights: Weights
    out: Path
    outputs: Sequence[str]
    scale: Scale
    views: int | None
    max_memory: float
    measuring: Measuring

    def mark(self, found: inputs.Found) -> prediction.Outcome:
        """Mark photographs, but for those that are done."""
        return prediction.predict(
            self.weights,
            found,
            self.out,
            resume=True,
            outputs=self.outputs,
            scale=self.scale,
            views=self.views,
            max_memory=self.max_memory,
            measuring=self.measuring,
        )


@flow(name=FLOW_NAME)
def predict(
    photographs: list[str],
    out: str,
    model: str = model_choice.PACKAGED,
    recursive: bool = True,
    shard: int = 50,
    formats: str = "",
    mm_per_px: float | None = None,
    scale: str = "auto",
    views: int | None = None,
    max_memory: float = MAX_MEMORY,
) -> State:
    """Mark and measure the cracks in photographs; those that an earlier run has done are left as they are.

    A run that is started through a server reads and writes only where its limits allow (pipelines/flows/limits.py).

    Args:
        photographs: files, folders, zips or patterns; the current directory is where relative ones begin.
        out: the folder for the results.
        model: "packaged", "trained" or a path, as `crackflow predict --model` has them.
        recursive: look into folders in folders as well.
        shard: how many photographs a task run marks, 1 or more.
        formats: as `crackflow predict --format`.
        mm_per_px: what a pixel measures on the surface, mm; None where it is not known.
        scale: as `crackflow predict --scale`.
        views: as `crackflow predict --views`.
        max_memory: as `crackflow predict --max-memory`, GiB.

    Returns:
        Completed; Completed(name="Cached") where there was nothing to do; Completed(name="Skipped") where some
        photographs could not be read; Failed with the reason in one line; Failed(name="Refused") where a parameter is
        at fault, or a run asks for more than its limits allow, and nothing was written; Cancelled(name=
        "AlreadyRunning") where another run writes to the folder.
    """
    root = Path.cwd()
    try:
        settle()
        limits = served_limits(root)
        if limits is not None:
            permitted_places(root, limits, out, model)
        outputs, looked_at = requested(formats, probability=False), parse_scale(scale)
        if views is not None:
            check(views)
        given = Given.of(mm_per_px, None, None, None)
        with work_folder() as work:
            permit = inputs.everything if limits is None else readable(root, limits)
            found = inputs.find(photographs, work=work, recursive=recursive, permit=permit)
            places, not_placed = places_of(found)
            found, measuring = given.measuring(found, places)
            weights = model_choice.choose(root, model)
            get_run_logger().info("model: %s; %d photographs", weights.name, len(found.photos))
            for note in [*filter(None, [not_placed]), *given.notes(found, measuring)]:
                get_run_logger().warning("%s", note)
            how = How(weights, Path(out), outputs, looked_at, views, max_memory, measuring)
            return _all_shards(found, how, shard)
    except inputs.NothingFoundError as error:
        # a folder that is watched, and nothing has come yet
        empty = all(Path(one).is_dir() for one in photographs)
        return Completed(name="Cached", message=str(error)) if empty else Failed(name="Refused", message=str(error))
    except InUseError as error:
        return Cancelled(name="AlreadyRunning", message=one_line(error))
    except CrackflowError as error:
        return Failed(name="Refused", message=one_line(error))
    except OSError as error:
        return Failed(message=os_error_line(error, root))


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def mark_shard(name: str, found: inputs.Found, how: How) -> State:
    """Mark the photographs of a shard.

    Args:
        name: of the task run.
        found: the photographs.
        how: what is done with them.

    Returns:
        Completed, Completed(name="Cached") where all were done, Failed(name="Fault") where none can be read,
        Cancelled(name="AlreadyRunning") where another run writes to the folder.
    """
    del name
    try:
        outcome = how.mark(found)
    except InUseError as error:
        return Cancelled(name="AlreadyRunning", message=one_line(error))
    except CrackflowError as error:
        # returned and not raised: Prefect would log a traceback, though this function has no defect
        return Failed(name="Fault", message=one_line(error))
    done = outcome.done_before == len(found.photos)
    return Completed(name="Cached" if done else None, message=outcome.words())


def _all_shards(found: inputs.Found, how: How, shard: int) -> State:
    """Mark one shard after the other, then write the tables of all photographs."""
    if shard < 1:
        raise DataError(f"shard {shard}, expected 1 or more photographs; correct it")
    board = artifacts.Board(get_run_logger())
    shards = [found.photos[first : first + shard] for first in range(0, len(found.photos), shard)]
    bar = board.put(create_progress_artifact, progress=0.0, key="shards", description=f"Shards done, of {len(shards)}")
    states = []
    for number, photos in enumerate(shards, 1):
        # what is skipped already is told once, at the end
        part = found._replace(photos=photos, skipped=(), passed_over=0)
        states.append(mark_shard(_name(number, photos), quote(part), quote(how), return_state=True))
        if states[-1].is_cancelled():
            return Cancelled(name=states[-1].name, message=states[-1].message)
        if states[-1].is_failed() and states[-1].name != "Fault":
            return Failed(message=f"{_name(number, photos)}: {states[-1].message}")
        board.put(update_progress_artifact, artifact_id=bar, progress=100 * number / len(shards))
    # to this pass all are of an earlier run, those of the shards above too
    outcome = replace(how.mark(found), done_before=0)
    for note in outcome.notes():
        get_run_logger().warning("%s", note)
    rows, words = photo_table.widest(how.out)
    board.put(create_table_artifact, table=rows, key="photographs", description=f"{outcome.words()}. {words}")
    nothing = all(state.name == "Cached" for state in states)
    name = "Skipped" if outcome.skipped else "Cached" if nothing else None
    return Completed(name=name, message=f"{outcome.words()}; see {how.out / 'index.html'}")


def _name(number: int, photos: Sequence[Photograph]) -> str:
    first, last = photos[0].shown, photos[-1].shown
    return f"shard {number}: {first}" + (f" to {last}" if len(photos) > 1 else "")

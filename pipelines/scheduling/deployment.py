"""The deployment of `crackflow serve`, and the runner that starts its runs."""

import sys
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from crackflow.errors import CrackflowError
from pipelines.flows.limits import FLOW_NAME, Limits, permitted, serve_with
from pipelines.flows.work_tree import is_submodule
from pipelines.scheduling import proxies

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.filters import DeploymentFilter
    from prefect.client.schemas.responses import DeploymentResponse

# One that works, and one that ends as AlreadyRunning. Without a limit, all runs that became due while the machine slept
# would start at once.
RUNS_AT_ONCE = 2


class ServeError(CrackflowError):
    """A schedule that can't be served."""


class Plan(BaseModel):
    """What is run when.

    Attributes:
        cron: when, in five fields.
        timezone: of `cron`, as in Europe/Berlin.
        name: of the deployment.
        parameters: of the flow; where they leave out `commit` and `push`, its runs do what the limits allow.
        limits: what a run that is started through the server may ask for.
    """

    cron: str
    timezone: str
    name: str
    parameters: dict[str, Any]
    limits: Limits = Limits()

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of its runs, unless whoever starts one changes them."""
        return {"commit": self.limits.commit, "push": self.limits.push, **self.parameters}

    def check(self, root: Path) -> None:
        """Check that it can be served.

        Raises:
            ServeError: when it can't, or `root` is no checkout.
            LimitError: when its own runs would ask for more than its limits allow.
            GitError: when the revision to run is no commit of it.
        """
        # the check that needs Prefect comes last, since its import takes seconds
        if not (root / "dvc.yaml").is_file():
            raise ServeError(f"no dvc.yaml in {root}; run `crackflow serve` in the checkout")
        if not self.name or set(self.name) & set("/%"):
            raise ServeError(f"--name {self.name}: expected a name without / and %")
        if self.timezone not in zoneinfo.available_timezones():
            raise ServeError(f"--timezone {self.timezone}: no such time zone; expected a name as in Europe/Berlin")
        values = self.values
        if values.get("revision") and is_submodule(root):
            raise ServeError(
                f"{root} is a submodule, where no commit can be built; add --in-place, or clone it on its own"
            )
        permitted(root, self.limits, values.get("revision"), commit=values["commit"], push=values["push"])
        # Prefect would read a sixth field as seconds; most likely it is a mistake
        if len(self.cron.split()) not in (1, 5) or not _is_cron(self.cron):
            raise ServeError(
                f"--cron '{self.cron}': expected minute, hour, day, month and day of the week, as in '0 2 * * *'"
            )


def _is_cron(expression: str) -> bool:
    from prefect.client.schemas.schedules import CronSchedule

    try:
        CronSchedule(cron=expression)
    except ValidationError:
        return False
    return True


def claim(client: "SyncPrefectClient", plan: Plan, root: Path, alone: bool) -> None:
    """Check that the deployment's name is free or ours, and remove what a killed `crackflow serve` left there.

    Runs that were due while nothing served are dropped, as with cron. Where nobody else can use the server, the runs
    that it lists as running have died with the `crackflow serve` that started them. They are marked as crashed.

    Args:
        client: of the server.
        plan: what will be served.
        root: the checkout.
        alone: nobody else has used this server since it started.

    Raises:
        ServeError: when a worker or another checkout has a deployment of this name.
    """
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Crashed

    try:
        found = client.read_deployment_by_name(f"{FLOW_NAME}/{plan.name}")
    except ObjectNotFound:
        return
    _reject_foreign(found, root)
    # by id: other flows may have a deployment of the same name
    mine = DeploymentFilter(id=DeploymentFilterId(any_=[found.id]))
    for run_id in _runs(client, mine, ["SCHEDULED"], missed=True):
        client.delete_flow_run(run_id)
    if alone:
        for run_id in _runs(client, mine, ["PENDING", "RUNNING", "CANCELLING"]):
            client.set_flow_run_state(run_id, Crashed(message="ended with `crackflow serve`"), force=True)


def _reject_foreign(found: "DeploymentResponse", root: Path) -> None:
    if found.work_pool_name:
        whose = f"belongs to the workers of pool {found.work_pool_name}"
    elif found.description != description_of(root):
        whose = "is another checkout's"
    else:
        return
    name = f"{FLOW_NAME}/{found.name}"
    raise ServeError(
        f"{name} on this server {whose}; choose another --name, or `prefect deployment delete {name}` first"
    )


def _runs(client: "SyncPrefectClient", mine: "DeploymentFilter", states: list[str], missed: bool = False) -> list[Any]:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterNextScheduledStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.types import DateTime

    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
        next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=DateTime.now()) if missed else None,
    )
    found = client.read_flow_runs(flow_run_filter=wanted, deployment_filter=mine)
    # a run that a person asked for does not belong to the schedule
    return [run.id for run in found if run.auto_scheduled or not missed]


def description_of(root: Path) -> str:
    """Describe the deployment of a checkout; by this text it is recognised again."""
    return f"Brings the stages up to date in {root}, as long as `crackflow serve` runs there."


def run(plan: Plan) -> None:
    """Start the flow whenever it is due, until SIGTERM. The flow and its stages end with this process group."""
    import asyncio

    from prefect.runner import Runner
    from prefect.schedules import Cron
    from prefect.settings import get_current_settings
    from prefect.types.entrypoint import EntrypointType

    from pipelines.flows.rebuild import rebuild

    class StoppedByTerm(Runner):
        def handle_sigterm(self, *_: Any, **__: Any) -> None:
            # Prefect's own handler calls `stop`, which in a running loop is a coroutine that nobody awaits
            self.execute_in_background(self.astop)

    proxies.prepare_for(get_current_settings().api.url)
    serve_with(rebuild, plan.limits)
    runner = StoppedByTerm(plan.name, limit=RUNS_AT_ONCE)
    runner.add_flow(
        rebuild,
        plan.name,
        schedule=Cron(plan.cron, timezone=plan.timezone),
        parameters=plan.values,
        description=description_of(Path.cwd()),
        # the installed package, wherever the checkout lies
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    asyncio.run(runner.start())


if __name__ == "__main__":
    run(Plan.model_validate_json(sys.argv[1]))

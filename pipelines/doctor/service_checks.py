"""What `crackflow doctor` looks at beyond this machine: Prefect's server and workers, the data source's account."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from crackflow.errors import CrackflowError
from crackflow.sources.registry import data_source
from pipelines.doctor.finding import Finding
from pipelines.flows.limits import FLOW_NAME
from pipelines.scheduling import old_deployments, proxies
from pipelines.scheduling.access import PASSWORD_FILE
from tasks.workspace import Workspace

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import Worker

ANSWER_S = 10.0
SERVER_S = 4 * ANSWER_S
# A worker that missed this many heartbeats is gone; Prefect's server has the same rule.
HEARTBEATS = 3
# A process that serves a deployment asks for runs every ten seconds.
SERVED_S = 60.0


def prefect(root: Path) -> list[Finding]:
    """Whether the configured server answers, which proxies there are, and whether somebody takes its runs."""
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    between = _proxies(url)
    try:
        proxies.prepare_for(url)
    except proxies.ProxyError as error:
        return [*between, Finding("Prefect server", "fault", str(error), "see above")]
    return [*between, *_prefect(root)]


def _proxies(url: str | None) -> list[Finding]:
    """A line for each proxy of the environment; what is unusable is looked at before it is set aside."""
    found = []
    for name, proxy in proxies.configured().items():
        reason, shown = proxies.unusable(proxy), f"{name}={proxy}"
        if not reason:
            found.append(Finding("proxy", "ok", f"{shown}; servers on this machine are asked directly"))
        else:
            needed = proxies.needed_for(name, url)
            what = "can't be asked" if needed else "is asked without it; Kaggle and remotes may fail"
            advice = f"name a proxy that speaks HTTP, or unset {name}"
            words = f"{shown} can't be used ({reason}): Prefect's server {what}"
            found.append(Finding("proxy", "fault" if needed else "warning", words, advice))
    return found


def _prefect(root: Path) -> list[Finding]:
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

    server, workers = "Prefect server", "Prefect worker"
    settings = get_current_settings()
    if not settings.api.url:
        idle = Finding(workers, "ok", "none needed without a server")
        if settings.server.ephemeral.enabled:
            return [Finding(server, "ok", "none configured; each rebuild starts one for itself"), idle]
        advice = "prefect server start, then prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api"
        return [Finding(server, "fault", "none configured, and a temporary one is forbidden", advice), idle]
    # one try, so that the answer comes soon
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True, httpx_settings={"timeout": ANSWER_S}) as client,
    ):
        if (unwell := client.api_healthcheck()) is not None:
            return [_unreachable(settings.api.url, unwell), Finding(workers, "skipped", "the server does not answer")]
        try:
            return [_version(settings.api.url, client), _workers(client), *_old(client, root)]
        # a server with a password answers the health check without it; another program's answers are no JSON
        except (httpx.HTTPError, ValueError) as error:
            return [
                _unreachable(settings.api.url, error),
                Finding(workers, "skipped", "the server denies access"),
            ]


def _unreachable(url: str, error: Exception) -> Finding:
    import httpx
    from prefect.settings import get_current_settings

    what = "Prefect server"
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    if status in (401, 403):
        file = get_current_settings().home / PASSWORD_FILE
        advice = f"set PREFECT_API_KEY or PREFECT_API_AUTH_STRING; that of `crackflow serve` is in {file}"
        return Finding(what, "fault", f"{url} denies access ({status})", advice)
    if isinstance(error, ValueError) or (status is not None and status < 500):
        advice = "PREFECT_API_URL ends in /api for a server of your own: prefect config set PREFECT_API_URL=..."
        return Finding(what, "fault", f"{url} answers {status or 'no JSON'}, expected Prefect's server", advice)
    reason = f"answers {status}" if status else f"does not answer ({type(error).__name__})"
    advice = "prefect server start; or work without one: prefect config unset PREFECT_API_URL"
    return Finding(what, "fault", f"{url} {reason}", advice)


def _version(url: str, client: "SyncPrefectClient") -> Finding:
    from prefect import __version__
    from prefect.client.base import ServerType

    if client.server_type == ServerType.CLOUD:
        return Finding("Prefect server", "ok", f"{url} answers")
    theirs = str(client.api_version())
    if theirs.split(".")[:2] != __version__.split(".")[:2]:
        advice = "run both with the versions of requirements.lock"
        return Finding("Prefect server", "warning", f"{url} runs {theirs}, this is {__version__}", advice)
    return Finding("Prefect server", "ok", f"{url} answers, version {theirs}")


def _workers(client: "SyncPrefectClient") -> Finding:
    """Who would take the runs of the flow's deployments: a worker of their pool, or a process that serves them."""
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    what = "Prefect worker"
    deployments = client.read_deployments(flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])))
    if not deployments:
        return Finding(what, "ok", "nothing is deployed", "docs/how-to/schedule.md says how to rebuild on a schedule")
    served = [one for one in deployments if not one.work_pool_name]
    unserved = [one.name for one in served if not _since(one.last_polled, SERVED_S)]
    pools = {one.work_pool_name for one in deployments if one.work_pool_name}
    idle = [complaint for pool in sorted(pools) if (complaint := _idle(pool, client))]
    if idle:
        return Finding(what, "warning", idle[0][0], idle[0][1])
    if unserved:
        return Finding(what, "warning", f"nobody serves {', '.join(sorted(unserved))}", "crackflow serve")
    who = [f"pool {pool} has a worker" for pool in sorted(pools)]
    return Finding(what, "ok", "; ".join([*who, *(f"{one.name} is served" for one in served)]))


def _old(client: "SyncPrefectClient", root: Path) -> list[Finding]:
    names = ", ".join(f"{old_deployments.OLD_FLOW}/{one.name}" for one in old_deployments.find(client, root))
    if not names:
        return []
    found = f"{names}: deployed under the flow's old name; their runs fail, or build twice"
    return [Finding("old deployments", "warning", found, "crackflow serve --remove-old")]


def _idle(pool: str, client: "SyncPrefectClient") -> tuple[str, str] | None:
    """Why no run of this pool would begin, and what to do; None where one would."""
    from prefect.exceptions import ObjectNotFound

    try:
        if client.read_work_pool(pool).is_paused:
            return f"work pool {pool} is paused", f"prefect work-pool resume {pool}"
    except ObjectNotFound:
        return f"no work pool {pool}", f"prefect work-pool create {pool} --type process"
    if not any(_online(worker) for worker in client.read_workers_for_work_pool(pool)):
        return f"no worker of pool {pool} is online", f"prefect worker start --pool {pool}"
    return None


def _online(worker: "Worker") -> bool:
    return _since(worker.last_heartbeat_time, HEARTBEATS * (worker.heartbeat_interval_seconds or 30))


def _since(sign: dt.datetime | None, seconds: float) -> bool:
    """Whether a sign of life is that recent. The server's own status follows late, or not at all."""
    return sign is not None and (dt.datetime.now(dt.UTC) - sign).total_seconds() < seconds


def account(root: Path) -> list[Finding]:
    """Whether the account that the configured data source uses is set up. What the credentials are is never said."""
    what = "data source"
    try:
        data = Workspace(root).params().data
    except CrackflowError:
        return [Finding(what, "skipped", "params.yaml can't be used")]
    found = data_source(data, root).account()
    if found is None:
        return [Finding(what, "ok", f"data.source is {data.source}, which needs no account")]
    return [Finding(what, found.state, f"{data.source}: {found.found}", found.advice)]

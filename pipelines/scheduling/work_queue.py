"""`crackflow deploy`: what prefect.yaml describes, under names and a work queue of one machine or checkout.

A Prefect server knows a deployment by its name alone, and a worker takes every run of its pool. Where several checkouts
share a server, the last one that deployed would have all runs, and workers of other machines would take runs of a
folder that they have not.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from crackflow.errors import CrackflowError
from pipelines.flows.limits import FILE
from pipelines.scheduling import proxies
from pipelines.scheduling.prefect_server import ServerError, ask
from tasks.environment import child_environment

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# A part of a deployment's name, which stands in addresses and commands.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class DeployError(CrackflowError):
    """Deployments that can't be made."""


def deploy(root: Path, queue: str) -> list[str]:
    """Deploy all that the checkout's prefect.yaml describes, each as NAME-QUEUE with its runs in that work queue.

    Args:
        root: the checkout, and the current directory.
        queue: names the machine, or the checkout where a machine has several.

    Returns:
        Lines for people: what is deployed, and how to start a worker that takes its runs.

    Raises:
        DeployError: when the queue has no name that can be used, prefect.yaml can't be read, another checkout has
            deployments of these names, or Prefect does not take them.
        ServerError: when no server is configured, it does not answer, or it does not accept the password.
        ProxyError: when it can't be reached through the proxy of the environment.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    if not _NAME.fullmatch(queue):
        raise DeployError(f"--queue {queue}: expected letters, digits, and . _ - within, as in build-1; choose another")
    found = queued(_read(root), queue)
    address = get_current_settings().api.url
    if address is None:
        raise ServerError("no Prefect server is configured, expected one that checkouts share; set PREFECT_API_URL")
    proxies.prepare_for(address)
    names = [f"{one['entrypoint'].partition(':')[2]}/{one['name']}" for one in found["deployments"]]
    with get_client(sync_client=True) as client:
        ask(client, address)
        for one in found["deployments"]:
            _reject_foreign(client, one["name"], root)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        done = subprocess.run(
            command, cwd=root, env=child_environment(), check=False, capture_output=True, text=True, encoding="utf-8"
        )
    if done.returncode:
        raise DeployError(f"Prefect did not deploy: {(done.stdout + done.stderr).strip()}")
    pools = sorted({one["work_pool"]["name"] for one in found["deployments"]})
    return [
        f"deployed {', '.join(names)}",
        *(f"to take their runs: prefect worker start --pool {pool} --work-queue {queue}" for pool in pools),
    ]


def queued(content: dict[str, Any], queue: str) -> dict[str, Any]:
    """Give the content of prefect.yaml with each deployment named after a work queue, and its runs in it."""
    deployments = [
        {
            **one,
            "name": f"{one['name']}-{queue}",
            "work_pool": {**one["work_pool"], "work_queue_name": queue},
        }
        for one in content["deployments"]
    ]
    return {**content, "deployments": deployments}


def _read(root: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
        whole = all(one["name"] and one["entrypoint"] and one["work_pool"]["name"] for one in content["deployments"])
    except FileNotFoundError:
        raise DeployError(f"no {FILE} in {root}; run `crackflow deploy` in the checkout") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        whole = False
    if not whole:
        raise DeployError(
            f"{root / FILE} can't be deployed, expected `deployments` with name, entrypoint and work_pool.name; "
            "correct it"
        )
    return content


def _reject_foreign(client: "SyncPrefectClient", name: str, root: Path) -> None:
    """Raise DeployError where another checkout has a deployment of this name."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    for one in client.read_deployments(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name]))):
        folders = [inputs.get("directory", "") for step in one.pull_steps or [] for inputs in step.values()]
        if str(root) not in folders:
            raise DeployError(
                f"{name} on this server belongs to {', '.join(filter(None, folders)) or 'another checkout'}, expected "
                f"to be of {root}; choose another --queue, or delete that deployment"
            )

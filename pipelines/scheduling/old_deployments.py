"""Deployments from when the flow had the name `rebuild`: nobody takes their runs any more, so they are removed."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.scheduling.deployment import description_of

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

OLD_FLOW = "rebuild"
# What they start; another project's flow may have the name too.
ENTRYPOINTS = (
    "pipelines.rebuild.rebuild",
    "pipelines/rebuild.py:rebuild",
    "pipelines.flows.rebuild.rebuild",
    "pipelines/flows/rebuild.py:rebuild",
)


def find(client: "SyncPrefectClient", root: Path) -> "list[DeploymentResponse]":
    """Give the deployments of a checkout under the flow's old name, by name.

    Those of other checkouts are left out: an older crackflow may still work there.

    Args:
        client: of the server.
        root: the checkout.
    """
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    found = client.read_deployments(flow_filter=FlowFilter(name=FlowFilterName(any_=[OLD_FLOW])))
    ours = [
        one
        for one in found
        if one.entrypoint in ENTRYPOINTS and (one.path == str(root) or one.description == description_of(root))
    ]
    return sorted(ours, key=lambda one: one.name)


def remove(client: "SyncPrefectClient", root: Path) -> list[str]:
    """Remove the deployments that `find` gives, with the runs that they have ahead; runs that have ended stay.

    Returns:
        For each a line that says so.
    """
    found = find(client, root)
    for one in found:
        client.delete_deployment(one.id)
    return [f"removed the deployment {OLD_FLOW}/{one.name}, from before the flow had its new name" for one in found]

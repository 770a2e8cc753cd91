"""Notify people when a rebuild has failed or its model was rejected: two automations of Prefect's own.

The block that they send with holds the address to send to. People make it in Prefect's pages, once.
"""

from typing import TYPE_CHECKING
from uuid import UUID

from crackflow.errors import CrackflowError
from pipelines.flows.limits import FLOW_NAME
from pipelines.scheduling import proxies
from pipelines.scheduling.prefect_server import ServerError, ask

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.actions import CallWebhook, SendNotification
    from prefect.events.schemas.automations import AutomationCore

# They are found again by these names.
FAILED, REJECTED = "crackflow: rebuild failed", "crackflow: model rejected"
# Templates, filled in by the server when it sends.
SUBJECT = "crackflow: {{ flow_run.state.name }}"
BODY = (
    "{{ flow.name }}{% if deployment %}/{{ deployment.name }}{% endif %} ({{ flow_run.name }}): "
    "{{ flow_run.state.name }}{% if flow_run.state.message %}, {{ flow_run.state.message }}{% endif %}"
    "{% set page = flow_run | ui_url %}{% if page %}\n{{ page }}{% endif %}"
)
WEBHOOK = "webhook"


class NotificationError(CrackflowError):
    """There is nothing to send notifications with."""


def install(block: str) -> list[str]:
    """Create the automations on the configured server, or bring them up to date; one that is paused stays so.

    Args:
        block: TYPE/NAME of a block that can send, as `prefect block ls` shows them.

    Returns:
        For each automation a line that says what was done.

    Raises:
        NotificationError: when there is no such block, or it can't send.
        ServerError: when no server is configured, or it does not answer.
        ProxyError: when it can't be reached through the proxy of the environment.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    address = get_current_settings().api.url
    if address is None:
        raise ServerError("no Prefect server is configured; set PREFECT_API_URL, as http://127.0.0.1:4200/api")
    proxies.prepare_for(address)
    with get_client(sync_client=True) as client:
        ask(client, address)
        done = []
        for automation in _automations(_action(client, block)):
            found = client.read_automations_by_name(automation.name)
            if found:
                # built again from all its values, since the client sends only those that were set
                values = automation.model_dump(exclude={"owner_resource"})
                whole = automation.model_validate({**values, "enabled": found[0].enabled})
                client.update_automation(found[0].id, whole)
            else:
                client.create_automation(automation)
            done.append(f"{automation.name}: {'up to date' if found else 'created'}, sends with {block}")
    return done


def _automations(action: "SendNotification | CallWebhook") -> "list[AutomationCore]":
    """Describe the two automations.

    An event of a change of state has the state's name. Failures also have the names `Refused` and `TimedOut`, so they
    are found by the state's type. `Rejected` is a completed run by its type, so it is found by its name. Cached,
    AlreadyRunning and Cancelled send nothing.
    """
    from prefect.events.schemas.automations import AutomationCore, EventTrigger

    def automation(name: str, description: str, event: str, state_types: list[str]) -> AutomationCore:
        trigger = EventTrigger(
            expect={event},
            match={"prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": state_types},
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": FLOW_NAME},
            for_each={"prefect.resource.id"},
        )
        return AutomationCore(name=name, description=description, trigger=trigger, actions=[action])

    return [
        automation(
            FAILED,
            "A rebuild failed, could not start, or crashed.",
            "prefect.flow-run.*",
            ["FAILED", "CRASHED"],
        ),
        automation(
            REJECTED,
            "A new model did not pass the gate.",
            "prefect.flow-run.Rejected",
            ["COMPLETED"],
        ),
    ]


def _action(client: "SyncPrefectClient", block: str) -> "SendNotification | CallWebhook":
    from prefect.events.actions import CallWebhook, SendNotification
    from prefect.exceptions import ObjectNotFound

    kind, _, name = block.partition("/")
    try:
        found = client.read_block_document_by_name(name, kind)
    except ObjectNotFound:
        raise NotificationError(
            f"no block {block} on this server; expected TYPE/NAME as `prefect block ls` shows them, for instance "
            "slack-webhook/crackflow"
        ) from None
    can = found.block_schema.capabilities if found.block_schema else []
    if "notify" in can:
        return SendNotification(block_document_id=UUID(str(found.id)), subject=SUBJECT, body=BODY)
    if kind == WEBHOOK:
        return CallWebhook(block_document_id=UUID(str(found.id)), payload=f"{SUBJECT}\n{BODY}")
    raise NotificationError(f"block {block} can't notify; expected one of Slack, e-mail, a webhook or the like")

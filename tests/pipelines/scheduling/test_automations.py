"""pipelines/scheduling/automations.py: on a real server, which sends to a receiver here."""

import http.server
import json
import queue
import subprocess
import sys
import threading
import time

import pytest

from pipelines.flows.limits import FLOW_NAME
from pipelines.scheduling import automations as module

WAIT_S = 60


@pytest.fixture
def client(server):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield client
        for automation in client.read_automations():
            client.delete_automation(automation.id)


@pytest.fixture
def receiver():
    """An address, and the queue of what is posted there."""
    posted = queue.Queue()

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}/", posted
        listener.shutdown()


@pytest.fixture
def block(client, receiver):
    """A block that posts to the receiver."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    words = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name="crackflow", url=receiver[0], json_data=words).save("team", overwrite=True)
    return "custom-webhook/team"


def finish(flow_name, state):
    """Have a run of a flow end in a state, as its own process would report it."""
    from prefect import flow

    @flow(name=flow_name, flow_run_name="a-run")
    def short():
        return state

    short(return_state=True)


@pytest.mark.slow
def test_two_are_made_once_and_follow_the_block(client, block):
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    assert module.install(block) == [
        "crackflow: rebuild failed: created, sends with custom-webhook/team",
        "crackflow: model rejected: created, sends with custom-webhook/team",
    ]
    before = client.read_automations()
    client.pause_automation(before[0].id)
    other = CustomWebhookNotificationBlock(name="other", url="http://127.0.0.1:9/").save("other", overwrite=True)
    assert module.install("custom-webhook/other") == [
        "crackflow: rebuild failed: up to date, sends with custom-webhook/other",
        "crackflow: model rejected: up to date, sends with custom-webhook/other",
    ]
    after = client.read_automations()
    assert sorted(one.id for one in after) == sorted(one.id for one in before)
    assert {one.actions[0].block_document_id for one in after} == {other}
    # what a person has paused stays so
    assert {one.id: one.enabled for one in after} == {one.id: one.id != before[0].id for one in before}


@pytest.mark.slow
def test_word_is_sent_of_failures_and_rejections_and_of_nothing_else(client, block, receiver):
    from prefect.states import Cancelled, Completed, Crashed, Failed

    module.install(block)
    # the server reads its automations again now and then
    time.sleep(2)
    finish(FLOW_NAME, Completed(message="4 of 4 stages ran"))
    finish(FLOW_NAME, Completed(name="Cached"))
    finish(FLOW_NAME, Cancelled(name="AlreadyRunning", message="another rebuild works in this checkout"))
    # another project's flows on a shared server
    finish("other", Failed(message="no affair of ours"))
    finish("rebuild", Failed(message="no affair of ours"))
    expected = [
        (Failed(message="train failed: killed"), "Failed", "Failed, train failed: killed"),
        (Failed(name="Refused", message="params.yaml: no"), "Refused", "Refused, params.yaml: no"),
        (Crashed(message="gone"), "Crashed", "Crashed, gone"),
        (Completed(name="Rejected", message="IoU 0.5 < 0.6"), "Rejected", "Rejected, IoU 0.5 < 0.6"),
    ]
    for state, _, _ in expected:
        finish(FLOW_NAME, state)
    posted = [json.loads(receiver[1].get(timeout=WAIT_S)) for _ in expected]
    assert sorted(one["subject"] for one in posted) == sorted(f"crackflow: {name}" for _, name, _ in expected)
    bodies = sorted(one["body"].splitlines()[0] for one in posted)
    assert bodies == sorted(f"{FLOW_NAME} (a-run): {words}" for _, _, words in expected)
    with pytest.raises(queue.Empty):
        receiver[1].get(timeout=2)


@pytest.mark.slow
def test_a_webhook_is_called_too(client, receiver):
    from prefect.blocks.webhook import Webhook
    from prefect.states import Failed

    Webhook(method="POST", url=receiver[0], allow_private_urls=True).save("plain", overwrite=True)
    module.install("webhook/plain")
    time.sleep(2)
    finish(FLOW_NAME, Failed(message="a pity"))
    assert receiver[1].get(timeout=WAIT_S).startswith(f"crackflow: Failed\n{FLOW_NAME} (a-run): Failed, a pity")


@pytest.mark.slow
def test_a_block_that_is_not_there_or_can_not_send_is_rejected(client):
    from prefect.blocks.system import Secret

    for name in ("slack-webhook/nobody", "nonsense", "no-such-type/x"):
        with pytest.raises(module.NotificationError, match=f"^no block {name} on this server; expected TYPE/NAME"):
            module.install(name)
    Secret(value="x").save("mine", overwrite=True)
    with pytest.raises(module.NotificationError, match=r"^block secret/mine can't notify"):
        module.install("secret/mine")
    assert client.read_automations() == []


def test_without_a_server_the_command_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    command = [sys.executable, "-c", "from pipelines.cli import app; app()", "notify", "slack-webhook/x"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert found.returncode == 2
    assert found.stderr == "error: no Prefect server is configured; set PREFECT_API_URL, as http://127.0.0.1:4200/api\n"

"""Two hosts and a third one with a Dask scheduler, each with a network of its own; run by test_engine.py.

`python two_hosts.py FOLDER RAW MADE PHOTOGRAPHS OUT` works in a network namespace that holds nothing yet. It makes two
more, each with a host name of its own, joins them by a bridge, starts a worker in each and the scheduler here. Then
stages resize and evaluate work on them, and predict.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import dask

from benchmarks.soak.dask_cluster import cluster
from crackflow.inference import inputs, packaged_weights
from pipelines.commands.predict import predict
from tasks import evaluate, resize
from tasks.engine import VARIABLE
from tasks.workspace import Workspace

HERE = "10.83.0.1"
HOSTS = {"one": "10.83.0.2", "two": "10.83.0.3"}


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def host(name, address):
    """A network namespace with a host name; gives the command that starts something in it."""
    started = ["sh", "-c", f"hostname {name} && echo ready && exec sleep infinity"]
    with subprocess.Popen(["unshare", "--net", "--uts", *started], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            inside = ["nsenter", f"--net=/proc/{process.pid}/ns/net", f"--uts=/proc/{process.pid}/ns/uts", "--"]
            ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
            ip("link", "set", f"to-{name}", "master", "bridge", "up")
            for settings in (["link", "set", "lo", "up"], ["link", "set", "eth0", "up"]):
                subprocess.run([*inside, "ip", *settings], check=True)
            subprocess.run([*inside, "ip", "address", "add", f"{address}/24", "dev", "eth0"], check=True)
            yield inside
        finally:
            process.kill()


def mark(photographs, out, compute):
    """Mark photographs with the packaged weights."""
    weights = packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    predict(weights, inputs.find([str(photographs)]), out, compute=compute)


def main(folder, raw, made, photographs, out):
    ip("link", "set", "lo", "up")
    ip("link", "add", "bridge", "type", "bridge")
    ip("link", "set", "bridge", "up")
    ip("address", "add", f"{HERE}/24", "dev", "bridge")
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(host(name, address)) for name, address in HOSTS.items()]
        found = stack.enter_context(cluster(folder, os.environ, HERE))
        found.start(hosts)
        os.environ |= {**found.tls, VARIABLE: f"dask:{found.address}"}
        dask.config.refresh()
        for stage, workspace in ((resize, Workspace(raw)), (evaluate, Workspace(made))):
            stage.run(workspace, workspace.params())
        mark(photographs, out, os.environ[VARIABLE])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

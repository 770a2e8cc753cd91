"""A Dask scheduler and workers as docs/how-to/dask.md has them: by Dask's own commands, with certificates."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.soak.sandbox import end, wait

START_S = 300.0
# Of Dask's configuration, for each who takes part.
_ROLES = ("SCHEDULER", "WORKER", "CLIENT")


class Cluster:
    """Processes of a cluster, whose certificates lie in a folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str], host: str = "127.0.0.1") -> None:
        """Make the certificates; nothing is started.

        Args:
            folder: in which they run, and where certificates and the scheduler's address are kept.
            environment: of its processes: with it they find the code.
            host: where the scheduler listens.
        """
        self._folder = folder
        self._host = host
        self._file = folder / "scheduler.json"
        self.tls = _certificates(folder)
        self._environment = {**environment, **self.tls}
        self._scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return str(json.loads(self._file.read_text(encoding="utf-8"))["address"])

    def start(self, workers: Sequence[Sequence[str]], options: Sequence[str] = (), port: int = 0) -> None:
        """Start the scheduler and workers of one thread, and wait until all have met.

        Args:
            workers: for each the command that it is started through, such as nsenter's; empty for none.
            options: of `dask worker`.
            port: of the scheduler; 0 for a free one.
        """
        self._file.unlink(missing_ok=True)
        self._scheduler = self._run([], "scheduler", "--host", self._host, "--port", str(port))
        if not wait(lambda: self._file.exists() and self._file.read_text(encoding="utf-8").endswith("}"), START_S):
            raise RuntimeError("the Dask scheduler did not start")
        self.workers = [self._run(through, "worker", "--nthreads", "1", *options) for through in workers]
        if not wait(lambda: self._threads() == len(workers), START_S):
            raise RuntimeError("the Dask workers did not reach their scheduler")

    def kill_scheduler(self) -> None:
        """Kill -9 of the scheduler alone."""
        if self._scheduler:
            self._scheduler.kill()
            self._scheduler.wait()

    def end(self) -> None:
        """Kill all of it."""
        for process in self.workers:
            end(process.pid)
            process.wait()
        self.kill_scheduler()

    def _run(self, through: Sequence[str], what: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [*through, sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard"]
        return subprocess.Popen(
            [*command, "--protocol", "tls", "--scheduler-file", str(self._file), *options],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _threads(self) -> int:
        from distributed import Client
        from distributed.security import Security

        names = {"tls_ca_file": "CA_FILE", "tls_client_cert": "CLIENT__CERT", "tls_client_key": "CLIENT__KEY"}
        given = {name: self.tls[_VARIABLE + of] for name, of in names.items()}
        with Client(self.address, security=Security(require_encryption=True, **given), set_as_default=False) as client:
            return sum(client.nthreads().values())


_VARIABLE = "DASK_DISTRIBUTED__COMM__TLS__"


def _certificates(folder: Path) -> dict[str, str]:
    """Write an authority, a certificate and its key; give the variables by which Dask finds them."""
    from distributed.security import Security

    made = Security.temporary()
    texts = {"ca.pem": made.tls_ca_file, "me.pem": made.tls_client_cert, "me.key": made.tls_client_key}
    for name, text in texts.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(str(text), encoding="ascii")
    found = {f"{_VARIABLE}CA_FILE": str(folder / "ca.pem")}
    for role in _ROLES:
        found[f"{_VARIABLE}{role}__CERT"] = str(folder / "me.pem")
        found[f"{_VARIABLE}{role}__KEY"] = str(folder / "me.key")
    return found


@contextlib.contextmanager
def cluster(folder: Path, environment: Mapping[str, str], host: str = "127.0.0.1") -> Iterator[Cluster]:
    """Make one whose processes end with the block."""
    found = Cluster(folder, environment, host)
    try:
        yield found
    finally:
        found.end()

"""`python -m pipelines.slurm`: workers in jobs of SLURM, and a Dask scheduler here, until it is ended.

Queue, account, cores and memory of a job stand in Dask's own configuration: docs/how-to/slurm.md has one.
"""

import argparse
import contextlib
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crackflow.errors import CrackflowError, one_line
from pipelines.extras import missing_line
from pipelines.terminal import say, say_error
from tasks.endings import os_error_line
from tasks.engine import VARIABLE

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMCluster
    from distributed.security import Security

# A folder that this machine and those of the jobs see: certificates lie there.
SHARED = Path(".crackflow")
_TLS = "DASK_DISTRIBUTED__COMM__TLS__"


@contextlib.contextmanager
def workers_on_slurm(jobs: int, shared: Path) -> Iterator[tuple["SLURMCluster", Path]]:
    """Start a scheduler on this machine and hand jobs to SLURM; afterwards cancel them.

    Args:
        jobs: how many are kept: one that ends is replaced.
        shared: a folder that this machine and the jobs' see at the same path. Certificates are made for this run and
            lie in a folder of it that its owner alone can read; they are deleted at the end.

    Yields:
        The cluster, and a file of shell commands: whoever reads it with `.` has crackflow use these workers.

    Raises:
        CrackflowError: when SLURM's commands are not found, or the configuration can't be used.
    """
    if not shutil.which("sbatch"):
        raise CrackflowError("found no command sbatch, expected SLURM's; run this where jobs are handed in")
    from dask_jobqueue.slurm import SLURMCluster

    shared.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slurm-", dir=shared.resolve()) as folder:
        security, certificate, key = _certificates(Path(folder))
        try:
            cluster = SLURMCluster(security=security)
        except (ValueError, TypeError, RuntimeError) as error:
            raise CrackflowError(
                f"Dask's configuration of jobqueue.slurm can't be used: {one_line(error)}; see docs/how-to/slurm.md"
            ) from error
        with cluster:
            cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
            given = {
                VARIABLE: f"dask:{cluster.scheduler_address}",
                f"{_TLS}CA_FILE": certificate,
                f"{_TLS}CLIENT__CERT": certificate,
                f"{_TLS}CLIENT__KEY": key,
            }
            lines = [f"export {name}={shlex.quote(str(value))}\n" for name, value in given.items()]
            environment = Path(folder, "environment")
            environment.write_text("".join(lines), encoding="utf-8")
            yield cluster, environment


def _certificates(folder: Path) -> tuple["Security", Path, Path]:
    """Write one certificate with its key for scheduler, workers and clients; it signs itself."""
    from distributed.security import Security

    made = Security.temporary()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(str(made.tls_ca_file), encoding="utf-8")
    key.write_text(str(made.tls_worker_key), encoding="utf-8")
    files = {
        f"tls_{role}_{what}": str(path)
        for role in ("scheduler", "worker", "client")
        for what, path in (("cert", certificate), ("key", key))
    }
    return Security(require_encryption=True, tls_ca_file=str(certificate), **files), certificate, key


def _hold(jobs: int, stop: threading.Event) -> None:
    """Keep the workers until `stop` is set, and say when the first is there."""
    with workers_on_slurm(jobs, SHARED) as (cluster, environment):
        say(f"{jobs} jobs are handed to SLURM; the scheduler is {cluster.scheduler_address}")
        started, told = time.monotonic(), False
        while not stop.wait(1):
            if not told and cluster.scheduler_info["workers"]:
                told = True
                say(f"the first worker is there after {time.monotonic() - started:.0f} s. In another terminal, here:")
                say(f"  . {shlex.quote(str(environment))} && dvc repro")


def main(arguments: list[str] | None = None) -> int:
    """Keep workers on SLURM until Ctrl-C or SIGTERM; 0 then, else another exit code and one line."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.slurm", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many are kept, 1 or more; 1 without it")
    jobs = parser.parse_args(arguments).jobs
    if jobs < 1:
        parser.error(f"received --jobs {jobs}, expected 1 or more")
    stop = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: stop.set())
    try:
        _hold(jobs, stop)
    except ModuleNotFoundError as error:
        if not (line := missing_line(error)):
            raise
        say_error(line)
        return CrackflowError.exit_code
    except CrackflowError as error:
        say_error(str(error))
        return error.exit_code
    except OSError as error:
        say_error(os_error_line(error))
        return CrackflowError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

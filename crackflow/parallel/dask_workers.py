"""Work on Dask's workers: of a cluster that runs elsewhere, or of one that is started here.

Dask runs what its clients send, so a scheduler is open to whoever reaches its port. One that is started here listens on
the loopback address alone, with certificates made for it (TLS). Of one elsewhere, see docs/how-to/dask.md.
"""

import contextlib
import itertools
import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from crackflow.errors import one_line
from crackflow.parallel.engine import AHEAD, ATTEMPTS, Done, Item, Lost, Result, ShardError
from crackflow.parallel.machine import cores

if TYPE_CHECKING:
    from distributed import Client, Future

Waited = TypeVar("Waited")

# Seconds in which a scheduler must answer.
CONNECT_S = 20
# Seconds without any worker, after which none is waited for. A nanny takes some to start one again that died.
WORKERLESS_S = 300.0


class Dask:
    """Workers of a Dask cluster, each with as many shards at a time as it has threads."""

    # Dask takes some milliseconds of client and scheduler for each
    shard_size = 64

    def __init__(self, client: "Client") -> None:
        """Take a client that is connected.

        Args:
            client: of a cluster whose workers have this code and see the same folders.
        """
        self._client = client

    def run(
        self, work: Callable[[Sequence[Item]], Done[Result]], shards: Iterable[Sequence[Item]]
    ) -> Iterator[Done[Result] | Lost]:
        """See Engine. A result is fetched as soon as it is there, so a worker that dies later takes none with it."""
        rest = enumerate(shards)
        window = AHEAD * max(1, self._threads())
        found: dict[int, Done[Result] | Lost] = {}
        handed: dict[Any, tuple[int, Sequence[Item]]] = {}
        suspects: list[tuple[int, Sequence[Item]]] = []
        finished: queue.SimpleQueue[Future[Done[Result]]] = queue.SimpleQueue()
        taken = 0
        try:
            while True:
                for number, shard in itertools.islice(rest, window - len(handed) - len(suspects) - len(found)):
                    handed[self._hand(work, shard, finished)] = number, shard
                alone = not handed
                if alone and not suspects:
                    return
                if alone:
                    number, shard = suspects.pop(0)
                    handed[self._hand(work, shard, finished)] = number, shard
                future = self._patiently(lambda seconds: finished.get(timeout=seconds))
                number, shard = handed.pop(future)
                outcome = self._outcome(future)
                if isinstance(outcome, Lost) and not alone:
                    # it may be innocent: Dask blames all shards that a worker held when it died
                    suspects.append((number, shard))
                    continue
                found[number] = outcome
                while taken in found:
                    yield found.pop(taken)
                    taken += 1
        finally:
            for future in handed:
                future.release()

    def _hand(
        self,
        work: Callable[[Sequence[Item]], Done[Result]],
        shard: Sequence[Item],
        finished: "queue.SimpleQueue[Future[Done[Result]]]",
    ) -> "Future[Done[Result]]":
        """Hand a shard to the scheduler; its future is put into `finished` when it has ended, however it ended."""
        from distributed.client import ClosedClientError

        try:
            # not pure: two shards with the same items are two shards, since the work writes files
            future = self._client.submit(work, shard, pure=False)
        except ClosedClientError:
            self._gone()
        future.add_done_callback(finished.put)
        return future

    def _outcome(self, future: "Future[Done[Result]]") -> Done[Result] | Lost:
        """Take what came of a shard that has ended; where its worker died since, Dask lets another do it again."""
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        def fetch(timeout: float) -> Done[Result]:
            try:
                result: Done[Result] = future.result(timeout)
            except TimeoutError:
                # what the work raised is kept in the future
                if future.status == "error":
                    raise
                raise queue.Empty from None
            return result

        try:
            return self._patiently(fetch)
        except KilledWorker:
            return Lost("each worker that tried it died")
        except FutureCancelledError:
            self._gone()
        except OSError:
            if future.status == "error":
                raise
            self._gone()

    def _patiently(self, wait: Callable[[float], Waited]) -> Waited:
        """Wait for something as long as there are workers: Dask itself would wait for ever.

        Args:
            wait: called with seconds, after which it raises queue.Empty.
        """
        # when they were first seen to be gone
        since = None
        while True:
            try:
                return wait(WORKERLESS_S / 6)
            except queue.Empty:
                now = time.monotonic()
                since = None if self._threads() else since or now
                if since is not None and now - since >= WORKERLESS_S:
                    raise ShardError(
                        f"all workers of the Dask scheduler{self._where} are gone; start some, and run again"
                    ) from None

    def _threads(self) -> int:
        """Threads of all workers that there are now."""
        try:
            # a client that has given up has no scheduler any more
            return sum(self._client.nthreads().values()) if self._client.scheduler else self._gone()
        except OSError:
            self._gone()

    @property
    def _where(self) -> str:
        address = getattr(self._client.scheduler, "address", "")
        return f" at {address}" if address else ""

    def _gone(self) -> NoReturn:
        raise ShardError(
            f"the Dask scheduler{self._where} went away while it worked, and its workers end with it; start both, and "
            "run again"
        ) from None


@contextlib.contextmanager
def workers_of(address: str, alike: Callable[[], object] | None = None) -> Iterator[Dask]:
    """Connect to a cluster.

    Args:
        address: of its scheduler, such as tls://host:8786. Certificates are named in Dask's own configuration.
        alike: called here and on each worker; all must give the same. What it tells is the code and the folder.

    Yields:
        The engine.

    Raises:
        ShardError: when no scheduler answers within 20 s, it has no workers, or one of them differs.
    """
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise ShardError(
            f"no Dask scheduler answers at {address}: {one_line(error)}; start it, or name another in compute.address"
        ) from error
    # a scheduler that goes away is told in one line, without Dask's own traceback
    with silence_logging_cmgr(logging.CRITICAL), client:
        if not client.nthreads():
            raise ShardError(f"the Dask scheduler at {address} has no workers; start some, and run again")
        _check_alike(client, alike)
        yield Dask(client)


@contextlib.contextmanager
def workers_here(workers: int = 0) -> Iterator[Dask]:
    """Start a cluster of processes on this machine, and end it.

    Args:
        workers: how many processes, of one thread each; 0 for one per core.

    Yields:
        The engine.
    """
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security

    # a worker that nears its memory limit is restarted by Dask: it must not happen to one that reads one large file
    settings: dict[str, Any] = {
        "distributed.worker.memory.terminate": False,
        "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
        # it gives up a worker that is not back after 15 s, which a busy machine needs to start one again
        "distributed.deploy.lost-worker-timeout": WORKERLESS_S,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers or cores(),
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=Security.temporary(),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield Dask(client)


def _check_alike(client: "Client", alike: Callable[[], object] | None) -> None:
    """Check that each worker gives what this process gives: else results would depend on who made them."""
    if not alike:
        return
    here = alike()
    there = client.run(alike, on_error="return")
    for worker, found in sorted(there.items()):
        if isinstance(found, Exception):
            raise ShardError(
                f"the Dask worker {worker} can't run this code: {one_line(found)}; install this version of crackflow "
                "there, and let it work where the same folder is at the same path"
            )
        if found != here:
            raise ShardError(
                f"the Dask worker {worker} has other code or another folder than this process; start it again if the "
                "code has changed since, install the same version of crackflow there, and let it work where the same "
                "folder is at the same path"
            )

import contextlib

import pytest

from crackflow.parallel.dask_workers import workers_here
from crackflow.parallel.processes import Processes
from crackflow.parallel.threads import Threads


@pytest.fixture(scope="session")
def dask_engine():
    """Two workers, started once for all tests that do not end them."""
    with workers_here(2) as engine:
        yield engine


@pytest.fixture(params=["threads", "processes", "dask"])
def engine(request):
    """Each engine with two workers, and shards of three items."""
    made = {"threads": lambda: Threads(2), "processes": lambda: Processes(2)}.get(request.param)
    found = made() if made else request.getfixturevalue("dask_engine")
    found.shard_size = 3
    return found


@pytest.fixture
def new_engine():
    """Make an engine whose workers a test may end."""
    with contextlib.ExitStack() as stack:

        def make(name):
            found = Processes(2) if name == "processes" else stack.enter_context(workers_here(2))
            found.shard_size = 3
            return found

        yield make

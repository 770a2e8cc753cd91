"""Several processes that train one network together, each on a machine or a device of its own; TensorFlow alone.

Keras 3 trains on several devices of one machine under TensorFlow (MirroredStrategy), but not on several machines:
`fit` fails under MultiWorkerMirroredStrategy (keras-team/keras#20585, seen with 3.15.1). That strategy's server and its
operation that adds up tensors of all processes work. They are what is used here.
"""

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from crackflow.errors import TrainingError, one_line

GROUP = 4032  # any number that TensorFlow's own groups, which count from 1, do not reach
# An operation and the tensors that it adds up have one shape for ever: TensorFlow keeps it by this number.
STEP_KEYS = 10_000  # numbers of one training's step
_CALLS = 1_000_000_000  # where the numbers of single calls begin
CHUNK = 1 << 24  # int32 numbers that go at once: 64 MiB
_ADDRESS = re.compile(r"[\w.-]+:\d{1,5}")


class Workers:
    """All workers as one of them sees them. The first is the chief: it alone validates and writes."""

    def __init__(self, addresses: Sequence[str] = ("here",), index: int = 0, strategy: Any = None) -> None:
        """Take what `join` has connected; without arguments one worker alone.

        Args:
            addresses: of all workers, the chief's first.
            index: of this one.
            strategy: what keeps the connection.
        """
        self.addresses = tuple(addresses)
        self.count = len(self.addresses)
        self.index = index
        self._strategy = strategy
        self._calls = itertools.count(_CALLS)
        self._steps = itertools.count()

    @property
    def chief(self) -> bool:
        """Whether this is the one that validates and writes."""
        return self.index == 0

    def share(self, rows: int) -> slice:
        """This worker's part of a batch of so many rows; the parts of all workers are the batch in its order."""
        return slice(rows * self.index // self.count, rows * (self.index + 1) // self.count)

    def step_keys(self) -> int:
        """The first of STEP_KEYS numbers that no other training in this process uses."""
        return STEP_KEYS * next(self._steps)

    def add_up(self, value: Any, key: int) -> Any:
        """The sum of a tensor over the workers, the same bits on each.

        Args:
            value: of one shape and type on all workers, not of rank 0; float32, int32 or int64.
            key: names the operation: all workers call with it, each time with that shape.
        """
        import tensorflow as tf

        if self.count == 1:
            return value
        summed = tf.raw_ops.CollectiveReduceV2(
            input=value,
            group_size=self.count,
            group_key=GROUP,
            instance_key=key,
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
            communication_hint="auto",
        )
        return tf.ensure_shape(summed, value.shape)

    def from_chief(self, make: Callable[[], bytes]) -> bytes:
        """Give each worker what `make` gives the chief, who alone calls it; one worker alone gives itself nothing."""
        if self.count == 1:
            return b""
        data = make() if self.chief else b""
        length = int(self._call(np.array([len(data)], np.int64))[0])
        words = np.zeros(-(-length // 4), np.int32)
        words.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
        for start in range(0, len(words), CHUNK):
            words[start : start + CHUNK] = self._call(words[start : start + CHUNK])
        return words.tobytes()[:length]

    def agree(self, key: str) -> None:
        """Check that all workers are about to do the same.

        Args:
            key: 16 hex digits that say what.

        Raises:
            TrainingError: on each worker, when one has another key than the chief.
        """
        if self.count == 1:
            return
        keys = np.zeros((self.count, 4), np.int32)
        keys[self.index] = [int(key[at : at + 4], 16) for at in range(0, 16, 4)]
        keys = self._call(keys)
        for address, other in zip(self.addresses, keys, strict=True):
            if (other != keys[0]).any():
                raise TrainingError(
                    f"the worker {address} has other pairs, parameters, code or versions of libraries than "
                    f"{self.addresses[0]}, expected the same; bring both to one commit, run the stages before train "
                    "on each, and start all workers again"
                )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Turn what TensorFlow raises when another worker is gone into one line.

        Raises:
            TrainingError: in its place.
        """
        if self.count == 1:
            yield
            return
        import tensorflow as tf

        gone = (
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
            tf.errors.FailedPreconditionError,
            tf.errors.InternalError,
            tf.errors.UnavailableError,
        )
        try:
            yield
        except gone as error:
            raise TrainingError(
                f"another worker of {', '.join(self.addresses)} is gone ({one_line(error)[:200]}); start all workers "
                "again, and the training goes on from the chief's last checkpoint"
            ) from error

    def _call(self, value: Any) -> Any:
        import tensorflow as tf

        return self.add_up(tf.constant(value), next(self._calls)).numpy()


ALONE = Workers()


def join(addresses: str, index: str = "") -> Workers:
    """Connect to the other workers, before TensorFlow has calculated anything.

    Args:
        addresses: HOST:PORT of each worker, with commas between them, the chief's first; empty for one worker alone.
        index: which of them this is, from 0; empty for the chief.

    Returns:
        The workers. Their server listens on the port of this one's address.

    Raises:
        TrainingError: when an argument can't be read, or Keras does not run on TensorFlow.
    """
    if not addresses:
        return ALONE
    hosts = [host.strip() for host in addresses.split(",")]
    if len(set(hosts)) < 2 or len(set(hosts)) < len(hosts) or not all(map(_ADDRESS.fullmatch, hosts)):
        raise TrainingError(
            f"received workers {addresses!r}, expected two or more different HOST:PORT with commas between them, the "
            "chief's first; correct CRACKFLOW_WORKERS"
        )
    if (index or "0") not in map(str, range(len(hosts))):
        raise TrainingError(
            f"received worker {index!r}, expected a number from 0 to {len(hosts) - 1}; correct CRACKFLOW_WORKER"
        )
    if keras.backend.backend() != "tensorflow":
        raise TrainingError(
            f"several workers train on TensorFlow alone, received Keras on {keras.backend.backend()}; unset "
            "KERAS_BACKEND, or CRACKFLOW_WORKERS to train here alone"
        )
    import tensorflow as tf

    number = int(index or 0)
    cluster = tf.train.ClusterSpec({"worker": hosts})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, task_type="worker", task_id=number)
    return Workers(hosts, number, tf.distribute.MultiWorkerMirroredStrategy(resolver))

"""Where batches run: a `concurrent.futures.Executor`, of processes of this machine or of a Dask cluster.

The executor is the seam: tasks, journal and tables know nothing of what is behind it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ..base.errors import EdmNoiseError
from .tasks import Batch, Outcome, run_batch

CONNECT_SECONDS = 5
"""How long a scheduler may take to answer."""

_COUNT_SECONDS = 2.0
"""How often a cluster is asked for the number of its workers."""


class Pool(Protocol):
    """Takes batches."""

    @property
    def width(self) -> int:
        """How many batches run at once, now."""

    def submit(self, batch: Batch) -> Future[list[Outcome]]:
        """Run a batch some time."""

    def renew(self) -> None:
        """A batch was lost with its worker: make ready for others; EdmNoiseError where that cannot be."""


class GivenPool:
    """Any executor: the caller's own, started and ended by the caller."""

    def __init__(self, executor: Executor, width: int) -> None:
        self.executor, self.width = executor, width

    def submit(self, batch: Batch) -> Future[list[Outcome]]:
        """Run a batch some time."""
        return self.executor.submit(run_batch, batch)

    def renew(self) -> None:
        """Nothing can be done about somebody else's executor."""
        raise EdmNoiseError("a worker has ended and taken its tasks along")


class LocalPool:
    """New processes on this machine, one torch thread each. They end with this process, however that ends."""

    def __init__(self, processes: int) -> None:
        self.width = processes
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._reader, self._writer = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(self.width, context, _watch, (self._reader,))

    def submit(self, batch: Batch) -> Future[list[Outcome]]:
        """Run a batch some time."""
        return self._executor.submit(run_batch, batch)

    def renew(self) -> None:
        """New processes in place of all."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """End the processes at once."""
        self._writer.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._reader.close()


def _watch(reader: Connection) -> None:
    """In a worker: Ctrl-C is the parent's business, and where the parent is gone there is nothing left to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        try:
            reader.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def local_pool(processes: int | None = None) -> AbstractContextManager[LocalPool]:
    """Processes of this machine, as many as it has cores for where no number is given; started when entered."""
    if processes is not None and processes < 1:
        raise EdmNoiseError(f"processes is {processes}: give a whole number from 1")
    return _local_pool(os.cpu_count() or 1 if processes is None else processes)


@contextmanager
def _local_pool(processes: int) -> Iterator[LocalPool]:
    pool = LocalPool(processes)
    try:
        yield pool
    finally:
        pool.stop()


class DaskPool:
    """The workers of a Dask scheduler, whoever has started them; they must reach the structures by the same paths."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._executor: Executor = client.get_executor()
        self._width, self._asked = 0, -_COUNT_SECONDS

    @property
    def width(self) -> int:
        """Threads of all workers now."""
        if time.monotonic() - self._asked >= _COUNT_SECONDS:
            try:
                self._width = sum(self._client.nthreads().values())
            except Exception as error:
                raise self._gone() from error
            self._asked = time.monotonic()
        return self._width

    def submit(self, batch: Batch) -> Future[list[Outcome]]:
        """Run a batch some time."""
        try:
            return self._executor.submit(run_batch, batch)
        except Exception as error:
            raise self._gone() from error

    def renew(self) -> None:
        """Dask gives tasks of a lost worker to others; without a scheduler it cannot."""
        if self._client.status != "running":
            raise self._gone()

    def _gone(self) -> EdmNoiseError:
        return EdmNoiseError(f"the scheduler at {self._address} does not answer any more")


@contextmanager
def dask_pool(address: str) -> Iterator[DaskPool]:
    """The cluster behind a scheduler's address, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    EdmNoiseError
        Without dask.distributed, or where no scheduler answers.
    """
    try:
        import distributed  # 1 s: only who uses a cluster pays for it
    except ImportError as error:
        raise EdmNoiseError("a cluster needs Dask: pip install 'edmnoise[cluster]'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is said here, in one line
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise EdmNoiseError(
            f"no Dask scheduler answers at {address}: start one (dask scheduler), or leave out --scheduler"
        ) from error
    try:
        yield DaskPool(client, address)
    finally:
        client.close(timeout=CONNECT_SECONDS)

"""Spread a pure function over processors, or over a Dask cluster."""

import atexit
import itertools
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from django.conf import settings

Shard = TypeVar("Shard")
Outcome = TypeVar("Outcome")

# Processes take about a second to start: work that is done by then needs none.
SECONDS_ALONE = 0.5
# Enough that no processor waits, few enough that memory stays flat.
_SHARDS_IN_FLIGHT_PER_WORKER = 3

_pools: dict[int, ProcessPoolExecutor] = {}


def map_shards(function: Callable[[Shard], Outcome], shards: Iterable[Shard]) -> Iterator[Outcome]:
    """Yield `function(shard)` for every shard, in order, computed in parallel.

    `function` must be a module-level function that touches no database, in a module that
    imports no models; shards and outcomes must pickle. Short work is done here, without other
    processes. An error of the function is raised at its shard.
    """
    shards = iter(shards)
    workers = worker_count()
    alone = 0.0
    for shard in shards:
        if workers > 1 and alone >= SECONDS_ALONE:
            yield from _map_on_executor(function, itertools.chain([shard], shards), workers)
            return
        start = time.monotonic()
        outcome = function(shard)
        alone += time.monotonic() - start
        yield outcome


def worker_count() -> int:
    """Return how many processes work at once: TESSERA_WORKERS, or one per processor."""
    return settings.TESSERA_WORKERS or os.cpu_count() or 1


def _map_on_executor(
    function: Callable[[Shard], Outcome], shards: Iterable[Shard], workers: int
) -> Iterator[Outcome]:
    with _executor(workers) as executor:
        waiting: deque[Future[Outcome]] = deque()
        try:
            for shard in shards:
                waiting.append(executor.submit(function, shard))
                if len(waiting) >= workers * _SHARDS_IN_FLIGHT_PER_WORKER:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _executor(workers: int) -> Iterator[Executor]:
    if settings.DASK_SCHEDULER_ADDRESS:
        from distributed import Client  # an optional part: only clusters need it

        with Client(settings.DASK_SCHEDULER_ADDRESS) as client:
            yield client.get_executor(pure=False)
        return
    try:
        yield _pool(workers)
    except BrokenProcessPool:
        _pools.pop(workers).shutdown(wait=False)  # the next call starts anew
        raise


def _pool(workers: int) -> ProcessPoolExecutor:
    """Return the pool of this process, kept until its end: its workers have compiled kernels."""
    if workers not in _pools:
        # Not fork: the parent holds database connections and threads. The server of
        # "forkserver" loads the pixel core once, and its children start with it.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["panoptic.formats.registry"])
        # Ctrl-C reaches every process of a terminal: the parent decides what becomes of the work.
        _pools[workers] = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),
        )
        atexit.register(_pools[workers].shutdown, wait=True, cancel_futures=True)
    return _pools[workers]

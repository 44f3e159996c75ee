"""Spread a pure function over the processors of this machine, results in order."""

from __future__ import annotations

import atexit
import itertools
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

Shard = TypeVar("Shard")
Outcome = TypeVar("Outcome")

# Processes take about a second to start: work that is done by then needs none.
SECONDS_ALONE = 0.5
# Enough that no processor waits, few enough that memory stays flat.
_SHARDS_IN_FLIGHT_PER_WORKER = 3

_pools: dict[int, ProcessPoolExecutor] = {}


@contextmanager
def local_processes(workers: int) -> Iterator[Executor]:
    """The pool of this process, kept until its end: its workers have compiled kernels."""
    try:
        yield _pool(workers)
    except BrokenProcessPool:
        _pools.pop(workers).shutdown(wait=False)  # the next call starts anew
        raise


def map_shards(
    function: Callable[[Shard], Outcome],
    shards: Iterable[Shard],
    workers: int,
    *,
    processes: Callable[[int], AbstractContextManager[Executor]] = local_processes,
) -> Iterator[Outcome]:
    """Yield `function(shard)` for every shard, in order, computed by so many processes.

    `function` must be a module-level function; shards and outcomes must pickle. Short work is done
    here, without other processes. An error of the function is raised at its shard.
    """
    shards = iter(shards)
    alone = 0.0
    for shard in shards:
        if workers > 1 and alone >= SECONDS_ALONE:
            rest = itertools.chain([shard], shards)
            yield from _map_on(processes(workers), function, rest, workers)
            return
        start = time.monotonic()
        outcome = function(shard)
        alone += time.monotonic() - start
        yield outcome


def _map_on(
    processes: AbstractContextManager[Executor],
    function: Callable[[Shard], Outcome],
    shards: Iterable[Shard],
    workers: int,
) -> Iterator[Outcome]:
    with processes as executor:
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


def _pool(workers: int) -> ProcessPoolExecutor:
    if workers not in _pools:
        # Not fork: the parent may hold connections and threads. The server of "forkserver" loads
        # the pixel core once, and its children start with it.
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

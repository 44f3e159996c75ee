"""Spread a pure function over processors, or over a Dask cluster, as the settings say."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TypeVar

from django.conf import settings

from panoptic import parallel

Shard = TypeVar("Shard")
Outcome = TypeVar("Outcome")


def map_shards(function: Callable[[Shard], Outcome], shards: Iterable[Shard]) -> Iterator[Outcome]:
    """Yield `function(shard)` for every shard, in order; see `panoptic.parallel.map_shards`.

    `function` must touch no database, and be of a module that imports no models.
    """
    return parallel.map_shards(function, shards, worker_count(), processes=_processes)


def worker_count() -> int:
    """Return how many processes work at once: TESSERA_WORKERS, or one per processor."""
    return settings.TESSERA_WORKERS or os.cpu_count() or 1


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    if settings.DASK_SCHEDULER_ADDRESS:
        from distributed import Client  # an optional part: only clusters need it

        with Client(settings.DASK_SCHEDULER_ADDRESS) as client:
            yield client.get_executor(pure=False)
        return
    with parallel.local_processes(workers) as executor:
        yield executor

"""The row of this process among the workers: made at its start, kept fresh, gone at its end."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from datasets_app.jobs.code_version import code_version
from datasets_app.jobs.timing import (
    BEHIND_AFTER,
    DEAD_WORKERS_KEPT,
    heartbeat_seconds,
    lease_time,
)
from datasets_app.models import Job, Worker
from datasets_app.models.worker import WorkerQuerySet

logger = logging.getLogger(__name__)

_this: Worker | None = None


def register_worker() -> Worker:
    """Say that this process runs jobs from now on."""
    global _this
    host, pid = socket.gethostname()[:64], os.getpid()
    _this = Worker.objects.create(
        name=f"{host}:{pid}:{secrets.token_hex(4)}", host=host, pid=pid, version=code_version()
    )
    return _this


def leave() -> None:
    """Say that this process runs no more jobs."""
    global _this
    if _this is not None:
        Worker.objects.filter(pk=_this.pk).delete()
    _this = None


def this_worker() -> str:
    """Return the name of this process among the workers; "" of one that is none of them."""
    return _this.name if _this is not None else ""


def label_of(name: str) -> str:
    """Return how the log of a job calls a worker: hosts and processes are not for everybody."""
    return f"worker {name.rpartition(':')[2]}" if name else "a worker"


@contextmanager
def busy_with(job: Job) -> Iterator[None]:
    """Show this worker at its job."""
    if _this is None:
        yield
        return
    _show(job)
    try:
        yield
    finally:
        _show(None)


def beat_until(stop: threading.Event) -> None:
    """Say that this worker lives until `stop` is set: a thread of its own, since all else waits.

    The other threads delete garbage of weeks, or wait for receivers of webhooks.
    """
    while not stop.wait(heartbeat_seconds()):
        close_old_connections()
        try:
            beat()
        except DatabaseError:
            # A database that restarts must not end the heartbeat for ever.
            logger.warning("the heartbeat of this worker was not written", exc_info=True)
    connection.close()


def beat() -> None:
    """Write the time into the row of this worker; make the row again if others thought it dead."""
    worker = _this
    if worker is None:
        return
    worker.heartbeat_at = timezone.now()
    if not Worker.objects.filter(pk=worker.pk).update(heartbeat_at=worker.heartbeat_at):
        worker.save(force_insert=True)


def living_workers(now: datetime | None = None) -> WorkerQuerySet:
    """Return the workers that were heard of in the time of a lease."""
    return Worker.objects.alive((now or timezone.now()) - lease_time())


def is_alive(worker: Worker) -> bool:
    """Say whether a worker was heard of in the time of a lease."""
    return worker.heartbeat_at >= timezone.now() - lease_time()


def state_of_workers() -> str:
    """Return `ok`, `behind` (jobs wait for over two minutes) or `none` (nobody runs any)."""
    now = timezone.now()
    if not living_workers(now).exists():
        return "none"
    return "behind" if Job.objects.waiting(now - BEHIND_AFTER).exists() else "ok"


def forget_dead_workers() -> int:
    """Delete the rows of workers that died some time ago; return how many."""
    return Worker.objects.exclude(
        heartbeat_at__gte=timezone.now() - max(DEAD_WORKERS_KEPT, 2 * lease_time())
    ).delete()[0]


def _show(job: Job | None) -> None:
    worker = _this
    if worker is not None:
        worker.job, worker.heartbeat_at = job, timezone.now()
        Worker.objects.filter(pk=worker.pk).update(job=job, heartbeat_at=worker.heartbeat_at)

"""The worker: runs jobs one after the other."""

from __future__ import annotations

import logging
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections, connection
from django_tasks_db.management.commands.db_worker import Command as QueueCommand
from django_tasks_db.management.commands.db_worker import Worker as QueueWorker

from datasets_app.actions.cleanup import (
    drop_old_jobs,
    drop_old_keys,
    drop_old_tasks,
    drop_unfinished_change_sets,
)
from datasets_app.jobs.queue import reap
from datasets_app.jobs.stopping import ask_to_stop
from datasets_app.jobs.timing import look_seconds
from datasets_app.jobs.workers import beat_until, forget_dead_workers, leave, register_worker
from datasets_app.webhooks.delivering import deliver_due, deliver_until, drop_old_deliveries
from people_app.sealing import seal_events

logger = logging.getLogger(__name__)

_SEAL_SECONDS = 60
_CLEAN_SECONDS = 3_600


class Command(BaseCommand):
    """The worker of the task queue, and the reaper of jobs whose worker died."""

    help = (
        "Run queued jobs until stopped; take up jobs whose worker died. "
        "Told to stop (SIGTERM, Ctrl-C), a worker hands its job back within seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--interval", type=float, default=0.2, help="seconds between looks")
        parser.add_argument("--batch", action="store_true", help="end when nothing waits")

    def handle(self, *, interval: float, batch: bool, verbosity: int, **options: Any) -> None:
        import datasets_app.jobs.running  # noqa: F401  (kernels and formats load before the first job)

        worker = register_worker()
        stop = threading.Event()
        threads = [
            threading.Thread(target=target, args=(stop,), name=target.__name__, daemon=True)
            for target in (beat_until, _look_after, deliver_until)
        ]
        QueueCommand().configure_logging(verbosity)
        runner = _Runner(
            queue_names=["default"],
            excluded_queue_names=[],
            backend_name="default",
            interval=interval,
            batch=batch,
            startup_delay=False,
            max_tasks=None,
            worker_id=worker.name[-64:],
        )
        runner.configure_signals()
        try:
            reap()
            for thread in threads:
                thread.start()
            runner.run()
        finally:
            stop.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            leave()
        if batch:
            deliver_due()
            seal_events()


class _Runner(QueueWorker):  # type: ignore[misc]  # django-tasks-db has no types
    """The loop of the task queue, which leaves its job when it is told to stop."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Have the present job handed back; a second signal ends the process here and now."""
        if self.running and self.running_task:
            ask_to_stop()
        super().shutdown(signum, frame)


def _look_after(stop: threading.Event) -> None:
    """Look after jobs, workers, the audit log and what is left over, until `stop` is set."""
    cleaned_at = sealed_at = float("-inf")
    while not stop.wait(look_seconds()):
        close_old_connections()
        try:
            reap()
            forget_dead_workers()
            if time.monotonic() - sealed_at > _SEAL_SECONDS:
                seal_events()
                sealed_at = time.monotonic()
            if time.monotonic() - cleaned_at > _CLEAN_SECONDS:
                _clean_up()
                cleaned_at = time.monotonic()
        except DatabaseError:
            # A database that restarts must not leave jobs to their dead workers for ever.
            logger.warning("the look for abandoned jobs failed", exc_info=True)
    connection.close()


def _clean_up() -> None:
    drop_unfinished_change_sets()
    drop_old_keys()
    drop_old_deliveries()
    drop_old_jobs()
    drop_old_tasks()

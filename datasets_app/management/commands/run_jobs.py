"""The worker: runs jobs one after the other."""

import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from datasets_app.actions.cleanup import drop_old_keys, drop_unfinished_change_sets
from datasets_app.jobs.queue import reap
from datasets_app.webhooks.delivering import deliver_due, deliver_until, drop_old_deliveries
from people_app.sealing import seal_events

_REAP_SECONDS = 10
_SEAL_SECONDS = 60
_CLEAN_SECONDS = 3_600


class Command(BaseCommand):
    """The worker of the task queue, and the reaper of jobs whose worker died."""

    help = "Run queued jobs until stopped; take up jobs whose worker died"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--interval", type=float, default=0.2, help="seconds between looks")
        parser.add_argument("--batch", action="store_true", help="end when nothing waits")

    def handle(self, *, interval: float, batch: bool, verbosity: int, **options: Any) -> None:
        import datasets_app.jobs.running  # noqa: F401  (kernels and formats load before the first job)

        reap()
        stop = threading.Event()
        reaper = threading.Thread(target=_reap_until, args=(stop,), name="reaper", daemon=True)
        reaper.start()
        courier = threading.Thread(target=deliver_until, args=(stop,), name="courier", daemon=True)
        courier.start()
        try:
            call_command(
                "db_worker", interval=interval, batch=batch, reload=False,
                startup_delay=False, verbosity=verbosity,
            )  # fmt: skip
        finally:
            stop.set()
            reaper.join()
            courier.join()
        if batch:
            deliver_due()
            seal_events()


def _reap_until(stop: threading.Event) -> None:
    cleaned_at = sealed_at = float("-inf")
    while not stop.wait(_REAP_SECONDS):
        close_old_connections()
        reap()
        if time.monotonic() - sealed_at > _SEAL_SECONDS:
            seal_events()
            sealed_at = time.monotonic()
        if time.monotonic() - cleaned_at > _CLEAN_SECONDS:
            drop_unfinished_change_sets()
            drop_old_keys()
            drop_old_deliveries()
            cleaned_at = time.monotonic()
    close_old_connections()

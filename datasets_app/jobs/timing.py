"""How long a worker may be silent. Everything follows from one setting, the length of a lease."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

# Over two minutes a person has begun to wonder.
BEHIND_AFTER = timedelta(minutes=2)
# Time enough for an operator to see in the list who died.
DEAD_WORKERS_KEPT = timedelta(minutes=10)


def lease_time() -> timedelta:
    """Return how long a worker may be silent before its job is given to another."""
    return timedelta(seconds=settings.TESSERA_JOB_LEASE_SECONDS)


def heartbeat_seconds() -> float:
    """Return how often a worker says that it lives: five heartbeats may get lost."""
    return settings.TESSERA_JOB_LEASE_SECONDS / 6


def look_seconds() -> float:
    """Return how often a worker looks for jobs whose worker died."""
    return settings.TESSERA_JOB_LEASE_SECONDS / 3


def stranded_before() -> datetime:
    """Return since when an idle worker should have taken up a job that it was told of."""
    return timezone.now() - 2 * lease_time()

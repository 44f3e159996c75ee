"""How fast a job is, and how long it will take: from what its row keeps, or not known.

A job has phases, each with units of its own (photographs hashed, then pairs compared). `marks`
are some moments of the present phase with what was done by then; the rate is that from the
oldest of them to the last progress, so it is smoothed over half a minute and forgets what came
before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from datasets_app.models.job import Job, JobState

WINDOW_SECONDS = 30.0
# Of less one would only learn how fast the first unit was.
_LEAST_SECONDS = 1.0
_SECONDS_BETWEEN_MARKS = 2.0

Mark = Sequence[float]  # (seconds since 1970, units done), as JSON has it


def add_mark(marks: Sequence[Mark], at: datetime, done: int) -> list[Mark]:
    """Return the marks of a phase after some progress: those of the window, and one before it."""
    now = at.timestamp()
    if marks and now - marks[-1][0] < _SECONDS_BETWEEN_MARKS:
        return list(marks)
    kept = [*marks, (round(now, 3), done)]
    while len(kept) > 2 and kept[1][0] <= now - WINDOW_SECONDS:
        kept.pop(0)
    return kept


def rate_of(job: Job, now: datetime | None = None) -> float | None:
    """Return how many units a second a job does, None where that is not known.

    It is not known of a job that does not run, or whose worker is silent; in the first second of
    a phase; and when nothing was heard for longer than what was measured.
    """
    now = now or timezone.now()
    if job.state != JobState.RUNNING or not job.marks or job.progressed_at is None:
        return None
    if job.lease_expires_at is None or job.lease_expires_at <= now:
        return None
    since, done_by_then = job.marks[0]
    measured = job.progressed_at.timestamp() - since
    silent = (now - job.progressed_at).total_seconds()
    if measured < _LEAST_SECONDS or silent > max(measured, WINDOW_SECONDS):
        return None
    return (job.done - done_by_then) / measured


def seconds_left(job: Job, now: datetime | None = None) -> int | None:
    """Return how long the present phase of a job will take, None where that is not known."""
    now = now or timezone.now()
    rate = rate_of(job, now)
    if not rate or job.progressed_at is None or job.total is None or job.cancel_requested:
        return None
    left = (job.total - job.done) / rate - (now - job.progressed_at).total_seconds()
    return max(0, round(left))

"""Run one job under a lease, with a heartbeat."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

import datasets_app.jobs.handlers  # noqa: F401  (registers every kind)
from datasets_app.jobs.errors import JobCancelled, LeaseLost
from datasets_app.jobs.kinds import get_handler
from datasets_app.models.job import Job, JobState
from panoptic.errors import PanopticError
from people_app.audit import record
from store_app.crash import crash_point
from store_app.errors import TesseraError

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
_HEARTBEAT_SECONDS = 5
_PROGRESS_SECONDS = 0.5


def run_job(job_id: str) -> None:
    """Run a job unless it is settled or held by a living worker; never raises its errors."""
    job = _take_lease(job_id)
    if job is None:
        return
    try:
        with _heartbeat(job):
            result = get_handler(job.kind)(job, JobProgress(job))
        crash_point("job_before_result")
        _settle(job, JobState.DONE, result=result)
    except JobCancelled:
        _settle(job, JobState.CANCELLED)
    except LeaseLost:
        logger.warning("job %s was taken over by another worker", job.pk)
    except (TesseraError, PanopticError) as error:
        _settle(job, JobState.FAILED, problem=describe(error))
    except Exception:
        logger.exception("job %s failed", job.pk)
        problem = {"code": "internal_error", "detail": "the job failed; see the worker's log"}
        _settle(job, JobState.FAILED, problem=problem)


class JobProgress:
    """Progress that is written to the job's row, at most twice a second."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._written_at = 0.0

    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        now = time.monotonic()
        if now - self._written_at < _PROGRESS_SECONDS and done != total:
            return
        self._written_at = now
        held = Job.objects.filter(pk=self._job.pk, lease=self._job.lease, state=JobState.RUNNING)
        if not held.update(done=done, total=total, message=message[:500]):
            raise LeaseLost(str(self._job.pk))
        crash_point("job_progress")
        if held.filter(cancel_requested=True).exists():
            raise JobCancelled(str(self._job.pk))


def describe(error: Exception) -> dict[str, Any]:
    """Return an error as the problem of a job: its code, its sentence, its list."""
    problem: dict[str, Any] = {
        "code": getattr(error, "code", "error"),
        "detail": str(error),
    }
    errors = getattr(error, "errors", None)
    if errors:
        problem["errors"] = list(errors)
    return problem


@transaction.atomic
def _take_lease(job_id: str) -> Job | None:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    now = timezone.now()
    if job is None or job.is_settled:
        return None
    if job.state == JobState.RUNNING and job.lease_expires_at and job.lease_expires_at > now:
        return None
    job.state = JobState.RUNNING
    job.lease += 1
    job.lease_expires_at = now + timedelta(seconds=LEASE_SECONDS)
    job.started_at = now
    job.done = 0
    job.save(update_fields=["state", "lease", "lease_expires_at", "started_at", "done"])
    return job


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Renew the lease from a thread while the work runs."""
    stop = threading.Event()

    def beat() -> None:
        try:
            while not stop.wait(_HEARTBEAT_SECONDS):
                Job.objects.filter(pk=job.pk, lease=job.lease).update(
                    lease_expires_at=timezone.now() + timedelta(seconds=LEASE_SECONDS)
                )
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@transaction.atomic
def _settle(job: Job, state: JobState, *, result: Any = None, problem: Any = None) -> None:
    published = Job.objects.filter(pk=job.pk, lease=job.lease, state=JobState.RUNNING).update(
        state=state, result=result, problem=problem, finished_at=timezone.now()
    )
    if not published:
        logger.warning("job %s: its lease was lost, the result is not published", job.pk)
        return
    record(None, "job.finished", job, kind=job.kind, state=state)

"""Run one job under a lease, with a heartbeat."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

import datasets_app.jobs.handlers  # noqa: F401  (registers every kind)
from datasets_app.jobs.errors import JobCancelled, LeaseLost
from datasets_app.jobs.kinds import get_handler
from datasets_app.jobs.log import LineWriter, drop_old_lines, problem_lines, write_line
from datasets_app.jobs.pace import add_mark
from datasets_app.jobs.queue import context_of, hand_back, start_again
from datasets_app.jobs.stopping import (
    WorkerStopping,
    interruptible,
    is_stopping,
    raise_if_stopping,
)
from datasets_app.jobs.timing import heartbeat_seconds, lease_time
from datasets_app.jobs.workers import busy_with, label_of, this_worker
from datasets_app.models.job import Job, JobState
from datasets_app.models.job_line import Level
from panoptic.errors import PanopticError
from people_app.audit import record
from people_app.request_context import resumed
from store_app.crash import crash_point
from store_app.errors import TesseraError

logger = logging.getLogger(__name__)

_PROGRESS_SECONDS = 0.5
# How often the log says how far the work is; a phase that begins is told in any case.
_SECONDS_BETWEEN_LINES = 10.0


def run_job(job_id: str) -> None:
    """Run a job unless it is settled or held by a living worker; never raises its errors."""
    if is_stopping():
        start_again(job_id)  # this worker has its task from the queue, and will not do it
        return
    job = _take_lease(job_id)
    if job is None:
        return
    with resumed(context_of(job)), busy_with(job):
        _run(job)


def _run(job: Job) -> None:
    lines = LineWriter(job)
    try:
        with _heartbeat(job), interruptible():
            result = get_handler(job.kind)(job, JobProgress(job, lines))
        crash_point("job_before_result")
        _settle(job, JobState.DONE, lines, result=result)
        crash_point("job_after_result")
    except JobCancelled:
        _settle(job, JobState.CANCELLED, lines)
    except LeaseLost:
        logger.warning("job %s was taken over by another worker", job.pk)
    except (TesseraError, PanopticError) as error:
        _settle(job, JobState.FAILED, lines, problem=describe(error))
    except WorkerStopping:
        hand_back(job)
    except (SystemExit, KeyboardInterrupt):
        hand_back(job)
        raise
    except Exception:
        if is_stopping():
            # Ctrl-C reaches the processes that compute, too: they are gone, the work is not bad.
            hand_back(job)
            return
        logger.exception("job %s failed", job.pk)
        problem = {"code": "internal_error", "detail": "the job failed; see the worker's log"}
        _settle(job, JobState.FAILED, lines, problem=problem)


class JobProgress:
    """Progress that is written to the job's row, at most twice a second, with its log.

    Units are counted by phase: a phase begins where fewer are done than before, or where the
    message changes together with the total.
    """

    def __init__(self, job: Job, lines: LineWriter | None = None) -> None:
        self._job = job
        self._lines = lines or LineWriter(job)
        self._written_at = self._told_at = float("-inf")
        self._last: tuple[int, int | None, str] | None = None
        self._marks = list(job.marks)

    def __call__(self, done: int, total: int | None = None, message: str = "") -> None:
        raise_if_stopping()
        now = time.monotonic()
        begins = self._begins_phase(done, total, message)
        self._last = (done, total, message)
        if begins:
            self._marks = []
        if begins or now - self._told_at >= _SECONDS_BETWEEN_LINES:
            self._told_at = now
            self._lines.add(_told(done, total, message))
        if now - self._written_at < _PROGRESS_SECONDS and done != total:
            return
        self._written_at = now
        self._write(done, total, message)

    def _begins_phase(self, done: int, total: int | None, message: str) -> bool:
        if self._last is None:
            return True
        done_before, total_before, message_before = self._last
        return done < done_before or (total != total_before and message != message_before)

    def _write(self, done: int, total: int | None, message: str) -> None:
        at = timezone.now()
        self._marks = add_mark(self._marks, at, done)
        held = Job.objects.filter(pk=self._job.pk, lease=self._job.lease, state=JobState.RUNNING)
        written = held.update(
            done=done,
            total=total,
            message=message[:500],
            marks=self._marks,
            progressed_at=at,
        )
        if not written:
            raise LeaseLost(str(self._job.pk))
        self._lines.flush()
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
    job.lease_expires_at = now + lease_time()
    job.worker = this_worker()
    job.started_at = now
    job.done, job.total, job.message = 0, None, ""
    job.marks, job.progressed_at = [], None
    job.save()
    attempt = f", attempt {job.lease}" if job.lease > 1 else ""
    write_line(job, f"taken by {label_of(job.worker)}{attempt}")
    return job


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    """Renew the lease from a thread while the work runs."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(heartbeat_seconds()):
            try:
                Job.objects.filter(pk=job.pk, lease=job.lease, state=JobState.RUNNING).update(
                    lease_expires_at=timezone.now() + lease_time()
                )
            except DatabaseError:
                # The next one may get through; if none does, another worker takes over.
                logger.warning("job %s: its lease was not renewed", job.pk, exc_info=True)
                connection.close()
        connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@transaction.atomic
def _settle(
    job: Job,
    state: JobState,
    lines: LineWriter,
    *,
    result: Any = None,
    problem: Any = None,
) -> None:
    """Publish how a job ended, unless another worker holds it."""
    published = Job.objects.filter(pk=job.pk, lease=job.lease, state=JobState.RUNNING).update(
        state=state, result=result, problem=problem, finished_at=timezone.now()
    )
    if not published:
        logger.warning("job %s: its lease was lost, the result is not published", job.pk)
        return
    for message, level in _last_lines(state, result, problem):
        lines.add(message, level)
    lines.flush()
    drop_old_lines(job.pk)
    record(job.requested_by, "job.finished", job, kind=job.kind, state=state)


def _told(done: int, total: int | None, message: str) -> str:
    counted = f"{done:,}" if total is None else f"{done:,} of {total:,}"
    return f"{counted} {message}".rstrip()


def _last_lines(state: JobState, result: Any, problem: Any) -> Iterator[tuple[str, Level]]:
    found = (result or {}).get("problems") or (problem or {}).get("errors") or ()
    yield from problem_lines(found)
    if state == JobState.FAILED:
        yield f"failed: {(problem or {}).get('detail', '')}", Level.ERROR
    else:
        yield str(state.value), Level.INFO if state == JobState.DONE else Level.WARNING

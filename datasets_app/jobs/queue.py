"""Ask for a job, cancel one, try one again, and take up those whose worker died."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from datasets_app.jobs.asking import AskedOnce, KeyTaken, find_asked, note_asked
from datasets_app.jobs.errors import NotRetriable, UploadExpired
from datasets_app.jobs.log import write_line
from datasets_app.jobs.tasks import run_job_task
from datasets_app.jobs.timing import stranded_before
from datasets_app.jobs.workers import label_of, living_workers
from datasets_app.models import Job, JobState, Level
from people_app.audit import record
from people_app.request_context import RequestContext, current_request, resumed
from store_app.blobs import touch_blobs

# So many workers may die at a job before it is given up.
MAX_ATTEMPTS = 3


def enqueue(
    kind: str,
    arguments: dict[str, Any],
    *,
    actor: Any,
    dataset: Any = None,
    idempotency_key: str | None = None,
    once: AskedOnce | None = None,
    again: bool = False,
) -> Job:
    """Ask for a job.

    Parameters
    ----------
    idempotency_key
        What the job is about: the same key finds the job that anybody asked for before.
    once
        The key of a client's request: sent again, it finds the job that it asked for.
    again
        A job with this `idempotency_key` that failed or was cancelled is done again; else it
        is found as it is.

    Raises
    ------
    KeyReused
        The client's key came with another body before.
    """
    found = find_asked(once)
    if found is not None:
        return found
    values = {
        "kind": kind,
        "arguments": arguments,
        "requested_by": actor,
        "dataset": dataset,
        "idempotency_key": idempotency_key,
        **_context_values(),
    }
    try:
        with transaction.atomic():
            job = _find_or_create(values, again=again, actor=actor)
            note_asked(once, job)
    except KeyTaken:
        found = find_asked(once)
        assert found is not None  # it was seen by the constraint, so it was committed
        return found
    return job


@transaction.atomic
def cancel(job: Job, *, actor: Any) -> Job:
    """Ask a job to stop: at once if it waits, at its next step if it runs."""
    job = Job.objects.select_for_update().get(pk=job.pk)
    if job.is_settled or job.cancel_requested:
        return job
    job.cancel_requested = True
    if job.state == JobState.QUEUED:
        job.state = JobState.CANCELLED
        job.finished_at = timezone.now()
    job.save(update_fields=["cancel_requested", "state", "finished_at"])
    verb = "cancelled" if job.state == JobState.CANCELLED else "asked to stop"
    write_line(job, f"{verb} by {_name_of(actor)}", Level.WARNING)
    record(actor, "job.cancelled", job)
    return job


@transaction.atomic
def retry(job: Job, *, actor: Any) -> Job:
    """Queue a job again that failed or was cancelled: the same row, so that all who refer to it,
    and every key that leads to it, find the new try.

    What it did before is found by it, as after the death of a worker; the leases go on
    counting, so a worker of the last try that was thought dead publishes nothing.

    Raises
    ------
    NotRetriable
        It waits, runs or is done.
    UploadExpired
        What it was to read is not kept any more.
    """
    job = Job.objects.select_for_update().get(pk=job.pk)
    if not job.can_be_retried:
        raise NotRetriable(str(job.pk), job.state)
    upload = job.arguments.get("upload")
    if upload is not None and touch_blobs([bytes.fromhex(upload)]):
        raise UploadExpired(str(job.pk))
    _queue_again(job, actor)
    return job


def reap() -> list[Job]:
    """Queue the jobs again whose worker died; give up on those that kill workers.

    Jobs that the task queue lost are given to it again, if a worker has nothing to do: where
    all are busy, waiting is no loss.
    """
    taken = []
    for candidate in _candidates():
        with transaction.atomic():
            job = Job.objects.select_for_update().get(pk=candidate.pk)
            if (job.state, job.lease, job.lease_expires_at, job.sent_at) == (
                candidate.state,
                candidate.lease,
                candidate.lease_expires_at,
                candidate.sent_at,
            ):  # no other worker was quicker, and the silent one stays silent
                _take_up(job)
                taken.append(job)
    return taken


def start_again(job_id: str) -> None:
    """Tell the task queue of a job once more: who took its task does not do it."""
    Job.objects.filter(pk=job_id).update(sent_at=timezone.now())
    run_job_task.enqueue(job_id)


def hand_back(job: Job) -> None:
    """Queue a job again whose worker leaves it undone; no death is counted.

    Nothing happens if another worker holds it meanwhile.
    """
    with transaction.atomic():
        held = Job.objects.select_for_update().filter(
            pk=job.pk, lease=job.lease, state=JobState.RUNNING
        )
        for job in held:
            write_line(job, f"handed back by {label_of(job.worker)}, which was told to stop")
            job.forgiven_leases += 1
            if job.cancel_requested:
                _end(job, JobState.CANCELLED)
            else:
                _queue(job)


def context_of(job: Job) -> RequestContext:
    """Return the request that asked for a job, for what is recorded while it runs."""
    return RequestContext(
        request_id=job.request_id,
        address=job.address,
        token_id=job.token_id,
        token_name=job.token_name,
        job_id=str(job.pk),
    )


def _context_values() -> dict[str, str]:
    request = current_request()
    return {
        "request_id": request.request_id,
        "address": request.address,
        "token_id": request.token_id,
        "token_name": request.token_name,
    }


def _find_or_create(values: dict[str, Any], *, again: bool, actor: Any) -> Job:
    key = values["idempotency_key"]
    if key is None:
        job = Job.objects.create(**values)
    else:
        try:
            with transaction.atomic():
                job = Job.objects.create(**values)
        except IntegrityError:
            found = Job.objects.select_for_update().get(idempotency_key=key)
            if again and found.can_be_retried:
                _queue_again(found, actor)
            return found
    write_line(job, "queued")
    record(actor, "job.enqueued", job, kind=job.kind)
    _start(job)
    return job


def _candidates() -> Iterator[Job]:
    yield from Job.objects.abandoned(timezone.now())
    workers = living_workers()
    if not workers.exists() or workers.filter(job=None).exists():
        yield from Job.objects.stranded(stranded_before())


def _take_up(job: Job) -> None:
    """Deal with a locked job whose worker died, or whose task was lost."""
    if job.state == JobState.QUEUED:
        job.sent_at = timezone.now()
        job.save(update_fields=["sent_at"])
        _start(job)
        return
    deaths = job.lease - job.forgiven_leases
    if deaths < MAX_ATTEMPTS:
        write_line(job, f"{label_of(job.worker)} died; waiting for another", Level.WARNING)
        _queue(job)
        return
    job.problem = {
        "code": "worker_lost",
        "detail": f"{deaths} workers died while they ran this job",
    }
    write_line(job, f"failed: {job.problem['detail']}", Level.ERROR)
    _end(job, JobState.FAILED)


def _queue_again(job: Job, actor: Any) -> None:
    """Let a locked, settled job begin anew."""
    job.retries += 1
    job.forgiven_leases = job.lease
    job.cancel_requested = False
    job.problem = job.result = None
    if actor is not None and job.requested_by_id == actor.pk:
        # What it does from now on was asked for from here. Where somebody else asked, the
        # events of the work still tell of the one in whose name it is done.
        for name, value in _context_values().items():
            setattr(job, name, value)
    write_line(job, f"queued again by {_name_of(actor)}")
    record(actor, "job.retried", job, kind=job.kind, retries=job.retries)
    _queue(job)


def _queue(job: Job) -> None:
    """Let a locked job wait for a worker."""
    job.state, job.queued_at = JobState.QUEUED, timezone.now()
    job.sent_at, job.lease_expires_at, job.finished_at = job.queued_at, None, None
    job.done, job.total, job.message = 0, None, ""
    job.marks, job.progressed_at = [], None
    job.save()
    _start(job)


def _end(job: Job, state: JobState) -> None:
    """Settle a locked job that no worker is to take up any more."""
    job.state, job.finished_at = state, timezone.now()
    job.save()
    with resumed(context_of(job)):
        record(job.requested_by, "job.finished", job, kind=job.kind, state=job.state)


def _name_of(actor: Any) -> str:
    return actor.get_username() if actor is not None and actor.pk else "the service"


def _start(job: Job) -> None:
    # A worker must not look for the row before it is there.
    transaction.on_commit(lambda: run_job_task.enqueue(str(job.pk)))

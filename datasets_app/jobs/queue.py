"""Ask for a job, cancel one, and take up those whose worker died."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from datasets_app.jobs.tasks import run_job_task
from datasets_app.models.job import SETTLED, Job, JobState
from people_app.audit import record

MAX_ATTEMPTS = 3
_STRANDED_AFTER = timedelta(seconds=60)


@transaction.atomic
def enqueue(
    kind: str,
    arguments: dict[str, Any],
    *,
    actor: Any,
    dataset: Any = None,
    idempotency_key: str | None = None,
) -> Job:
    """Ask for a job; the same key finds the job that was asked for before."""
    values = {
        "kind": kind,
        "arguments": arguments,
        "requested_by": actor,
        "dataset": dataset,
        "idempotency_key": idempotency_key,
    }
    if idempotency_key is None:
        job = Job.objects.create(**values)
    else:
        try:
            with transaction.atomic():
                job = Job.objects.create(**values)
        except IntegrityError:
            return Job.objects.get(idempotency_key=idempotency_key)
    record(actor, "job.enqueued", job, kind=kind)
    _start(job)
    return job


@transaction.atomic
def cancel(job: Job, *, actor: Any) -> Job:
    """Ask a job to stop: at once if it waits, at its next step if it runs."""
    job = Job.objects.select_for_update().get(pk=job.pk)
    if job.state in SETTLED:
        return job
    job.cancel_requested = True
    if job.state == JobState.QUEUED:
        job.state = JobState.CANCELLED
        job.finished_at = timezone.now()
    job.save(update_fields=["cancel_requested", "state", "finished_at"])
    record(actor, "job.cancelled", job)
    return job


def reap() -> list[Job]:
    """Queue the jobs again whose worker died; give up on those that kill workers."""
    now = timezone.now()
    taken = []
    candidates = [*Job.objects.abandoned(now), *Job.objects.stranded(now - _STRANDED_AFTER)]
    for candidate in candidates:
        with transaction.atomic():
            job = Job.objects.select_for_update().get(pk=candidate.pk)
            if (job.state, job.lease) != (candidate.state, candidate.lease):
                continue  # another worker was quicker
            if job.lease >= MAX_ATTEMPTS:
                job.state, job.finished_at = JobState.FAILED, now
                job.problem = {
                    "code": "worker_lost",
                    "detail": f"{job.lease} workers died while they ran this job",
                }
            else:
                job.state, job.queued_at = JobState.QUEUED, now
                _start(job)
            job.save(update_fields=["state", "finished_at", "problem", "queued_at"])
            if job.state == JobState.FAILED:
                record(None, "job.finished", job, kind=job.kind, state=job.state)
            taken.append(job)
    return taken


def _start(job: Job) -> None:
    # A worker must not look for the row before it is there.
    transaction.on_commit(lambda: run_job_task.enqueue(str(job.pk)))

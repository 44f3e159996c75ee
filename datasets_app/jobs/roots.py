"""What jobs keep alive: uploads that wait to be imported, exports that can be downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from datasets_app.models import Job, JobState
from store_app.roots import Reference, register_roots

EXPORTS_KEPT = timedelta(days=30)
# So long may a job that failed or was cancelled be tried again.
UPLOADS_KEPT = timedelta(days=7)


def register() -> None:
    """Tell the store what is in use."""
    register_roots("jobs", iter_references)


def iter_references() -> Iterator[Reference]:
    """Yield the uploads that are or may be read, and the results of the last 30 days."""
    now = timezone.now()
    alive = (
        Q(state__in=(JobState.QUEUED, JobState.RUNNING))
        | Q(state=JobState.DONE, finished_at__gt=now - EXPORTS_KEPT)
        | Q(state__in=(JobState.FAILED, JobState.CANCELLED), finished_at__gt=now - UPLOADS_KEPT)
    )
    for job in Job.objects.filter(alive).order_by().iterator():
        yield from references_of(job)


def references_of(job: Job) -> Iterator[Reference]:
    """Yield what one job keeps alive: nothing, or the file that it reads or has written."""
    if job.state == JobState.DONE:
        digest, what, kept = (job.result or {}).get("digest"), "export", EXPORTS_KEPT
    else:
        digest, what, kept = job.arguments.get("upload"), "upload", UPLOADS_KEPT
    is_over = job.finished_at is not None and job.finished_at <= timezone.now() - kept
    if digest is not None and not is_over:
        yield Reference(bytes.fromhex(digest), f"job {job.pk}", what)

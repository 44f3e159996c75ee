"""What jobs keep alive: uploads that wait to be imported, exports that can be downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from datasets_app.models import Job, JobState
from store_app.roots import Reference, register_roots

EXPORTS_KEPT = timedelta(days=30)


def register() -> None:
    """Tell the store what is in use."""
    register_roots("jobs", iter_references)


def iter_references() -> Iterator[Reference]:
    """Yield the uploads of jobs that are not settled and the results of the last 30 days."""
    waiting = Job.objects.filter(state__in=(JobState.QUEUED, JobState.RUNNING))
    for job in waiting.iterator():
        if "upload" in job.arguments:
            yield Reference(bytes.fromhex(job.arguments["upload"]), f"job {job.pk}", "upload")
    finished = Job.objects.filter(
        state=JobState.DONE, finished_at__gt=timezone.now() - EXPORTS_KEPT
    )
    for job in finished.iterator():
        if "digest" in (job.result or {}):
            yield Reference(bytes.fromhex(job.result["digest"]), f"job {job.pk}", "export")

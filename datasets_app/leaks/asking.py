"""Reports of leaks: kept, made when asked for, by a job."""

from __future__ import annotations

from typing import Any

import orjson
from django.db import transaction

from datasets_app.bulk import insert_rows
from datasets_app.jobs.asking import AskedOnce
from datasets_app.jobs.kinds import Progress, job_kind, silent
from datasets_app.jobs.queue import enqueue
from datasets_app.leaks.finding import find_leaks
from datasets_app.leaks.request import LeakRequest
from datasets_app.models import Job, JobState, Version
from datasets_app.models.leak_report import Leak, LeakReport

JOB_KIND = "leaks"


def find_report(version: Version, request: LeakRequest) -> LeakReport | None:
    """Return the report of a version, ready or being made; None if nobody asked for it."""
    found = LeakReport.objects.filter(version=version, key=request.digest)
    return found.select_related("job").first()


def request_report(
    version: Version, request: LeakRequest, *, actor: Any, once: AskedOnce | None = None
) -> LeakReport:
    """Return the report of a version; ask for a job if there is none, or none on its way.

    One for which the store could not give all photographs is made again.
    """
    found = find_report(version, request)
    if found is not None and (_is_whole(found) or _is_under_way(found.job)):
        return found
    with transaction.atomic():
        report, _ = LeakReport.objects.get_or_create(version=version, key=request.digest)
        report.job = enqueue(
            JOB_KIND,
            {"version": version.pk, "request": request.to_plain()},
            actor=actor,
            dataset=version.dataset,
            once=once,
        )
        report.save(update_fields=["job"])
    # Where the queue works at once, as in tests, it is ready already.
    report.refresh_from_db()
    return report


def make_report(version: Version, request: LeakRequest, progress: Progress = silent) -> LeakReport:
    """Find the leaks of a version and keep them."""
    found = find_leaks(version, request, progress)
    with transaction.atomic():
        # Another worker may do the same: whoever is last writes the same again.
        report, _ = LeakReport.objects.select_for_update().get_or_create(
            version=version, key=request.digest
        )
        Leak.objects.filter(report=report).delete()
        insert_rows(
            Leak,
            ("report_id", "position", *_COLUMNS),
            (
                (report.pk, position, *leak[:-1], orjson.dumps(leak.detail).decode())
                for position, leak in enumerate(found.leaks)
            ),
        )
        report.totals = found.totals
        report.save(update_fields=["totals"])
    return report


@job_kind(JOB_KIND)
def run_leaks_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Make a report."""
    version = Version.objects.select_related("dataset").get(pk=job.arguments["version"])
    request = LeakRequest.from_plain(job.arguments["request"])
    report = make_report(version, request, progress)
    return {"version": version.id_hex, "totals": report.totals}


_COLUMNS = ("kind", "group", "first_no", "second_no", "distance", "certainty", "detail")


def _is_whole(report: LeakReport) -> bool:
    return report.totals is not None and not report.totals["not_compared"]["lost"]


def _is_under_way(job: Job | None) -> bool:
    return job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)

"""The work of the machine: what runs, what waits, what came of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from datasets_app.models import Job

_JOBS_PER_PAGE = 50


@require_safe
def list_jobs(request: HttpRequest) -> HttpResponse:
    """Show the jobs that the user may see, newest first; `?after=TIME` goes on."""
    wanted = Job.objects.visible_to(request.user).select_related("dataset", "requested_by")
    after = _moment(request.GET.get("after", ""))
    if after is not None:
        wanted = wanted.filter(created_at__lt=after)
    found = list(wanted.order_by("-created_at", "-id")[: _JOBS_PER_PAGE + 1])
    jobs = found[:_JOBS_PER_PAGE]
    context = {
        "jobs": jobs,
        "is_moving": any(not job.is_settled for job in jobs),
        "following": jobs[-1].created_at.isoformat() if len(found) > len(jobs) else None,
    }
    template = "web/parts/job_table.html" if request.htmx else "web/jobs.html"
    return render(request, template, context)


@require_safe
def show_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Show one job; while it runs, htmx asks for its part of the page again and again."""
    job = (
        Job.objects.visible_to(request.user)
        .select_related("dataset", "requested_by")
        .filter(pk=job_id)
        .first()
    )
    if job is None:
        raise Http404("There is no such job, or it is not shared with you.")
    template = "web/parts/job_state.html" if request.htmx else "web/job.html"
    return render(request, template, {"job": job})


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None

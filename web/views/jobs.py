"""The work of the machine: what runs, what waits, what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from datasets_app.jobs.errors import JobError
from datasets_app.jobs.queue import cancel, retry
from datasets_app.jobs.rights import rights_on
from datasets_app.jobs.workers import is_alive
from datasets_app.models import Job, JobLine, Worker
from people_app.moments import parse_moment
from web.import_report import report_of
from web.job_filter import choices_of, count_at_work, read_filter
from web.job_words import asked_in_words, outcome_of

_JOBS_PER_PAGE = 50
_LINES_SHOWN = 100
_WORKERS_SHOWN = 100


@require_safe
def list_jobs(request: HttpRequest) -> HttpResponse:
    """Show the jobs that the user may see, newest first; `?after=TIME` goes on.

    `?mine=1`, `?dataset=`, `?kind=` and `?state=` narrow the list.
    """
    filter_ = read_filter(request.GET)
    visible = Job.objects.visible_to(request.user).select_related("dataset", "requested_by")
    wanted = filter_.apply(visible, request.user)
    after = parse_moment(request.GET.get("after", ""))
    if after is not None:
        wanted = wanted.filter(created_at__lt=after)
    found = list(wanted.order_by("-created_at", "-id")[: _JOBS_PER_PAGE + 1])
    jobs = found[:_JOBS_PER_PAGE]
    context: dict[str, Any] = {
        "jobs": jobs,
        "is_moving": any(not job.is_settled for job in jobs),
        "following": jobs[-1].created_at.isoformat() if len(found) > len(jobs) else None,
        "filter": filter_,
    }
    if request.htmx:
        return render(request, "web/parts/job_table.html", context)
    context |= choices_of(filter_, request.user)
    if request.user.is_superuser and after is None:
        workers = Worker.objects.select_related("job")[:_WORKERS_SHOWN]
        context["workers"] = [(worker, is_alive(worker)) for worker in workers]
    return render(request, "web/jobs.html", context)


@require_safe
def count_mine(request: HttpRequest) -> JsonResponse:
    """Say how many jobs of the user wait or run: every page's bar asks, after it is shown."""
    count = count_at_work(request.user)
    return JsonResponse({"at_work": count}, headers={"Cache-Control": "no-store"})


@require_safe
def show_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Show one job; while it runs, a script asks for its part of the page again and again."""
    job = _get_job(request, job_id)
    # The newest lines, in the order in which they were written.
    lines = list(JobLine.objects.filter(job=job).order_by("-id")[: _LINES_SHOWN + 1])
    context = {
        "job": job,
        "rights": rights_on(job, request.user),
        "asked": asked_in_words(job),
        "outcome": outcome_of(job),
        "report": report_of(job),
        "lines": lines[:_LINES_SHOWN][::-1],
        "has_older_lines": len(lines) > _LINES_SHOWN,
    }
    template = "web/parts/job_state.html" if request.htmx else "web/job.html"
    return render(request, template, context)


@require_POST
def cancel_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Ask a job to stop."""
    job = _get_job(request, job_id)
    if not rights_on(job, request.user).cancel:
        raise PermissionDenied
    job = cancel(job, actor=request.user)
    if not job.cancel_requested:
        messages.info(request, "It had ended before it could be cancelled.")
    return HttpResponseRedirect(reverse("web:job", args=[job.pk]))


@require_POST
def retry_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Queue a job again that failed or was cancelled."""
    job = _get_job(request, job_id)
    if not rights_on(job, request.user).retry:
        raise PermissionDenied
    try:
        retry(job, actor=request.user)
    except JobError as error:
        messages.error(request, f"It was not tried again: {error.message}.")
    return HttpResponseRedirect(reverse("web:job", args=[job.pk]))


def _get_job(request: HttpRequest, job_id: UUID) -> Job:
    visible = Job.objects.visible_to(request.user).select_related("dataset", "requested_by")
    job = visible.filter(pk=job_id).first()
    if job is None:
        raise Http404("There is no such job, or it is not shared with you.")
    return job

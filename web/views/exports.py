"""Versions as files: asking for them, and the list of those that are there."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.transfers import request_export
from datasets_app.errors import AmbiguousRevision, HistoryError, NotFound
from datasets_app.exports.files import EXPORT_KIND
from datasets_app.jobs.roots import EXPORTS_KEPT
from datasets_app.models import Branch, Dataset, Job, JobState, Version
from datasets_app.query_words import InvalidFilter
from datasets_app.revs import resolve
from panoptic.archives.packing import ARCHIVE_FORMS
from panoptic.errors import PanopticError
from panoptic.formats.losses import tell_losses
from panoptic.formats.options import InvalidOption
from panoptic.formats.registry import FORMATS
from people_app.moments import parse_moment
from web.export_forms import ExportForm, suggestions
from web.finding import get_dataset
from web.sentences import sentence

_EXPORTS_PER_PAGE = 30


class ExportRow(NamedTuple):
    """An export: its job, what was asked, and the file where it is done. `version` None: gone."""

    job: Job
    version: Version | None
    format: str
    asked: list[tuple[str, str]]
    result: dict[str, Any]
    is_kept: bool

    @property
    def losses(self) -> list[str]:
        """What the format did not carry."""
        return tell_losses(self.result.get("lost") or {})

    @property
    def kept_until(self) -> datetime | None:
        """When its file goes; None while there is none."""
        return self.job.finished_at + EXPORTS_KEPT if self.job.finished_at else None


@require_http_methods(["GET", "HEAD", "POST"])
def show_exports(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the exports of a dataset, newest first, and the form for another.

    `?version=`, `?format=` and `?filter=` fill the form; `?after=TIME` goes on in the list.
    """
    dataset = get_dataset(request, slug)
    if request.method == "POST" and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    given = {
        name: request.GET[name] for name in ("version", "format", "filter") if name in request.GET
    }
    posted = request.POST if request.method == "POST" else None
    form = ExportForm(posted, dataset=dataset, initial=given)
    if request.method == "POST" and form.is_valid():
        job = _ask(request, dataset, form)
        if job is not None:
            address = reverse("web:exports", args=[dataset.slug])
            return HttpResponseRedirect(f"{address}#export-{job.pk}")
    context = {"dataset": dataset, **_listed(request, dataset)}
    if request.htmx:
        return render(request, "web/parts/export_table.html", context)
    branch = (
        Branch.objects.filter(dataset=dataset, name=dataset.default_branch)
        .select_related("head__taxonomy_version")
        .first()
    )
    head = branch.head if branch else None
    context |= {"form": form, "head": head, "is_empty": head is None}
    context |= suggestions(dataset, head)
    return render(request, "web/exports.html", context, status=422 if form.errors else 200)


def _ask(request: HttpRequest, dataset: Dataset, form: ExportForm) -> Job | None:
    """Ask for what the form says; None where it is refused, and the form tells why."""
    values = form.cleaned_data
    asked_at = timezone.now()
    wanted = ExportRequest(values["format"], values["filter"], form.options)
    try:
        version = resolve(dataset, values["version"])
    except (NotFound, AmbiguousRevision) as error:
        form.add_error("version", sentence(error))
        return None
    try:
        job = request_export(
            version,
            wanted,
            actor=request.user,
            archive=values["archive"],
            taxonomy=values["taxonomy"],
        )
    except InvalidFilter as error:
        form.refuse_filter(error)
    except InvalidOption as error:
        form.refuse_option(error)
    except HistoryError as error:  # what the taxonomy is about is all that is left
        form.add_error("taxonomy", sentence(error))
    except PanopticError as error:
        form.add_error("format", sentence(error))
    else:
        is_found = job.created_at < asked_at
        found = "This export is there already: the same version, format, filter and options."
        messages.success(
            request,
            found
            if is_found
            else "It is in the list below, and can be downloaded once it is made.",
        )
        return job
    return None


def _listed(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Return the exports that the user may see; two queries."""
    wanted = Job.objects.visible_to(request.user).filter(dataset=dataset, kind=EXPORT_KIND)
    after = parse_moment(request.GET.get("after", ""))
    if after is not None:
        wanted = wanted.filter(created_at__lt=after)
    jobs = list(
        wanted.select_related("requested_by").order_by("-created_at", "-id")[
            : _EXPORTS_PER_PAGE + 1
        ]
    )
    shown = jobs[:_EXPORTS_PER_PAGE]
    ids = [bytes.fromhex(job.arguments["version"]) for job in shown]
    versions = Version.objects.filter(dataset=dataset, version_id__in=ids) if ids else ()
    by_id = {version.id_hex: version for version in versions}
    return {
        "exports": [_row(job, by_id.get(job.arguments["version"])) for job in shown],
        "is_moving": any(not job.is_settled for job in shown),
        "following": shown[-1].created_at.isoformat() if len(jobs) > len(shown) else None,
    }


def _row(job: Job, version: Version | None) -> ExportRow:
    arguments = job.arguments
    archive = arguments.get("archive", "")
    asked = [
        ("filter", arguments.get("filter", "")),
        *sorted((arguments.get("options") or {}).items()),
        ("archive", "" if archive == ARCHIVE_FORMS[0] else archive),
    ]
    known = FORMATS.get(arguments["format"])
    ended = job.finished_at
    is_kept = (
        job.state == JobState.DONE and ended is not None and (ended > timezone.now() - EXPORTS_KEPT)
    )
    return ExportRow(
        job,
        version,
        known.title if known else arguments["format"],
        [(name, value) for name, value in asked if value],
        job.result or {},
        is_kept,
    )

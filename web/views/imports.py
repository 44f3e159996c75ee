"""Files become a version: the page that takes a folder or an archive, and asks for the import."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.actions.transfers import IMPORT_KIND, request_import
from datasets_app.actions.uploads import completed_digest, get_upload
from datasets_app.jobs.asking import AskedOnce
from datasets_app.jobs.rights import rights_on
from datasets_app.models import Dataset, Job, VersionSplitStats
from panoptic.errors import PanopticError
from store_app.errors import ObjectErased, ObjectMissing, TesseraError
from store_app.upload_errors import UploadMissing
from store_app.uploads import PART_BYTES
from web.administering import frame_of
from web.finding import get_dataset
from web.import_forms import MODES, ImportForm, initial_of
from web.sentences import sentence

# What a browser sends at once: two parts of the store, for a request each costs more.
_PIECE_BYTES = 2 * PART_BYTES
_GONE = "These files are not kept any more: choose them again."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_files(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form of imports to annotators; a POST asks for one, whose job's page follows.

    `act` of a POST is try, which changes nothing, import, or as-tried: what the job `tried` was
    asked for, and now in earnest. `?tried=JOB` begins with the files and options of that job.
    """
    dataset = _get_dataset(request, slug)
    tried = _find_tried(request, dataset)
    if request.method == "POST" and request.POST.get("act") == "as-tried":
        if tried is None:
            raise Http404("There is no such trial, or it is not yours.")
        return _import_as_tried(request, dataset, tried)
    if request.method == "POST":
        form = ImportForm(request.POST, request.FILES, dataset=dataset)
        if _is_too_large(request):
            limit = settings.TESSERA_FORM_LIMIT_BYTES
            form.add_error("file", f"A form takes {limit // 2**20:,} MiB at most.")
        job = _ask(request, dataset, form, tried) if form.is_valid() else None
        if job is not None:
            return HttpResponseRedirect(reverse("web:job", args=[job.pk]))
    else:
        form = ImportForm(
            dataset=dataset,
            initial={**initial_of(tried.arguments), "tried": tried.pk} if tried else None,
        )
    return _show(request, dataset, form, tried)


def _show(
    request: HttpRequest, dataset: Dataset, form: ImportForm, tried: Job | None
) -> HttpResponse:
    splits = VersionSplitStats.objects.filter(
        version__dataset=dataset, version__number=dataset.next_version_number - 1
    )
    context = {
        **frame_of(dataset),
        "form": form,
        "tried": tried,
        "modes": [(mode.value, *words) for mode, words in MODES.items()],
        "mode": form["mode"].value(),
        "splits": [name for name in splits.values_list("split", flat=True)[:50] if name],
        "token": request.POST.get("token") or uuid4().hex,
        "piece_bytes": _PIECE_BYTES,
        "most_bytes": settings.TESSERA_UPLOAD_LIMIT_BYTES,
    }
    return render(request, "web/import.html", context, status=422 if form.errors else 200)


def _ask(request: HttpRequest, dataset: Dataset, form: ImportForm, tried: Job | None) -> Job | None:
    """Ask for what the form says; None where it is refused, and the form tells why."""
    values = form.cleaned_data
    options = {**form.options, "dry_run": request.POST.get("act") != "import"}
    try:
        source = _source_of(request, dataset, values, tried)
        if source is None:
            form.add_error("file", _GONE)
            return None
        once = _once_of(request, dataset, source, options)
        return request_import(dataset, source, options, actor=request.user, once=once)
    except (ObjectMissing, ObjectErased, UploadMissing):
        form.add_error("file", _GONE)
    except TesseraError as error:
        form.add_error("file", sentence(error))
    except PanopticError as error:
        form.add_error("format", sentence(error))
    return None


def _source_of(
    request: HttpRequest, dataset: Dataset, values: dict[str, Any], tried: Job | None
) -> Any:
    """Return what was sent: a file, or the digest of a blob; None where there is none.

    What was sent last counts: somebody who goes on from a trial may choose other files.
    """
    if values.get("file"):
        return values["file"]
    if values.get("upload"):
        # Those of others are theirs, also for admins here: a page has no use for them.
        upload = get_upload(dataset, values["upload"], sender=request.user)
        return completed_digest(upload, dataset, actor=request.user)
    return _digest_of(tried) if tried is not None else None


def _once_of(
    request: HttpRequest, dataset: Dataset, source: Any, options: dict[str, Any]
) -> AskedOnce | None:
    """Return what makes a form that is sent twice one import; None for files in the form."""
    token = request.POST.get("token", "")
    if not isinstance(source, bytes) or not 0 < len(token) <= 64 or not token.isalnum():
        return None
    said = json.dumps({**options, "source": source.hex()}, sort_keys=True)
    body = hashlib.sha256(said.encode()).digest()
    # The same form with other options is another request.
    return AskedOnce(request.user, dataset, IMPORT_KIND, f"web:{token}:{body.hex()}", body)


def _import_as_tried(request: HttpRequest, dataset: Dataset, tried: Job) -> HttpResponse:
    options = {name: value for name, value in tried.arguments.items() if name != "upload"}
    options["dry_run"] = False
    body = hashlib.sha256(str(tried.pk).encode()).digest()
    once = AskedOnce(request.user, dataset, IMPORT_KIND, f"web:tried:{tried.pk}", body)
    try:
        job = request_import(dataset, _digest_of(tried), options, actor=request.user, once=once)
    except TesseraError as error:
        is_gone = isinstance(error, (ObjectMissing, ObjectErased))
        messages.error(request, _GONE if is_gone else sentence(error))
        return HttpResponseRedirect(reverse("web:import", args=[dataset.slug]))
    return HttpResponseRedirect(reverse("web:job", args=[job.pk]))


def _get_dataset(request: HttpRequest, slug: str) -> Dataset:
    dataset = get_dataset(request, slug)
    if not dataset.may_write:
        raise PermissionDenied("importing takes the role annotator")
    return dataset


def _find_tried(request: HttpRequest, dataset: Dataset) -> Job | None:
    """Return the import of this dataset that the request goes on from, if it is the user's own
    or they are an admin; else None."""
    named = request.POST.get("tried") if request.method == "POST" else request.GET.get("tried")
    try:
        job_id = UUID(named or "")
    except ValueError:
        return None
    job = (
        Job.objects.filter(pk=job_id, kind=IMPORT_KIND, dataset=dataset)
        .select_related("requested_by")
        .first()
    )
    if job is None:
        return None
    job.dataset = dataset
    return job if rights_on(job, request.user).retry else None


def _digest_of(tried: Job) -> bytes:
    return bytes.fromhex(tried.arguments["upload"])


def _is_too_large(request: HttpRequest) -> bool:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(length) > settings.TESSERA_FORM_LIMIT_BYTES if length.isdecimal() else True

"""The splits of a branch: how many images each has, and giving images their splits."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.actions.splits import (
    assign_splits,
    is_large,
    preview_splits,
    request_splits,
)
from datasets_app.errors import BranchMoved, HistoryError, NotFound, NothingChanged
from datasets_app.models import Branch, Dataset, Version, VersionSplitStats
from datasets_app.names import is_storable
from datasets_app.revs import get_branch
from people_app.roles import Role
from web.finding import get_dataset
from web.sentences import sentence
from web.split_forms import SplitForm

_BRANCHES_IN_MENU = 200
_ID_BYTES = 32


@require_http_methods(["GET", "HEAD", "POST"])
def show_splits(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the splits of a branch, `?branch=NAME`; annotators assign them by POST.

    `act` is preview, which counts, or assign, which makes a version of the head that the
    preview was about. What is large becomes a job, whose page follows.
    """
    dataset = get_dataset(request, slug)
    branch = _get_branch(dataset, request.POST.get("branch") or request.GET.get("branch", ""))
    role = dataset.role_of(request.user)
    may_assign = request.user.is_authenticated and role is not None and role.covers(Role.ANNOTATOR)
    form = SplitForm(request.POST or None, auto_id="split-%s")
    context: dict[str, Any] = {}
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not may_assign:
            raise PermissionDenied("assigning splits takes the role annotator")
        if form.is_valid():
            done = _act(request, branch, form)
            if isinstance(done, HttpResponse):
                return done
            context = done
    head: Version | None = branch.head
    rows = VersionSplitStats.objects.filter(version=head).order_by("split") if head else []
    names = Branch.objects.filter(dataset=dataset).order_by("name")
    context = {
        "dataset": dataset,
        "branch": branch,
        "branches": names.values_list("name", flat=True)[:_BRANCHES_IN_MENU],
        "head": head,
        "is_empty": head is None,
        "rev": branch.name,
        "rows": [(row, row.images / head.image_count) for row in rows] if head else [],
        "may_assign": may_assign,
        "form": form,
        **context,
    }
    refused = form.errors or context.get("problem")
    return render(request, "web/splits.html", context, status=422 if refused else 200)


def _act(request: HttpRequest, branch: Branch, form: SplitForm) -> HttpResponse | dict[str, Any]:
    """Preview or assign; return where that leads to, or what the page shows of it."""
    dataset, head = branch.dataset, branch.head
    if head is None:
        return {"problem": "This branch has no version yet."}
    assigns = request.POST.get("act") == "assign"
    expected = _seen_head(request) if assigns else bytes(head.version_id)
    wanted: dict[str, Any] = {
        "dataset": dataset,
        "branch": branch.name,
        "expected_head": expected,
        "splitting": form.cleaned_data["splitting"],
    }
    seen = hashlib.sha256(repr(wanted["splitting"]).encode()).hexdigest()
    said: dict[str, Any] = {"author": request.user, "message": form.cleaned_data["message"].strip()}
    try:
        if is_large(dataset, expected, wanted["splitting"]):
            job = request_splits(**wanted, **said, dry_run=not assigns)
            return HttpResponseRedirect(reverse("web:job", args=[job.pk]))
        if not assigns or request.POST.get("previewed") != seen:
            # Who changed the form since the preview sees first what that would do.
            counts = preview_splits(**wanted).counts.to_json()
            said_of_it = "The form was changed. This is what it would do now." if assigns else ""
            return {"preview": counts, "previewed": seen, "note": said_of_it}
        version = assign_splits(**wanted, **said).version
    except BranchMoved:
        return {"problem": f"{branch.name} moved since the preview. Look at it again as it is now."}
    except NothingChanged:
        return {"problem": "All images have these splits already."}
    except HistoryError as error:
        return {"problem": sentence(error)}
    assert version is not None  # it was not only tried
    messages.success(request, f"v{version.number} has the new splits.")
    address = reverse("web:splits", args=[dataset.slug])
    return HttpResponseRedirect(f"{address}?{request.GET.urlencode()}" if request.GET else address)


def _seen_head(request: HttpRequest) -> bytes:
    """Return the head that a form was made for; of an odd one a head that no branch has."""
    try:
        seen = bytes.fromhex(request.POST.get("head", ""))
    except ValueError:
        seen = b""
    return seen if len(seen) == _ID_BYTES else bytes(_ID_BYTES)


def _get_branch(dataset: Dataset, name: str) -> Branch:
    name = name or dataset.default_branch
    try:
        if not is_storable(name):
            raise NotFound("branch", ascii(name))
        branch = get_branch(dataset, name)
    except NotFound as error:
        raise Http404(f"There is no branch “{name}” in {dataset.slug}.") from error
    branch.dataset = dataset
    return branch

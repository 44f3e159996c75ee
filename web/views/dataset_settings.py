"""What a dataset is called, who may read it, and which of its branches are protected."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app.actions.branches import protect_branch
from datasets_app.actions.datasets import update_dataset
from datasets_app.errors import HistoryError
from datasets_app.models import Branch, Dataset, Visibility
from datasets_app.names import is_storable
from web.administering import frame_of, get_dataset_to_administer
from web.dataset_forms import DescriptionForm, PublishingForm

_BRANCHES_PER_PAGE = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def general(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the settings of a dataset; `?after=NAME` goes on in its branches, a POST changes one.

    `act` of a POST: describe, publish, hide, or protect (a `branch`, or no longer).
    """
    dataset = get_dataset_to_administer(request, slug)
    act = request.POST.get("act")
    describing = DescriptionForm(
        request.POST if act == "describe" else None,
        dataset=dataset,
        initial={
            "title": dataset.title,
            "description": dataset.description,
            "default_branch": dataset.default_branch,
        },
    )
    publishing = PublishingForm(request.POST if act == "publish" else None)
    if request.method == "POST":
        if act == "describe" and describing.is_valid():
            return _describe(request, dataset, describing)
        if act == "publish" and publishing.is_valid():
            return _set_visibility(request, dataset, Visibility.PUBLIC)
        if act == "hide":
            return _set_visibility(request, dataset, Visibility.PRIVATE)
        if act == "protect":
            return _protect(request, dataset)
    wrong = describing.errors or publishing.errors
    context = {"describing": describing, "publishing": publishing}
    return _show(request, dataset, context, status=422 if wrong else 200)


def _show(
    request: HttpRequest, dataset: Dataset, context: dict[str, Any], *, status: int
) -> HttpResponse:
    branches = Branch.objects.filter(dataset=dataset).select_related("head").order_by("name")
    after = request.GET.get("after", "")
    if is_storable(after):
        branches = branches.filter(name__gt=after)
    found = list(branches[: _BRANCHES_PER_PAGE + 1])
    shown = found[:_BRANCHES_PER_PAGE]
    context |= {
        **frame_of(dataset),
        "branches": shown,
        "following": shown[-1].name if len(found) > len(shown) else None,
        "version_count": dataset.next_version_number - 1,
    }
    return render(request, "web/dataset_settings.html", context, status=status)


def _describe(request: HttpRequest, dataset: Dataset, form: forms.Form) -> HttpResponse:
    changed = {name: form.cleaned_data[name] for name in form.changed_data}
    update_dataset(dataset=dataset, actor=request.user, **changed)
    messages.success(request, "Saved." if changed else "Nothing was different.")
    return _back(dataset)


def _set_visibility(request: HttpRequest, dataset: Dataset, visibility: Visibility) -> HttpResponse:
    if dataset.visibility != visibility:
        update_dataset(dataset=dataset, actor=request.user, visibility=visibility)
    told = {
        Visibility.PUBLIC: f"{dataset.slug} is public: everybody can read it now.",
        Visibility.PRIVATE: f"{dataset.slug} is private: only its members can read it now.",
    }
    messages.success(request, told[visibility])
    return _back(dataset)


def _protect(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    name = request.POST.get("branch", "")
    found = Branch.objects.filter(dataset=dataset, name=name) if is_storable(name) else None
    branch = found.first() if found is not None else None
    protected = request.POST.get("protected") == "yes"
    if branch is None:
        messages.error(request, f"There is no branch “{name}” any more.")
        return _back(dataset)
    try:
        if branch.protected != protected:
            protect_branch(branch=branch, protected=protected, actor=request.user)
    except HistoryError as error:  # somebody deleted it a moment ago
        messages.error(request, f"It was not changed: {error}.")
    else:
        told = "is protected: nobody can delete it" if protected else "is not protected any more"
        messages.success(request, f"{branch.name} {told}.")
    return _back(dataset)


def _back(dataset: Dataset) -> HttpResponse:
    return HttpResponseRedirect(reverse("web:dataset-settings", args=[dataset.slug]))

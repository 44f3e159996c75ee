"""The list of datasets, and a dataset as the log of one of its branches."""

from __future__ import annotations

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.errors import NotFound
from datasets_app.models import Branch, Dataset
from datasets_app.names import is_storable
from datasets_app.revs import get_branch
from web.finding import get_dataset
from web.strips import first_images
from web.version_log import read_log

_DATASETS_PER_PAGE = 24
_VERSIONS_PER_PAGE = 25
_PICTURES_PER_CARD = 4
# More branches than this nobody picks from a menu; their pages have URLs all the same.
_BRANCHES_IN_MENU = 200


@require_safe
def list_datasets(request: HttpRequest) -> HttpResponse:
    """Show the datasets that the user may read, by slug; `?after=SLUG` goes on."""
    wanted = Dataset.objects.visible_to(request.user)
    after = request.GET.get("after", "")
    if is_storable(after):
        wanted = wanted.filter(slug__gt=after)
    found = list(wanted.select_related("taxonomy").order_by("slug")[: _DATASETS_PER_PAGE + 1])
    shown = found[:_DATASETS_PER_PAGE]
    heads = {
        branch.dataset_id: branch.head
        for branch in Branch.objects.select_related("head__author").filter(
            dataset__in=shown, name=F("dataset__default_branch")
        )
    }
    pictures = first_images(
        (head.root for head in heads.values() if head is not None), _PICTURES_PER_CARD
    )
    cards = []
    for dataset in shown:
        head = heads.get(dataset.pk)
        if head is not None:
            head.dataset = dataset
        numbers = pictures.get(bytes(head.root), []) if head and head.root else []
        cards.append({"dataset": dataset, "head": head, "pictures": numbers})
    following = shown[-1].slug if len(found) > len(shown) else None
    return render(request, "web/datasets.html", {"cards": cards, "following": following})


@require_safe
def show_dataset(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the versions of a branch, newest first; `?branch=NAME`, and `?after=N` goes on."""
    dataset = get_dataset(request, slug)
    name = request.GET.get("branch") or dataset.default_branch
    branches = list(
        Branch.objects.filter(dataset=dataset)
        .order_by("name")
        .values_list("name", flat=True)[: _BRANCHES_IN_MENU + 1]
    )
    try:
        branch = get_branch(dataset, name)
    except NotFound as error:
        if name != dataset.default_branch:
            raise Http404(f"There is no branch “{name}” in {slug}.") from error
        branch = None
    log = read_log(branch, request.GET.get("after", ""), _VERSIONS_PER_PAGE) if branch else None
    return render(
        request,
        "web/dataset.html",
        {
            "dataset": dataset,
            "role": dataset.role_of(request.user) if request.user.is_authenticated else None,
            "branch_name": name,
            "branches": branches,
            "log": log,
            "head": log.head if log else None,
            "is_empty": log is None or log.head is None,
            "rev": name,
        },
    )

"""The list of datasets, and a dataset as the log of its versions."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.errors import NotFound
from datasets_app.models import Branch, Dataset, Version
from datasets_app.names import is_storable
from datasets_app.revs import get_branch
from people_app.roles import Role
from web.finding import get_dataset
from web.strips import first_images
from web.version_log import read_log

_DATASETS_PER_PAGE = 24
_VERSIONS_PER_PAGE = 25
_PICTURES_PER_CARD = 4
# More branches than this nobody picks from a menu; their pages have URLs all the same.
_BRANCHES_IN_MENU = 200
# So many lines beside each other are drawn where all branches are asked for.
_BRANCHES_DRAWN = 30


@require_safe
def list_datasets(request: HttpRequest) -> HttpResponse:
    """Show the datasets that the user may read, by slug; `?after=SLUG` goes on.

    `?q=` keeps those with a text in slug, title or description.
    """
    wanted = Dataset.objects.visible_to(request.user)
    after, text = (request.GET.get(name, "") for name in ("after", "q"))
    text = text.strip()[:200] if is_storable(text) else ""
    if text:
        wanted = wanted.filter(
            Q(slug__icontains=text) | Q(title__icontains=text) | Q(description__icontains=text)
        )
    if is_storable(after):
        wanted = wanted.filter(slug__gt=after)
    mine = Dataset.objects.filter(pk=OuterRef("pk")).visible_to(request.user, Role.ANNOTATOR)
    wanted = wanted.annotate(may_write=Exists(mine))
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
    return render(
        request, "web/datasets.html", {"cards": cards, "following": following, "text": text}
    )


@require_safe
def show_dataset(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the versions that lead to a branch, newest first, with the graph of their history.

    `?branch=NAME` for another branch, `?all=1` for all of them; `?after=` goes on.
    """
    dataset = get_dataset(request, slug)
    name = request.GET.get("branch") or dataset.default_branch
    branches = list(
        Branch.objects.filter(dataset=dataset)
        .order_by("name")
        .values_list("name", flat=True)[: _BRANCHES_IN_MENU + 1]
    )
    head = _find_head(dataset, name)
    is_all = "all" in request.GET and head is not None
    heads = _all_heads(dataset, head) if is_all else [head]
    numbers = [one.number for one in heads if one is not None]
    log = read_log(dataset, numbers, request.GET.get("after", ""), _VERSIONS_PER_PAGE)
    return render(
        request,
        "web/dataset.html",
        {
            "dataset": dataset,
            "role": dataset.role_of(request.user) if request.user.is_authenticated else None,
            "branch_name": name,
            "branches": branches,
            "is_all": is_all,
            "is_later": "after" in request.GET,
            "log": log,
            "head": head,
            "is_empty": head is None,
            "rev": name,
        },
    )


def _find_head(dataset: Dataset, name: str) -> Version | None:
    try:
        head = get_branch(dataset, name).head
    except NotFound as error:
        if name != dataset.default_branch:
            raise Http404(f"There is no branch “{name}” in {dataset.slug}.") from error
        return None
    if head is not None:
        head.dataset = dataset
    return head


def _all_heads(dataset: Dataset, first: Version | None) -> list[Version]:
    """Return the heads of branches, newest first, that of the branch asked for before all."""
    found = Version.objects.filter(branches__dataset=dataset).order_by("-number").distinct()
    others = [one for one in found[:_BRANCHES_DRAWN] if first is None or one.pk != first.pk]
    return [first, *others] if first is not None else others

"""The branches and tags of a dataset: where they point, who made it, and how far apart they are."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.models import Branch, Dataset, Tag
from datasets_app.names import is_storable
from web.finding import get_dataset
from web.history_counts import Distance, count_distances

_PER_PAGE = 100


class BranchRow(NamedTuple):
    """One branch, and how far it is from the default one; None where that is not known."""

    branch: Branch
    distance: Distance | None
    is_default: bool


@require_safe
def list_branches(request: HttpRequest, slug: str) -> HttpResponse:
    """Show branches and tags by name, up to 100 of each; `?branch=` and `?tag=` go on after one."""
    dataset = get_dataset(request, slug)
    branches = Branch.objects.filter(dataset=dataset).select_related("head").order_by("name")
    tags = Tag.objects.filter(dataset=dataset).select_related("version", "author").order_by("name")
    after_branch, after_tag = (request.GET.get(name, "") for name in ("branch", "tag"))
    if is_storable(after_branch):
        branches = branches.filter(name__gt=after_branch)
    if is_storable(after_tag):
        tags = tags.filter(name__gt=after_tag)
    shown_branches, shown_tags = list(branches[: _PER_PAGE + 1]), list(tags[: _PER_PAGE + 1])
    for tag in shown_tags:
        tag.version.dataset = dataset
    rows = _with_distances(dataset, shown_branches[:_PER_PAGE])
    return render(
        request,
        "web/branches.html",
        {
            "dataset": dataset,
            "rows": rows,
            "tags": shown_tags[:_PER_PAGE],
            "more_branches": rows[-1].branch.name if len(shown_branches) > _PER_PAGE else None,
            "more_tags": shown_tags[_PER_PAGE - 1].name if len(shown_tags) > _PER_PAGE else None,
            "is_empty": not any(row.branch.head for row in rows),
        },
    )


def _with_distances(dataset: Dataset, branches: list[Branch]) -> list[BranchRow]:
    default = next((one for one in branches if one.name == dataset.default_branch), None)
    if default is None:
        default = (
            Branch.objects.filter(dataset=dataset, name=dataset.default_branch)
            .select_related("head")
            .first()
        )
    base = default.head if default else None
    heads = [branch.head for branch in branches if branch.head is not None]
    for head in heads:
        head.dataset = dataset
    distances = count_distances(dataset, base, heads) if len(branches) > 1 else {}
    return [
        BranchRow(
            branch,
            distances.get(branch.head.number) if branch.head else None,
            branch.name == dataset.default_branch,
        )
        for branch in branches
    ]

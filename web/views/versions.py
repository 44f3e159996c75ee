"""One version: who made it, and what it contains in numbers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.models import Tag, VersionParent
from web.finding import get_dataset, get_version
from web.statistics import read_statistics


@require_safe
def show_version(request: HttpRequest, slug: str, rev: str) -> HttpResponse:
    """Show a version with its statistics; `?split=NAME` for one split alone."""
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    links = VersionParent.objects.select_related("parent").filter(version=version)
    parents = [link.parent for link in links.order_by("position")]
    statistics = read_statistics(
        version,
        parents[0] if parents else None,
        request.GET.get("split"),
        actor=request.user,
    )
    return render(
        request,
        "web/version.html",
        {
            "dataset": dataset,
            "version": version,
            "rev": rev,
            "parents": parents,
            "tags": list(Tag.objects.filter(version=version).order_by("name")),
            "statistics": statistics,
        },
    )

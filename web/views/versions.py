"""One version: who made it, and what it contains in numbers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.models import Tag, Version, VersionParent
from web.statistics import MEASURES
from web.stats_files import statistics_of
from web.stats_place import get_place, key_word

MOST_CLASSES = 40


@require_safe
def show_version(request: HttpRequest, slug: str, rev: str) -> HttpResponse:
    """Show a version with its statistics by class.

    `?split=NAME` for one split alone, `?with=REV` for another version beside it, `?of=` for
    what the bars show, `?all=1` for every class.
    """
    place = get_place(request, slug, rev)
    parents = _parents_of(place.version)
    statistics = statistics_of(place, parents[0] if parents else None)
    classes = statistics.classes
    shown = classes if "all" in request.GET else classes[:MOST_CLASSES]
    return render(
        request,
        "web/version.html",
        {
            "place": place,
            "part": "classes",
            "dataset": place.dataset,
            "version": place.version,
            "rev": rev,
            "parents": parents,
            "tags": list(Tag.objects.filter(version=place.version).order_by("name")),
            "statistics": statistics,
            "measures": MEASURES,
            "classes": [(row, place.image_words(row.chip)) for row in shown],
            "splits": [
                (row, place.images(key_word("split", row.name))) for row in statistics.splits
            ],
            "file": place.file("classes"),
            "splits_file": place.file("splits"),
            "left_out": len(classes) - len(shown),
        },
    )


def _parents_of(version: Version) -> list[Version]:
    links = VersionParent.objects.select_related("parent").filter(version=version)
    return [link.parent for link in links.order_by("position")]

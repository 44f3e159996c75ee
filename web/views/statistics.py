"""How the segments of a version are distributed, and how that came: a page for each plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from panoptic.distributions import Distributions
from web.stats_files import classes_table, splits_table
from web.stats_history import history_table, read_history
from web.stats_instances import instances_table, read_instances
from web.stats_occurrence import occurrence_table, read_occurrence
from web.stats_place import StatsPlace, get_place, get_sums
from web.stats_sizes import read_sizes, sizes_table
from web.stats_table import Table, csv_response
from web.stats_together import read_together, together_table

_READERS: Mapping[str, Callable[[StatsPlace, Distributions], Any]] = {
    "sizes": read_sizes,
    "instances": read_instances,
    "places": read_occurrence,
    "together": read_together,
}
_TABLES_OF_SUMS: Mapping[str, Callable[[StatsPlace, Distributions], Table]] = {
    "sizes": sizes_table,
    "instances": instances_table,
    "places": occurrence_table,
    "together": together_table,
}
_TABLES: Mapping[str, Callable[[StatsPlace], Table]] = {
    "classes": classes_table,
    "splits": splits_table,
    "history": history_table,
}


@require_safe
def show_statistics(request: HttpRequest, slug: str, rev: str, part: str) -> HttpResponse:
    """Show one page of statistics; while a job counts, how far it is.

    `?split=`, `?with=REV` and `?class=ID` say of what (`web.stats_place`), `?of=` what is
    counted, `?all=1` shows every class.
    """
    place = get_place(request, slug, rev)
    context = {
        "place": place,
        "part": part,
        "file": place.file(part),
        "dataset": place.dataset,
        "version": place.version,
        "rev": rev,
    }
    if part == "history":
        context["page"] = read_history(place)
        return render(request, "web/statistics_history.html", context)
    found = get_sums(place)
    if found.job is not None:
        context["job"] = found.job
        waiting = "web/parts/statistics_waiting.html" if request.htmx else "web/statistics.html"
        return render(request, waiting, context)
    if request.htmx:  # what waited for the job asks
        return HttpResponseClientRefresh()
    sums = found.of(place.split)
    context |= {"sums": sums, "page": _READERS[part](place, sums)}
    return render(request, f"web/statistics_{part}.html", context)


@require_safe
def download_statistics(request: HttpRequest, slug: str, rev: str, name: str) -> HttpResponse:
    """Give a table as CSV; 409 with the page that waits while it is not counted."""
    place = get_place(request, slug, rev)
    if name in _TABLES:
        table = _TABLES[name](place)
    else:
        found = get_sums(place)
        if found.job is not None:
            context = {
                "place": place,
                "part": name,
                "dataset": place.dataset,
                "version": place.version,
                "rev": rev,
                "job": found.job,
            }
            return render(request, "web/statistics.html", context, status=409)
        table = _TABLES_OF_SUMS[name](place, found.of(place.split))
    return csv_response(table, f"{slug}-v{place.version.number}-{name}.csv")

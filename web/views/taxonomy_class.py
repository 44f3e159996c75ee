"""The page of one class: what it is, where it is used, what it looks like, what became of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.class_usage import MOST_VERSIONS, ClassUsage, class_history, class_usage
from datasets_app.errors import NotFound
from labels_app.class_spec import id_of
from labels_app.reading import reading_of
from web.taxonomy_class import (
    MEASURES,
    UsedRow,
    find_crops,
    plot_history,
    read_family,
    tell_class,
    used_rows,
)
from web.taxonomy_finding import get_place
from web.taxonomy_words import chip_of_spec

_CROPS = 12


@require_safe
def show_class(request: HttpRequest, slug: str, class_id: int) -> HttpResponse:
    """Show a class as the newest version of its taxonomy has it.

    `?in=DATASET/BRANCH` says of which branch the plot and the segments are, `?of=` what is
    plotted. `?show=plot` and `?show=segments` add what htmx asks for by itself, and gets alone.
    """
    place = get_place(request, slug)
    try:
        usage = class_usage(place.taxonomy, class_id, request.user)
    except NotFound as error:
        message = f"No published version of {slug} has a class {class_id}."
        raise Http404(message) from error
    rows = used_rows(usage)
    chosen = _choose(rows, request.GET.get("in", ""))
    show = request.GET.get("show", "")
    measure = request.GET.get("of", "")
    context = {
        "place": place,
        "taxonomy": place.taxonomy,
        "usage": usage,
        "spec": usage.spec,
        "chip": chip_of_spec(usage.spec),
        "rows": rows,
        "chosen": chosen,
        "show": show,
        "measure": measure if measure in MEASURES else MEASURES[0],
        "measures": MEASURES,
    }
    context["more_of"] = _more_of(request, context)
    if chosen is not None and show == "plot":
        context |= _plot(chosen, usage, context["measure"])
    if chosen is not None and show == "segments" and not usage.spec.retired:
        context |= _segments(chosen, usage)
    if request.htmx and show in ("plot", "segments"):
        return render(request, f"web/parts/class_{show}.html", context)
    reading = reading_of(usage.under)
    context |= {
        "family": read_family(usage.spec, reading),
        "heading": reading.heading_of(class_id) if not usage.spec.parent else "",
        "externals": sorted(usage.spec.external.items()),
        "told": tell_class(place.taxonomy, class_id),
    }
    return render(request, "web/taxonomy_class.html", context)


def _choose(rows: list[UsedRow], name: str) -> UsedRow | None:
    named = (row for row in rows if row.name == name)
    return next(named, rows[0] if rows else None)


def _plot(chosen: UsedRow, usage: ClassUsage, measure: str) -> dict[str, Any]:
    history = class_history(
        chosen.usage.head.version, id_of(usage.spec), reading_of(usage.under), limit=MOST_VERSIONS
    )
    return {
        "plot": plot_history(history, measure),
        "history": history[::-1],
        "plot_from": history[0].version.number,
        "is_cut": len(history) == MOST_VERSIONS,
    }


def _segments(chosen: UsedRow, usage: ClassUsage) -> dict[str, Any]:
    version = chosen.usage.head.version
    crops = find_crops(version, id_of(usage.spec), reading_of(usage.under), wanted=_CROPS)
    under = ""
    if version.taxonomy_version.number != usage.under.number:
        under = f"{usage.under.taxonomy.slug}@{usage.under.number}"
    return {"crops": crops, "under": under}


def _more_of(request: HttpRequest, context: dict[str, Any]) -> str:
    """Return the address of this page for the same branch, to be followed by more of a query."""
    chosen = context["chosen"]
    query = {"in": chosen.name} if chosen is not None else {}
    return f"{request.path}?{urlencode({**query, 'of': context['measure']})}&"

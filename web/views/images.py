"""The images of a version: a grid of them, and one with all that is known about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.attributes import get_attributes
from datasets_app.changelog import history
from datasets_app.entries import Status
from datasets_app.errors import InvalidCursor, NotFound
from datasets_app.image_lists import ImagePage, get_image, list_images
from datasets_app.models import Dataset, Version, VersionSplitStats
from datasets_app.nodes import SqlNodes
from labels_app.reading import Reading, reading_of
from web.classes import chips_of
from web.finding import get_dataset, get_version
from web.image_filter import PageFilter, read_filter
from web.image_windows import has_places, images_at
from web.neighbours import find_matching, find_neighbours
from web.segments import read_segments

_IMAGES_PER_PAGE = 60
_HISTORY_ROWS = 20
_SEGMENT_ROWS = 200
# How the viewer colours, which picture of the API is the same view, and the key.
_VIEWS = (
    ("class", "Semantic", "semantic", "classes in their colours"),
    ("instance", "Instance", "instances", "every thing in a colour of its own"),
    ("panoptic", "Panoptic", "panoptic", "a shade of the class for every thing"),
)
_LAYERS = ("overlay", "photo", "label")
_SIZES = range(1, 6)
_SIZE = 3


@require_safe
def list_of_images(request: HttpRequest, slug: str, rev: str) -> HttpResponse:
    """Show the images of a version as a grid.

    `?q=` filters (docs/formats/filters.md), and so do `?class=`, `?split=` and the other fields
    of the form; `?show=` and `?size=` say what of an image to show and how large. `?from=` is a
    place to begin at, `?cursor=` goes on. With `?part=1` the answer is the images alone.
    """
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    reading = reading_of(version.taxonomy_version)
    wanted = read_filter(request.GET, reading)
    is_scrolled = wanted.query.is_empty and not wanted.problem and has_places(version)
    start = _number(request.GET.get("from", "")) if is_scrolled else 0
    try:
        page = _page(request, version, wanted, reading, start)
    except InvalidCursor as error:
        raise Http404("This list has no such page.") from error
    layer, size = request.GET.get("show"), _number(request.GET.get("size", ""))
    following = page.cursor
    if is_scrolled:
        end = start + len(page.rows)
        following = str(end) if end < version.image_count else None
    context: dict[str, Any] = {
        "dataset": dataset,
        "version": version,
        "rev": rev,
        "page": page,
        "filter": wanted,
        "start": start,
        "is_scrolled": is_scrolled,
        "layer": layer if layer in _LAYERS else _LAYERS[0],
        "size": size if size in _SIZES else _SIZE,
        "image_query": f"?{urlencode({'q': wanted.text})}" if wanted.text else "",
        "following": following,
    }
    if "part" in request.GET:
        return render(request, "web/parts/grid_cells.html", context)
    context |= {
        "layers": _LAYERS,
        "classes": chips_of(reading),
        "splits": _splits_of(version),
        "statuses": list(Status),
        "address": _address(context),
    }
    status = 400 if wanted.problem else 200
    return render(request, "web/images.html", context, status=status)


@require_safe
def show_image(request: HttpRequest, slug: str, rev: str, number: int) -> HttpResponse:
    """Show an image: photograph, the three views, its segments and its history.

    `?q=` keeps to the images of a filter; with `?rows=` the answer is the rows of the segments
    from there on.
    """
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    nodes = SqlNodes(keep=True)
    wanted = read_filter(request.GET, reading := reading_of(version.taxonomy_version))
    is_filtered = not wanted.query.is_empty
    neighbours = None if is_filtered else find_neighbours(version, number, nodes)
    try:
        image = get_image(version, number, nodes, reading=reading)
    except NotFound as error:
        raise Http404(f"{rev} has no image {number}.") from error
    entry = image.entry
    first = _number(request.GET.get("rows", ""))
    table = read_segments(entry, reading, first=first, limit=_SEGMENT_ROWS)
    context: dict[str, Any] = {"dataset": dataset, "image": image, "table": table}
    if first:
        return render(request, "web/parts/segment_rows.html", context)
    if neighbours is None:
        neighbours = find_matching(version, image, wanted.query, reading, nodes)
    attributes = get_attributes([entry.attributes]) if entry.attributes else {}
    return render(
        request,
        "web/image.html",
        {
            **context,
            "version": version,
            "rev": rev,
            "filter": wanted,
            "query": f"?{urlencode({'q': wanted.text})}" if is_filtered else "",
            "neighbours": neighbours,
            "views": _VIEWS,
            "attributes": sorted(attributes.get(entry.attributes, {}).items()),
            "history": _history_of(dataset, version, number),
        },
    )


def _page(
    request: HttpRequest, version: Version, wanted: PageFilter, reading: Reading, start: int
) -> ImagePage:
    if wanted.problem:
        return ImagePage([], None)
    if start:
        return ImagePage(images_at(version, start, _IMAGES_PER_PAGE, reading), None)
    return list_images(
        version,
        wanted.query,
        limit=_IMAGES_PER_PAGE,
        cursor=request.GET.get("cursor") or None,
        reading=reading,
    )


def _number(text: str) -> int:
    """Return the number that a text says; 0 where it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _address(context: dict[str, Any]) -> str:
    """Return the query that shows the same: the filter as one text, nothing that goes unsaid."""
    said = {
        "q": context["filter"].text,
        "show": context["layer"] if context["layer"] != _LAYERS[0] else "",
        "size": context["size"] if context["size"] != _SIZE else "",
    }
    return urlencode({name: value for name, value in said.items() if value})


def _splits_of(version: Version) -> list[str]:
    rows = VersionSplitStats.objects.filter(version=version).exclude(split="").order_by("split")
    return list(rows.values_list("split", flat=True))


def _history_of(dataset: Dataset, version: Version, number: int) -> list[dict[str, object]]:
    versions = Version.objects.with_first_parent()
    rows = history(dataset, version, number, limit=_HISTORY_ROWS, versions=versions)
    for row in rows:
        row.version.dataset = dataset
    return [
        {
            "version": row.version,
            "parent": bytes(row.version.first_parent_id or b"").hex(),
            "facets": row.change.facets,
            "is_first": row.change.old is None,
            "is_removal": row.change.new is None,
        }
        for row in rows
    ]

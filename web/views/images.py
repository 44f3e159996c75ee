"""The images of a version: a grid of them, and one with all that is known about it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.attributes import get_attributes
from datasets_app.changelog import history
from datasets_app.entries import Status
from datasets_app.errors import InvalidCursor, NotFound
from datasets_app.image_lists import ImageFilter, get_image, list_images
from datasets_app.models import Dataset, Version, VersionSplitStats
from datasets_app.names import is_storable
from datasets_app.nodes import SqlNodes
from labels_app.reading import Reading, reading_of
from web.classes import chips_of, stored_ids
from web.finding import get_dataset, get_version
from web.neighbours import find_neighbours
from web.segments import read_segments

_IMAGES_PER_PAGE = 48
_HISTORY_ROWS = 20
_VIEWS = (
    ("panoptic", "Panoptic", "a shade for every thing", "Segments in shades of their classes"),
    ("semantic", "Semantic", "classes alone", "Classes in their colours"),
    ("instances", "Instances", "things alone", "Things, each in a colour of its own"),
)
_LAYERS = ("overlay", "photo", "label")


@require_safe
def list_of_images(request: HttpRequest, slug: str, rev: str) -> HttpResponse:
    """Show the images of a version as a grid.

    `?class=`, `?split=`, `?status=` and `?prefix=` filter, `?show=` says what of an image
    to show, `?cursor=` goes on.
    """
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    reading = reading_of(version.taxonomy_version)
    chosen = _chosen(request)
    try:
        page = list_images(
            version,
            _filter_of(chosen, reading),
            limit=_IMAGES_PER_PAGE,
            cursor=request.GET.get("cursor") or None,
            reading=reading,
        )
    except InvalidCursor as error:
        raise Http404("This list has no such page.") from error
    layer = request.GET.get("show")
    return render(
        request,
        "web/images.html",
        {
            "dataset": dataset,
            "version": version,
            "rev": rev,
            "page": page,
            "chosen": chosen,
            "is_filtered": any(chosen.values()),
            "layer": layer if layer in _LAYERS else _LAYERS[0],
            "layers": _LAYERS,
            "classes": chips_of(reading),
            "splits": _splits_of(version),
            "statuses": list(Status),
            "following": _following(request, page.cursor),
        },
    )


@require_safe
def show_image(request: HttpRequest, slug: str, rev: str, number: int) -> HttpResponse:
    """Show an image: photograph, the three views, its segments and its history."""
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    nodes = SqlNodes(keep=True)
    neighbours = find_neighbours(version, number, nodes)
    try:
        reading = reading_of(version.taxonomy_version)
        image = get_image(version, number, nodes, reading=reading)
    except NotFound as error:
        raise Http404(f"{rev} has no image {number}.") from error
    entry = image.entry
    attributes = get_attributes([entry.attributes]) if entry.attributes else {}
    return render(
        request,
        "web/image.html",
        {
            "dataset": dataset,
            "version": version,
            "rev": rev,
            "image": image,
            "neighbours": neighbours,
            "views": _VIEWS,
            "table": read_segments(entry, reading),
            "attributes": sorted(attributes.get(entry.attributes, {}).items()),
            "history": _history_of(dataset, version, number),
        },
    )


def _chosen(request: HttpRequest) -> dict[str, str]:
    given = {name: request.GET.get(name, "") for name in ("class", "split", "status", "prefix")}
    return {name: text if is_storable(text) else "" for name, text in given.items()}


def _filter_of(chosen: dict[str, str], reading: Reading) -> ImageFilter:
    """Return the filter that a query names; what names nothing does not filter."""
    class_id = int(chosen["class"]) if _is_number(chosen["class"]) else 0
    return ImageFilter(
        class_ids=stored_ids(reading, class_id) if class_id else (),
        split=chosen["split"] or None,
        status=Status(chosen["status"]) if chosen["status"] in list(Status) else None,
        prefix=chosen["prefix"],
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _splits_of(version: Version) -> list[str]:
    rows = VersionSplitStats.objects.filter(version=version).exclude(split="").order_by("split")
    return list(rows.values_list("split", flat=True))


def _following(request: HttpRequest, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    return urlencode({**request.GET.dict(), "cursor": cursor})


def _history_of(dataset: Dataset, version: Version, number: int) -> list[dict[str, object]]:
    rows = history(dataset, version, number, limit=_HISTORY_ROWS)
    for row in rows:
        row.version.dataset = dataset
    return [
        {
            "version": row.version,
            "parent": next((link.parent for link in row.version.parent_links.all()), None),
            "facets": row.change.facets,
            "is_first": row.change.old is None,
            "is_removal": row.change.new is None,
        }
        for row in rows
    ]

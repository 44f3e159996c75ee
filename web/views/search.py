"""One box that finds what a dataset has: images, versions, branches, tags and classes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.errors import NotFound
from datasets_app.models import Dataset, Version
from datasets_app.names import is_storable
from datasets_app.query_words import quote
from datasets_app.revs import get_branch
from labels_app.reading import reading_of
from web.finding import get_dataset
from web.searching import find_branches, find_classes, find_images, find_tags, find_versions

_MOST_CHARACTERS = 200


@require_safe
def search(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what `?q=` finds in the newest version of the default branch, and in the history.

    `?after=NUMBER` goes on looking into the names of images.
    """
    dataset = get_dataset(request, slug)
    text = " ".join(request.GET.get("q", "").split())[:_MOST_CHARACTERS]
    text = text if is_storable(text) else ""
    after = request.GET.get("after", "")
    is_number = after.isascii() and after.isdigit() and len(after) < 10
    version = _find_newest(dataset)
    found = _find(dataset, version, text, int(after) if is_number else 0) if text else {}
    return render(
        request,
        "web/search.html",
        {
            "dataset": dataset,
            "text": text,
            "version": version,
            "is_empty": version is None,
            "found": found,
            "is_found": any(found.get(name) for name in ("versions", "branches", "tags", "classes"))
            or bool(found and found["images"] and found["images"].rows),
        },
    )


def _find(dataset: Dataset, version: Version | None, text: str, after: int) -> dict[str, Any]:
    if version is None:
        return {"images": None, "branches": find_branches(dataset, text)}
    reading = reading_of(version.taxonomy_version)
    images = find_images(version, reading, text, after)
    if after:
        return {"images": images}
    return {
        "images": images,
        "versions": find_versions(dataset, text),
        "branches": find_branches(dataset, text),
        "tags": find_tags(dataset, text),
        "classes": [(chip, f"class:{quote(chip.name)}") for chip in find_classes(reading, text)],
    }


def _find_newest(dataset: Dataset) -> Version | None:
    try:
        version = get_branch(dataset, dataset.default_branch).head
    except NotFound:
        return None
    if version is not None:
        version.dataset = dataset
    return version

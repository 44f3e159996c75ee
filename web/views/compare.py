"""Two versions side by side: in sums, as a list of images, and image by image."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.comparison import count_images
from datasets_app.entries import EntryChange
from datasets_app.errors import NotFound
from datasets_app.models import Branch, Dataset, Tag, Version
from datasets_app.taxonomy_access import ReadBy, get_read_by
from datasets_app.taxonomy_comparison import compare_taxonomies
from labels_app.reading import reading_of
from panoptic.colors import format_color
from panoptic.render import CHANGE_COLORS, PixelChange
from web.comparing.image import read_image_comparison
from web.comparing.listing import ListFilter, find_around, list_changed
from web.comparing.summary import read_summary
from web.finding import Sides, get_dataset, get_sides
from web.taxonomy_words import Sentence, tell_changes

_IMAGES_PER_PAGE = 24
_NAMES_TO_OFFER = 200
_CHANGE_COLORS = [
    (format_color(CHANGE_COLORS[kind]), words)
    for kind, words in (
        (PixelChange.ADDED, "labelled now"),
        (PixelChange.REMOVED, "void now"),
        (PixelChange.RECLASSIFIED, "other class"),
        (PixelChange.REASSIGNED, "other segment"),
    )
]


@require_safe
def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask which two revisions to compare; with `?old=`, `?new=` and `?go=`, go there."""
    dataset = get_dataset(request, slug)
    old, new = (request.GET.get(side, "").strip() for side in ("old", "new"))
    if old and new and "go" in request.GET:
        dots = "..." if request.GET.get("base") else ".."
        try:
            return HttpResponseRedirect(reverse("web:compare", args=[slug, f"{old}{dots}{new}"]))
        except NoReverseMatch as error:
            raise Http404(f"“{old}” and “{new}” cannot be the names of versions.") from error
    context = {
        "dataset": dataset,
        "old_rev": old or f"{dataset.default_branch}~1",
        "new_rev": new or dataset.default_branch,
        **_names(dataset),
    }
    return render(request, "web/compare_form.html", context)


@require_safe
def show(request: HttpRequest, slug: str, spec: str) -> HttpResponse:
    """Show what differs between two versions.

    `?show=KEY` filters the changed images ("kind:added", "change:split", "class:12",
    "facet:status"), `?cursor=` goes on. While a job compares the pixels, htmx asks for its
    progress and, in the end, for the whole page.
    """
    dataset = get_dataset(request, slug)
    sides = get_sides(dataset, spec)
    read_by = get_read_by([sides.old, sides.new], user=request.user)
    comparison = get_pixel_comparison(sides.old, sides.new, actor=request.user, read_by=read_by)
    if request.htmx:
        response = render(request, "web/parts/comparison_state.html", {"comparison": comparison})
        if comparison.is_ready:
            response["HX-Refresh"] = "true"
        return response
    counts = count_images(sides.old, sides.new)
    wanted = ListFilter.from_query(request.GET)
    context = {
        "dataset": dataset,
        "sides": sides,
        "spec": spec,
        "comparison": comparison,
        "counts": counts,
        "wanted": wanted,
        "classes": _tell_classes(sides, read_by),
        "read_by": read_by,
    }
    if comparison.is_ready:
        context["summary"] = read_summary(comparison, counts, read_by.reading)
        context["page"] = list_changed(comparison, wanted, _IMAGES_PER_PAGE)
    return render(request, "web/compare.html", context)


@require_safe
def show_image(request: HttpRequest, slug: str, spec: str, number: int) -> HttpResponse:
    """Show one image on both sides, and what happened to each of its segments."""
    dataset = get_dataset(request, slug)
    sides = get_sides(dataset, spec)
    reading = get_read_by([sides.old, sides.new], user=request.user).reading
    wanted = ListFilter.from_query(request.GET)
    try:
        image = read_image_comparison(sides.old, sides.new, reading, number)
    except NotFound as error:
        raise Http404(f"Neither version has an image {number}.") from error
    around = find_around(sides.old, sides.new, reading, wanted, number, image.changed_pixels)
    return render(
        request,
        "web/compare_image.html",
        {
            "dataset": dataset,
            "sides": sides,
            "spec": spec,
            "wanted": wanted,
            "image": image,
            "around": around,
            "image_sides": [
                ("old", sides.old, image.change.old),
                ("new", sides.new, image.change.new),
            ],
            "under": _photographed(sides, image.change),
            "change_colors": _CHANGE_COLORS,
        },
    )


def _tell_classes(sides: Sides, read_by: ReadBy) -> list[Sentence]:
    """Return what happened to classes between the two sides, in words."""
    found = compare_taxonomies(sides.old, sides.new, read_by)
    before, after = (
        reading_of(version.taxonomy_version).classes for version in (sides.old, sides.new)
    )
    return tell_changes(found.changes, before, after)


def _photographed(sides: Sides, change: EntryChange) -> Version | None:
    """Return the version whose photograph can stand under the picture of the change."""
    if change.new is not None and change.new.image is not None:
        return sides.new
    return sides.old if change.old is not None and change.old.image is not None else None


def _names(dataset: Dataset) -> dict[str, list[str]]:
    """Return revisions to offer in the form; any other can be typed."""
    branches = Branch.objects.filter(dataset=dataset).order_by("name")
    tags = Tag.objects.filter(dataset=dataset).order_by("-created_at")
    versions = Version.objects.filter(dataset=dataset).order_by("-number")
    return {
        "branches": list(branches.values_list("name", flat=True)[:_NAMES_TO_OFFER]),
        "tags": list(tags.values_list("name", flat=True)[:_NAMES_TO_OFFER]),
        "versions": [
            f"v{number}" for number in versions.values_list("number", flat=True)[:_NAMES_TO_OFFER]
        ],
    }

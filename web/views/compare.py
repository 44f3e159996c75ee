"""Two versions side by side: in sums, as a list of images, and image by image."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.comparison import count_images
from datasets_app.entries import EntryChange
from datasets_app.errors import NotFound, TaxonomiesDiffer
from datasets_app.models import Branch, Dataset, Tag, Version
from datasets_app.taxonomy_access import ReadBy, get_read_by
from web.comparing.document import DEFAULT_IMAGES, MOST_IMAGES, DiffForm
from web.comparing.drawing import kinds_json, pixels_json
from web.comparing.filters import read_filter_bar
from web.comparing.flow import read_flow
from web.comparing.image import read_image_comparison
from web.comparing.listing import ListFilter, list_changed, query_of
from web.comparing.place import find_place
from web.comparing.summary import read_summary
from web.comparing.taxonomies import tell_classes
from web.finding import Sides, Unrelated, get_dataset, get_sides
from web.sentences import sentence

_IMAGES_PER_PAGE = 24
_NAMES_TO_OFFER = 200
_VERSIONS_TO_OFFER = 100


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
    found = _versions(dataset)
    # The newest version against the one before it, so that one click compares something.
    before = f"v{found[1].number}" if len(found) > 1 else ""
    context = {
        "dataset": dataset,
        "old_rev": old or before,
        "new_rev": new or dataset.default_branch,
        "is_alone": len(found) < 2,
        "versions": [(version, f"v{version.number}~1..v{version.number}") for version in found],
        **_names(dataset),
    }
    return render(request, "web/compare_form.html", context)


@require_safe
def show(request: HttpRequest, slug: str, spec: str) -> HttpResponse:
    """Show what differs between two versions.

    The query says which changed images are listed and in which order, in the words of the API
    (`datasets_app.changed_lists`); `?cursor=` goes on, `?classes=all` shows every class of the
    flow. While a job compares the pixels, htmx asks for its progress and, in the end, for the
    whole page.
    """
    dataset = get_dataset(request, slug)
    try:
        sides = get_sides(dataset, spec)
        read_by = get_read_by([sides.old, sides.new], user=request.user)
    except Unrelated as error:
        return render(
            request, "web/compare_unrelated.html", {"dataset": dataset, "error": error}, status=404
        )
    except TaxonomiesDiffer as error:
        context = {"dataset": dataset, "sides": sides, "problem": sentence(error)}
        return render(request, "web/compare_taxonomies_differ.html", context, status=409)
    comparison = get_pixel_comparison(sides.old, sides.new, actor=request.user, read_by=read_by)
    if request.htmx:
        response = render(request, "web/parts/comparison_state.html", {"comparison": comparison})
        if comparison.is_ready:
            response["HX-Refresh"] = "true"
        return response
    context = {"dataset": dataset, "sides": sides, "spec": spec, "comparison": comparison}
    context |= _sums(sides, read_by)
    if comparison.is_ready:
        wanted = ListFilter.from_query(request.GET, read_by.reading)
        context |= {
            "wanted": wanted,
            "swapped_query": query_of(wanted.filter.mirrored),
            "summary": read_summary(comparison, read_by.reading),
            "bar": read_filter_bar(comparison, wanted.filter, read_by.reading),
            "flow": read_flow(
                comparison.totals["class_flow"],
                wanted.filter,
                read_by.reading,
                all_classes=request.GET.get("classes") == "all",
            ),
            "page": list_changed(comparison, wanted, read_by.reading, _IMAGES_PER_PAGE),
            "listed": comparison.image_counts.get("", 0),
            "is_later": wanted.after is not None,
            "html_images": DEFAULT_IMAGES[DiffForm.HTML],
            "most_images": {form.value: most for form, most in MOST_IMAGES.items()},
        }
    return render(request, "web/compare.html", context)


@require_safe
def show_image(request: HttpRequest, slug: str, spec: str, number: int) -> HttpResponse:
    """Show one image on both sides, and what happened to each of its segments.

    `?seg=` is the change that is looked at; what else the viewer keeps in the query is its own.
    With `?from=N` the answer is the rows of the list after the first N, at least to `&until=`,
    and nothing around them.
    """
    dataset = get_dataset(request, slug)
    sides = get_sides(dataset, spec)
    try:
        reading = get_read_by([sides.old, sides.new], user=request.user).reading
    except TaxonomiesDiffer as error:
        context = {"dataset": dataset, "sides": sides, "problem": sentence(error)}
        return render(request, "web/compare_taxonomies_differ.html", context, status=409)
    wanted = ListFilter.from_query(request.GET)
    first, until, chosen = (_number(request.GET.get(name)) for name in ("from", "until", "seg"))
    try:
        image = read_image_comparison(
            sides.old, sides.new, reading, number, first=first or 0, until=until or 0
        )
    except NotFound as error:
        raise Http404(f"Neither version has an image {number}.") from error
    context = {
        "image": image,
        "chosen": next((row for row in image.rows if row.number == chosen), None),
        "row_query": f"{wanted.query}&" if wanted.query else "?",
    }
    if first is not None:
        return render(request, "web/parts/change_rows.html", context)
    context |= {
        "dataset": dataset,
        "sides": sides,
        "spec": spec,
        "swapped": _swapped(sides),
        "swapped_query": query_of(wanted.filter.mirrored),
        "wanted": wanted,
        "place": find_place(sides.old, sides.new, reading, wanted.filter, number),
        "image_sides": [
            ("old", sides.old, image.change.old),
            ("new", sides.new, image.change.new),
        ],
        "marks": kinds_json(),
        "pixel_changes": pixels_json(),
        "under": _photographed(sides, image.change),
    }
    return render(request, "web/compare_image.html", context)


def _number(text: str | None) -> int | None:
    """Return a number that a query gives; None where it gives none."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text)


def _swapped(sides: Sides) -> str:
    """Return the comparison of the same two versions back, also from a merge base."""
    return f"{sides.new_rev}..{sides.old.id_hex}" if sides.from_base else sides.swapped_spec


def _sums(sides: Sides, read_by: ReadBy) -> dict[str, Any]:
    """Return what is known without looking at pixels."""
    counts = count_images(sides.old, sides.new)
    classes = tell_classes(sides, read_by)
    differing = counts.added + counts.removed + counts.changed
    return {
        "counts": counts,
        "classes": classes,
        "read_by": read_by,
        "is_same_version": sides.old.pk == sides.new.pk,
        "is_equal": not differing and not classes,
    }


def _photographed(sides: Sides, change: EntryChange) -> Version | None:
    """Return the version whose photograph can stand under the picture of the change."""
    if change.new is not None and change.new.image is not None:
        return sides.new
    return sides.old if change.old is not None and change.old.image is not None else None


def _versions(dataset: Dataset) -> list[Version]:
    """Return the newest versions to offer in the form; any other can be typed."""
    versions = Version.objects.filter(dataset=dataset).select_related("author", "change_set")
    return list(versions.order_by("-number")[:_VERSIONS_TO_OFFER])


def _names(dataset: Dataset) -> dict[str, list[str]]:
    """Return branches and tags to offer in the form."""
    branches = Branch.objects.filter(dataset=dataset).order_by("name")
    tags = Tag.objects.filter(dataset=dataset).order_by("-created_at")
    return {
        "branches": list(branches.values_list("name", flat=True)[:_NAMES_TO_OFFER]),
        "tags": list(tags.values_list("name", flat=True)[:_NAMES_TO_OFFER]),
    }

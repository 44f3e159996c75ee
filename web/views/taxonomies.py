"""The list of taxonomies, and the classes of a version of one."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from datasets_app.names import is_storable
from datasets_app.taxonomy_access import visible_taxonomies
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.class_json import class_from_plain
from labels_app.class_spec import ClassSpec
from labels_app.errors import InvalidTaxonomy
from labels_app.presets import list_presets, preset_classes
from labels_app.reading import reading_of
from labels_app.rules import stored_rules
from web.taxonomy_files import read_classes
from web.taxonomy_finding import REFUSALS, get_place, get_version, sentences_of
from web.taxonomy_list import read_list
from web.taxonomy_rule_words import tell_rule
from web.taxonomy_tree import read_tree
from web.taxonomy_use import count_classes, find_used, used_branches

_TAXONOMIES_PER_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def list_taxonomies(request: HttpRequest) -> HttpResponse:
    """Show the taxonomies that the user sees, by slug; `?after=SLUG` goes on, a POST makes one."""
    problems: list[str] = []
    if request.method == "POST":
        if not request.user.is_authenticated:
            return HttpResponseRedirect(
                f"{reverse('web:sign-in')}?next={reverse('web:taxonomies')}"
            )
        try:
            return _make(request)
        except (ValueError, *REFUSALS) as error:
            problems = sentences_of(error)
    wanted = visible_taxonomies(request.user)
    after = request.GET.get("after", "")
    if is_storable(after):
        wanted = wanted.filter(slug__gt=after)
    found = list(wanted.order_by("slug")[: _TAXONOMIES_PER_PAGE + 1])
    shown = found[:_TAXONOMIES_PER_PAGE]
    context = {
        "rows": read_list(shown, request.user),
        "following": shown[-1].slug if len(found) > len(shown) else None,
        "presets": list_presets(),
        "problems": problems,
        "filled": request.POST,
    }
    return render(request, "web/taxonomies.html", context, status=422 if problems else 200)


@require_safe
def show_taxonomy(request: HttpRequest, slug: str, number: int | None = None) -> HttpResponse:
    """Show the classes of a version, by default the newest one, as a tree.

    `?in=DATASET/BRANCH` says of which branch the counts are.
    """
    place = get_place(request, slug)
    version = get_version(place.taxonomy, number)
    newest = version if number is None else get_version(place.taxonomy, None)
    reading = reading_of(version)
    branches, has_more = used_branches(place.taxonomy, request.user)
    used = find_used(branches, request.GET.get("in", ""))
    tree = read_tree(reading.classes.values())
    counts = count_classes(used, reading, request.user) if used else None
    return render(
        request,
        "web/taxonomy.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            "version": version,
            "newest": newest,
            "is_newest": newest.number == version.number,
            "tree": tree,
            "rows": [
                (row, counts.by_class.get(row.chip.class_id) if counts else None)
                for row in tree.rows
            ],
            "counts": counts,
            "used": used,
            "branches": branches,
            "has_more_branches": has_more,
            "rules": [tell_rule(rule, reading.classes) for rule in stored_rules(version.rules)],
        },
    )


def _make(request: HttpRequest) -> HttpResponse:
    slug = request.POST.get("slug", "").strip()
    version = create_taxonomy(
        slug=slug,
        title=request.POST.get("title", "").strip()[:200],
        description=request.POST.get("description", "").strip(),
        classes=_first_classes(request),
        actor=request.user,
        message=request.POST.get("message", "").strip() or "Begin",
    )
    messages.success(request, f"{slug} begins with {version.classes.count()} classes.")
    return HttpResponseRedirect(reverse("web:taxonomy", args=[slug]))


def _first_classes(request: HttpRequest) -> Iterable[ClassSpec]:
    """Return the classes that a new taxonomy begins with: of a preset, of a file, or one."""
    upload = request.FILES.get("file")
    if upload is not None:
        rows = read_classes(upload.file, str(upload.name))
        return [class_from_plain(row) for row in rows]
    if request.POST.get("preset"):
        return preset_classes(request.POST["preset"])
    name = request.POST.get("first_class", "").strip()
    if not name:
        raise InvalidTaxonomy(["choose a list, a file, or name a first class"])
    return [ClassSpec(name=name, kind=request.POST.get("first_kind", "thing"))]

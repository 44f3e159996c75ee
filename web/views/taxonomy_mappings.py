"""How the classes of one taxonomy read in another: the mappings there are, and a new one."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from datasets_app.errors import NotFound
from datasets_app.taxonomy_access import get_taxonomy_version, visible_taxonomies
from labels_app.actions.mappings import create_mapping, explain_entries, propose_entries
from labels_app.class_spec import id_of
from labels_app.models import TaxonomyMapping, TaxonomyVersion
from labels_app.reading import Reading, reading_of
from web.taxonomy_finding import (
    REFUSALS,
    Place,
    get_place,
    get_place_to_edit,
    get_version,
    sentences_of,
)
from web.taxonomy_forms import number_of
from web.taxonomy_words import chip_of_spec

_MAPPINGS_SHOWN = 100
_TARGETS_SHOWN = 300


@require_safe
def list_mappings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the mappings from and to a taxonomy, the newest of each pair first."""
    place = get_place(request, slug)
    return _show_list(request, place)


@require_http_methods(["GET", "HEAD", "POST"])
def map_classes(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the table of a new mapping to `?to=SLUG@N`, filled with a proposal; a POST keeps it."""
    place = get_place_to_edit(request, slug)
    name = (request.POST if request.method == "POST" else request.GET).get("to", "").strip()
    try:
        target = get_taxonomy_version(request.user, name)
    except NotFound:
        problem = f"There is no taxonomy version “{name}”, or it is not shared with you."
        return _show_list(request, place, [problem])
    if target.taxonomy_id == place.taxonomy.pk:
        problem = "The versions of one taxonomy read each other without a mapping."
        return _show_list(request, place, [problem])
    source = get_version(place.taxonomy, number_of(request.POST.get("from", "")))
    problems: list[str] = []
    if request.method == "POST":
        try:
            mapping = create_mapping(
                source=source,
                target=target,
                entries=_posted(request, reading_of(source)),
                actor=request.user,
                message=request.POST.get("message", "").strip(),
            )
        except (ValueError, *REFUSALS) as error:
            problems = sentences_of(error)
        else:
            said = f"Mapping {mapping.number} from {slug} to {target.taxonomy.slug} is kept."
            messages.success(request, said)
            return HttpResponseRedirect(reverse("web:taxonomy-mappings", args=[slug]))
    return _show_table(request, place, source, target, problems)


def _show_list(
    request: HttpRequest, place: Place, problems: list[str] | None = None
) -> HttpResponse:
    seen = visible_taxonomies(request.user)
    own = Q(source_taxonomy=place.taxonomy) | Q(target_taxonomy=place.taxonomy)
    mappings = (
        TaxonomyMapping.objects.filter(own)
        .filter(source_taxonomy__in=seen, target_taxonomy__in=seen)
        .select_related("source_taxonomy", "target_taxonomy", "source", "target", "author")
        .order_by("-created_at", "-pk")[:_MAPPINGS_SHOWN]
    )
    targets = (
        seen.exclude(pk=place.taxonomy.pk)
        .annotate(newest=Max("versions__number"))
        .order_by("slug")[:_TARGETS_SHOWN]
    )
    return render(
        request,
        "web/taxonomy_mappings.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            "mappings": [
                (mapping, sum(target is None for target in mapping.entries.values()))
                for mapping in mappings
            ],
            "targets": list(targets) if place.may_edit else [],
            "problems": problems or [],
        },
        status=422 if problems else 200,
    )


def _show_table(
    request: HttpRequest,
    place: Place,
    source: TaxonomyVersion,
    target: TaxonomyVersion,
    problems: list[str],
) -> HttpResponse:
    reading, other = reading_of(source), reading_of(target)
    chosen = _posted(request, reading) if problems else _begun(source, target, reading, other)
    reasons = explain_entries(reading, other)
    rows = [
        (chip_of_spec(spec), chosen.get(id_of(spec)), reasons.get(id_of(spec), ""))
        for spec in sorted(reading.live_classes, key=lambda spec: spec.name)
    ]
    return render(
        request,
        "web/taxonomy_mapping.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            "source": source,
            "target": target,
            "rows": rows,
            "found": sum(into is not None for _, into, _ in rows),
            "choices": sorted(
                (chip_of_spec(spec) for spec in other.live_classes), key=lambda chip: chip.name
            ),
            "problems": problems,
            "message": request.POST.get("message", ""),
        },
        status=422 if problems else 200,
    )


def _begun(
    source: TaxonomyVersion, target: TaxonomyVersion, reading: Reading, other: Reading
) -> dict[int, int | None]:
    """Return what a new mapping begins with: the newest one, and a proposal for what it lacks."""
    proposed = propose_entries(reading, other)
    newest = (
        TaxonomyMapping.objects.filter(
            source_taxonomy=source.taxonomy_id, target_taxonomy=target.taxonomy_id
        )
        .order_by("-number")
        .first()
    )
    if newest is not None:
        kept = {int(stored): into for stored, into in newest.entries.items()}
        known = {None, *(id_of(spec) for spec in other.live_classes)}
        proposed |= {
            stored: into for stored, into in kept.items() if stored in proposed and into in known
        }
    return proposed


def _posted(request: HttpRequest, reading: Reading) -> dict[int, int | None]:
    """Return the table that was posted; an empty choice is void."""
    return {
        id_of(spec): number_of(request.POST[f"class_{spec.class_id}"])
        for spec in reading.live_classes
        if f"class_{spec.class_id}" in request.POST
    }

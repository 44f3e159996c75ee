"""The versions of a taxonomy: what each changed, and what differs between any two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from labels_app.actions.drafts import get_draft
from labels_app.class_spec import ClassSpec, id_of
from labels_app.models import LabelClass, TaxonomyVersion
from labels_app.reading import reading_of, spec_of
from labels_app.rules import stored_rules
from labels_app.taxonomy_diff import diff_classes
from web.taxonomy_finding import get_place, get_version
from web.taxonomy_forms import number_of
from web.taxonomy_rule_words import RuleChange, diff_rules
from web.taxonomy_words import Sentence, tell_changes

_VERSIONS_PER_PAGE = 10
_VERSIONS_TO_CHOOSE = 200


@require_safe
def show_history(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the versions, newest first; `?before=N` goes on."""
    place = get_place(request, slug)
    versions = place.taxonomy.versions.select_related("author").order_by("-number")
    numbers = list(versions.values_list("number", flat=True)[:_VERSIONS_TO_CHOOSE])
    before = number_of(request.GET.get("before", ""))
    wanted = versions if before is None else versions.filter(number__lt=before)
    # One more than is shown: a change is told against the version before.
    found = list(wanted[: _VERSIONS_PER_PAGE + 1])
    classes = _classes_of(found)
    rows = []
    for place_in_list, version in enumerate(found[:_VERSIONS_PER_PAGE]):
        older = found[place_in_list + 1] if place_in_list + 1 < len(found) else None
        changes, rules = _differences(older, version, classes) if older else ([], [])
        live = sum(not spec.retired for spec in classes[version.pk])
        rows.append(
            {"version": version, "older": older, "changes": changes, "rules": rules, "live": live}
        )
    return render(
        request,
        "web/taxonomy_history.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            "rows": rows,
            "numbers": numbers,
            "following": found[-2].number if len(found) > _VERSIONS_PER_PAGE else None,
            "newest_number": numbers[0] if numbers else 0,
            "revision": get_draft(place.taxonomy).revision if place.may_edit else None,
        },
    )


@require_safe
def choose_comparison(request: HttpRequest, slug: str) -> HttpResponse:
    """Go to the comparison of `?old=` and `?new=`."""
    get_place(request, slug)
    old, new = (number_of(request.GET.get(side, "")) for side in ("old", "new"))
    if old is None or new is None:
        raise Http404("Two numbers of versions make a comparison.")
    return _to_comparison(slug, old, new)


@require_safe
def compare(request: HttpRequest, slug: str, old: int, new: int) -> HttpResponse:
    """Show what differs between two versions; the later one is the new side."""
    if old > new:
        return _to_comparison(slug, new, old)
    place = get_place(request, slug)
    sides = [get_version(place.taxonomy, number) for number in (old, new)]
    classes = {side.pk: tuple(reading_of(side).classes.values()) for side in sides}
    changes, rules = _differences(sides[0], sides[1], classes)
    groups: dict[str, list[Sentence]] = defaultdict(list)
    for sentence in changes:
        groups[sentence.words.value].append(sentence)
    return render(
        request,
        "web/taxonomy_compare.html",
        {
            "place": place,
            "taxonomy": place.taxonomy,
            "sides": [("old", sides[0]), ("new", sides[1])],
            "old": sides[0],
            "new": sides[1],
            "changes": changes,
            "groups": [(told[0].words, told) for told in groups.values()],
            "rules": rules,
        },
    )


def _to_comparison(slug: str, old: int, new: int) -> HttpResponse:
    lower, higher = sorted((old, new))
    return HttpResponseRedirect(reverse("web:taxonomy-compare", args=[slug, lower, higher]))


def _classes_of(versions: Iterable[TaxonomyVersion]) -> dict[int, tuple[ClassSpec, ...]]:
    """Return the classes of versions; one query for all of them."""
    found: dict[int, list[ClassSpec]] = {version.pk: [] for version in versions}
    for row in LabelClass.objects.filter(version__in=list(found)).order_by("class_id"):
        found[row.version_id].append(spec_of(row))
    return {key: tuple(specs) for key, specs in found.items()}


def _differences(
    old: TaxonomyVersion, new: TaxonomyVersion, classes: dict[int, tuple[ClassSpec, ...]]
) -> tuple[list[Sentence], list[RuleChange]]:
    before = {id_of(spec): spec for spec in classes[old.pk]}
    after = {id_of(spec): spec for spec in classes[new.pk]}
    changes = diff_classes(before.values(), after.values())
    rules = diff_rules(stored_rules(old.rules), before, stored_rules(new.rules), after)
    return tell_changes(changes, before, after), rules

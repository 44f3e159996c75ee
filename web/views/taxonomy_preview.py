"""The preview of a draft: what publishing it would do, in numbers and in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datasets_app.errors import NotFound, TaxonomiesDiffer
from datasets_app.models import Job, JobState
from datasets_app.previews import Head
from labels_app.actions.drafts import Draft, get_draft, preview_operations
from labels_app.errors import TaxonomyMoved
from web.taxonomy_finding import Place, get_place, sentences_of
from web.taxonomy_forms import number_of
from web.taxonomy_preview import (
    Chosen,
    choose_branches,
    find_jobs,
    find_pictures,
    read_preview,
)
from web.taxonomy_taking_back import find_change


@require_safe
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what publishing the draft would do to branches.

    `?on=DATASET/BRANCH`, as often as needed, says to which; by default to the default branches.
    `?pictures=KIND:CLASS` adds the pictures of a change; htmx gets them alone. While jobs count,
    htmx asks with `?jobs=` and `?revision=` how far they are.
    """
    place = get_place(request, slug)
    draft = get_draft(place.taxonomy)
    if request.htmx and "jobs" in request.GET:
        answer = _progress(request, draft)
        if answer is not None:
            return answer
    try:
        draft = preview_operations(draft)
    except TaxonomyMoved as error:
        context = {"place": place, "taxonomy": place.taxonomy, "problems": sentences_of(error)}
        return render(request, "web/taxonomy_preview.html", context, status=409)
    chosen = _choose(request, place)
    pictures = request.GET.get("pictures", "")
    if request.htmx and pictures:
        context = _context(request, place, draft, chosen) | _pictures(draft, pictures, chosen.heads)
        return render(request, "web/parts/preview_pictures.html", context)
    shown = read_preview(draft, chosen.heads, request.user)
    context = _context(request, place, draft, chosen) | {"preview": shown, **_counting(shown.jobs)}
    if request.htmx and "jobs" in request.GET:
        return render(request, "web/parts/preview_counted.html", context)
    if pictures:
        context |= _pictures(draft, pictures, chosen.heads)
    return render(request, "web/taxonomy_preview.html", context)


def _progress(request: HttpRequest, draft: Draft) -> HttpResponse | None:
    """Answer how far the jobs are; None where one has ended, and there are numbers to show.

    A job that failed is said to have: asking for the numbers would only start it again.
    """
    if number_of(request.GET.get("revision", "")) != draft.revision:
        # Other changes have other numbers: the page begins again.
        return HttpResponse(headers={"HX-Refresh": "true"})
    jobs = find_jobs(request.GET["jobs"], request.user)
    failed = [job for job in jobs if job.state in (JobState.FAILED, JobState.CANCELLED)]
    if not failed and not (jobs and all(not job.is_settled for job in jobs)):
        return None
    context = {"draft": draft, "failed": failed, **_counting(jobs), **_addresses(request)}
    return render(request, "web/parts/preview_state.html", context)


def _counting(jobs: Sequence[Job]) -> dict[str, object]:
    return {"jobs": jobs, "job_keys": ",".join(str(job.pk) for job in jobs)}


def _choose(request: HttpRequest, place: Place) -> Chosen:
    try:
        return choose_branches(place.taxonomy, request.user, request.GET.getlist("on"))
    except NotFound as error:
        raise Http404(f"{sentences_of(error)[0]} Or it is not shared with you.") from error
    except TaxonomiesDiffer as error:
        message = f"That branch is not read by {place.taxonomy.slug}."
        raise Http404(message) from error


def _pictures(draft: Draft, key: str, heads: Sequence[Head]) -> dict[str, object]:
    change = find_change(draft, key)
    if change is None:
        raise Http404("The draft has no such change any more.")
    return {"pictures": find_pictures(draft, change, heads), "pictured": key}


def _context(request: HttpRequest, place: Place, draft: Draft, chosen: Chosen) -> dict[str, object]:
    return {
        "place": place,
        "taxonomy": place.taxonomy,
        "draft": draft,
        "next_number": draft.base.number + 1,
        "chosen": chosen,
        **_addresses(request),
    }


def _addresses(request: HttpRequest) -> dict[str, str]:
    """Return this page for the same branches: whole, and to be followed by more of a query."""
    query = urlencode([("on", name) for name in request.GET.getlist("on")])
    return {
        "address": f"{request.path}?{query}" if query else request.path,
        "more_of": f"{request.path}?{query}&" if query else f"{request.path}?",
    }

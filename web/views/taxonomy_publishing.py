"""Publishing a draft, and moving branches to the version that they shall be read by."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from datasets_app.actions.migrations import BranchMove, migrate_branch, publish_and_migrate
from labels_app.actions.drafts import get_draft
from labels_app.errors import DraftMoved
from labels_app.models import Taxonomy
from web.taxonomy_finding import (
    REFUSALS,
    get_place,
    get_place_to_edit,
    get_version,
    sentences_of,
)
from web.taxonomy_panels import Panel
from web.taxonomy_use import used_branches
from web.views.taxonomy_drafts import seen_revision, show_draft, show_moved


@require_POST
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Freeze the draft as the next version, and move the ticked branches to it: all or nothing."""
    place = get_place_to_edit(request, slug)
    try:
        done = publish_and_migrate(
            taxonomy=place.taxonomy,
            expected_revision=seen_revision(request),
            message=request.POST.get("message", ""),
            moves=_moves(request, place.taxonomy),
            actor=request.user,
        )
    except DraftMoved as error:
        return show_moved(request, place, error)
    except (ValueError, *REFUSALS) as error:
        draft = get_draft(place.taxonomy)
        problems = sentences_of(error)
        return show_draft(request, place, draft, Panel(), status=422, publish_problems=problems)
    number = done.taxonomy_version.number
    messages.success(request, f"Version {number} is published.")
    for moved in done.moved:
        _say_moved(request, moved.dataset.slug, moved.branch, moved.version.number, number)
    return HttpResponseRedirect(reverse("web:taxonomy", args=[slug]))


@require_POST
def move_branches(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Let branches be read by a version: a commit without changes of images."""
    place = get_place(request, slug)
    version = get_version(place.taxonomy, number)
    try:
        for move in _moves(request, place.taxonomy):
            made = migrate_branch(
                dataset=move.dataset,
                branch=move.branch,
                expected_head=move.expected_head or b"",
                taxonomy_version=version,
                author=request.user,
            )
            _say_moved(request, move.dataset.slug, move.branch, made.number, number)
    except (ValueError, *REFUSALS) as error:
        messages.error(request, f"It was not moved. {' '.join(sentences_of(error))}")
    return HttpResponseRedirect(reverse("web:taxonomy-version", args=[slug, number]))


def _moves(request: HttpRequest, taxonomy: Taxonomy) -> list[BranchMove]:
    """Return the branches that a form names.

    Raises
    ------
    ValueError
        One of them is none that the user may write to.
    """
    wanted = dict(key.split(":", 1) for key in request.POST.getlist("moves") if ":" in key)
    if not wanted:
        return []
    branches = used_branches(taxonomy, request.user)[0]
    by_row = {str(one.branch.pk): one for one in branches if one.may_write}
    if not wanted.keys() <= by_row.keys():
        raise ValueError("you may not write to one of these branches")
    return [
        BranchMove(by_row[row].dataset, by_row[row].branch.name, bytes.fromhex(head))
        for row, head in wanted.items()
    ]


def _say_moved(request: HttpRequest, slug: str, branch: str, version: int, number: int) -> None:
    said = f"{slug} {branch} is read by version {number} now, as of v{version}."
    messages.success(request, said)

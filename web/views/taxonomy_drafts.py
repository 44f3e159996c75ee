"""The editor of a draft: a tree of classes, and a form for each thing that curators do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labels_app.actions.drafts import Draft, discard_draft, edit_draft, get_draft, replace_draft
from labels_app.actions.pictures import add_picture
from labels_app.class_spec import id_of
from labels_app.errors import DraftMoved
from labels_app.models import Taxonomy
from labels_app.taxonomy_diff import diff_classes
from web.taxonomy_finding import REFUSALS, Place, get_place, get_place_to_edit, sentences_of
from web.taxonomy_forms import Form, number_of, read_operations
from web.taxonomy_moved import Moved, read_moved
from web.taxonomy_panels import PANELS, Panel, panel_context, read_panel, told_changes, told_rules
from web.taxonomy_taking_back import find_change, without_change
from web.taxonomy_tree import find_rows, read_tree
from web.taxonomy_use import used_branches
from web.taxonomy_words import tell_changes

# As many sentences as somebody listens to.
_MOST_SAID = 3


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the draft; a POST does one thing to it.

    `?class=ID` opens a class, `?do=ACT` the form of an act, `?at=ID` is where the reader is.
    htmx asks for the panel alone, and after a POST for the whole draft.
    """
    if request.method == "POST":
        return _do(request, get_place_to_edit(request, slug))
    place = get_place(request, slug)
    draft = get_draft(place.taxonomy)
    panel = read_panel(request.GET, draft) if place.may_edit else Panel()
    seen = number_of(request.GET.get("seen", ""))
    if request.htmx and "panel" in request.GET and seen in (None, draft.revision):
        return render(
            request,
            "web/parts/taxonomy_panel.html",
            {
                "taxonomy": place.taxonomy,
                "draft": draft,
                "changes": told_changes(draft),
                "rules": told_rules(draft),
                **panel_context(panel, draft),
            },
        )
    said = ""
    if request.htmx and seen not in (None, draft.revision):
        said = "Somebody edited the draft meanwhile: this is how it stands now."
    response = show_draft(request, place, draft, panel, said=said)
    if request.htmx:
        response["HX-Retarget"] = "#draft"
    return response


@require_POST
def discard(request: HttpRequest, slug: str) -> HttpResponse:
    """Throw the draft away."""
    place = get_place_to_edit(request, slug)
    try:
        discard_draft(
            taxonomy=place.taxonomy, expected_revision=seen_revision(request), actor=request.user
        )
    except DraftMoved as error:
        return show_moved(request, place, error)
    messages.success(request, "The draft is discarded.")
    return HttpResponseRedirect(reverse("web:taxonomy", args=[slug]))


def show_draft(
    request: HttpRequest,
    place: Place,
    draft: Draft,
    panel: Panel,
    *,
    said: str = "",
    at: int | None = None,
    moved: Moved | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """Answer with the draft: the page of it, or for htmx the part that changes."""
    tree = read_tree(draft.classes)
    find = request.GET.get("find", "")
    changes = told_changes(draft)
    branches = used_branches(place.taxonomy, request.user)[0] if place.may_edit else []
    is_at_class = not panel.do and moved is None
    context = {
        "place": place,
        "taxonomy": place.taxonomy,
        "draft": draft,
        "tree": tree,
        "rows": find_rows(tree, find),
        "find": find,
        "at": (at or number_of(request.GET.get("at", ""))) if is_at_class else None,
        "changes": changes,
        "changed_ids": {sentence.change.class_id for sentence, _ in changes},
        "rules": told_rules(draft),
        "branches": [one for one in branches if one.may_write],
        "next_number": draft.base.number + 1,
        "moved": moved,
        "said": said,
        "message": request.POST.get("message", ""),
        **panel_context(panel, draft),
        **more,
    }
    template = "web/parts/taxonomy_draft.html" if request.htmx else "web/taxonomy_draft.html"
    return render(request, template, context, status=status)


def show_moved(request: HttpRequest, place: Place, error: DraftMoved) -> HttpResponse:
    """Answer that somebody edited the draft: what they did, and what this form would have."""
    draft = get_draft(place.taxonomy)
    moved = read_moved(error, draft, request.POST, request.path)
    return show_draft(request, place, draft, Panel(), moved=moved, status=409)


def seen_revision(request: HttpRequest) -> int:
    """Return the revision that the form was made for; -1, which no draft has, for none."""
    found = number_of(request.POST.get("expected_revision", ""))
    return -1 if found is None else found


def _do(request: HttpRequest, place: Place) -> HttpResponse:
    before = get_draft(place.taxonomy)
    try:
        after = _change(request, place.taxonomy, before)
    except DraftMoved as error:
        return show_moved(request, place, error)
    except (ValueError, *REFUSALS) as error:
        return _refused(request, place, before, sentences_of(error))
    said, at = _told(before, after, request.POST)
    if request.htmx:
        return show_draft(request, place, after, Panel(), said=said, at=at)
    messages.success(request, said)
    address = reverse("web:taxonomy-draft", args=[place.taxonomy.slug])
    return HttpResponseRedirect(f"{address}?{urlencode({'at': at})}" if at else address)


def _change(request: HttpRequest, taxonomy: Taxonomy, draft: Draft) -> Draft:
    expected = seen_revision(request)
    if request.POST.get("op") == "take_back":
        change = find_change(draft, request.POST.get("change", ""))
        if change is None and expected == draft.revision:
            raise ValueError("this change is not in the draft any more")
        classes = without_change(draft, change) if change is not None else []
        return replace_draft(
            taxonomy=taxonomy, expected_revision=expected, classes=classes, actor=request.user
        )

    def keep_picture(content: bytes) -> str:
        picture = add_picture(taxonomy=taxonomy, content=content, actor=request.user)
        return bytes(picture.digest).hex()

    operations = read_operations(Form(request.POST, request.FILES, draft, keep_picture))
    if not operations:
        return draft
    return edit_draft(
        taxonomy=taxonomy,
        expected_revision=expected,
        operations=operations,
        actor=request.user,
    )


def _refused(
    request: HttpRequest, place: Place, draft: Draft, problems: Sequence[str]
) -> HttpResponse:
    """Show the form again with what was posted, and why it was refused."""
    asked = QueryDict(mutable=True)
    asked.update(request.POST)
    op = request.POST.get("op", "")
    asked["do"] = {"add_rule": "rules", "remove_rule": "rules"}.get(op, op)
    panel = read_panel(asked, draft) if asked["do"] in PANELS else Panel()
    filled = {name: str(value) for name, value in request.POST.items()}
    panel = replace(panel, problems=tuple(problems), filled=filled)
    return show_draft(request, place, draft, panel, status=422)


def _told(before: Draft, after: Draft, posted: QueryDict) -> tuple[str, int | None]:
    """Return what a change of the draft did in words, and the class to go on with."""
    old = {id_of(spec): spec for spec in before.classes}
    new = {id_of(spec): spec for spec in after.classes}
    changes = diff_classes(before.classes, after.classes)
    live = {id_of(spec) for spec in after.classes if not spec.retired}
    result = next((one for change in changes for one in (*change.into, change.class_id)), None)
    at = next((one for one in (result, number_of(posted.get("class", ""))) if one in live), None)
    if not changes:
        said = "The label rules changed." if before.rules != after.rules else "Nothing differs."
        return said, at
    sentences = [one.text for one in tell_changes(changes[:_MOST_SAID], old, new)]
    rest = len(changes) - len(sentences)
    return " ".join([*sentences, *([f"And {rest} more."] if rest else [])]), at

"""Two curators at one draft: what the other one did, and what this form would have done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.http import QueryDict

from labels_app.actions.drafts import Draft
from labels_app.class_spec import ClassSpec
from labels_app.errors import DraftMoved
from labels_app.reading import reading_of
from web.taxonomy_operation_words import tell_operations
from web.taxonomy_words import CLASS_KINDS

_OWN_FIELDS = frozenset({"csrfmiddlewaretoken", "expected_revision"})
# Forms that name what is in the draft, and are posted again as they are.
_AS_THEY_ARE = frozenset({"take_back"})


class Theirs(NamedTuple):
    """What somebody did to the draft."""

    by: str
    at: datetime
    told: list[str]


class Moved(NamedTuple):
    """Both sides of a draft that moved; `again` are the fields that do it on top."""

    theirs: list[Theirs]
    yours: list[str]
    again: list[tuple[str, str]]
    action: str
    is_publishing: bool


def read_moved(error: DraftMoved, draft: Draft, posted: QueryDict, action: str) -> Moved:
    """Return both sides of a conflict in words."""
    # By the published names: an edit that renamed a class is about what it was called.
    known = [*draft.classes, *reading_of(draft.base).classes.values()]
    theirs = [
        Theirs(
            edit["by"] or "somebody",
            datetime.fromisoformat(edit["at"]),
            tell_operations(edit["operations"], known),
        )
        for edit in error.theirs
    ]
    yours = list(error.yours)
    is_whole = {one.get("op") for one in yours if isinstance(one, dict)} & {"publish", "discard"}
    if posted.get("op") in _AS_THEY_ARE or is_whole:
        again = [
            (name, value)
            for name, values in posted.lists()
            if name not in _OWN_FIELDS
            for value in map(str, values)
        ]
    else:
        again = [("op", "again"), ("operations", json.dumps(yours))]
    if posted.get("op") in _AS_THEY_ARE:
        told = [_tell_taking_back(str(posted.get("change", "")), known)]
    else:
        told = tell_operations(yours, known)
    return Moved(theirs, told, again, action, "publish" in is_whole)


def _tell_taking_back(key: str, classes: Iterable[ClassSpec]) -> str:
    kind, _, class_id = key.partition(":")
    names = {str(spec.class_id): spec.name for spec in classes}
    if class_id not in names or kind not in CLASS_KINDS:
        return "Take a change back"
    return f"Take back that {names[class_id]} is {CLASS_KINDS[kind].word}"

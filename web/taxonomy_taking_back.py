"""Take one change back out of a draft, and leave the others in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from labels_app.actions.drafts import Draft
from labels_app.class_json import class_to_plain
from labels_app.class_spec import ClassSpec, id_of
from labels_app.reading import reading_of
from labels_app.taxonomy_diff import ClassChange, ClassChangeKind
from labels_app.undoing import undo_changes

# What says how a class reads; the other fields are changes of their own.
_READING = ("retired", "forwards_to", "deprecated", "split_into", "parent")
_FIELD_KINDS = frozenset({"renamed", "reparented", "recolored", "edited"})
_MAKES_CLASSES = frozenset(
    {
        ClassChangeKind.ADDED,
        ClassChangeKind.MERGED,
        ClassChangeKind.SPLIT,
        ClassChangeKind.FLIPPED,
    }
)


def find_change(draft: Draft, key: str) -> ClassChange | None:
    """Return the change of a draft that a form names, "KIND:CLASS"."""
    return next((one for one in draft.changes if key_of(one) == key), None)


def key_of(change: ClassChange) -> str:
    """Return how a form names a change."""
    return f"{change.kind.value}:{change.class_id}"


def without_change(draft: Draft, change: ClassChange) -> list[dict[str, Any]]:
    """Return the classes of a draft without one of its changes, as JSON has them.

    Classes that came with the change go, where no other class needs them.

    Raises
    ------
    ValueError
        Another class of the draft needs what would go.
    """
    base = reading_of(draft.base).classes
    now = {id_of(spec): spec for spec in draft.classes}
    touched = {one for one in (change.class_id, *change.sources, *change.into) if one is not None}
    fields = tuple(change.fields) if change.kind.value in _FIELD_KINDS else _READING
    old = [base[one] for one in touched if one in base]
    new = [
        replace(spec, **{name: getattr(now[id_of(spec)], name) for name in fields}) for spec in old
    ]
    undone = undo_changes(draft.classes, old=old, new=new)
    made = touched - base.keys() if change.kind in _MAKES_CLASSES else set()
    kept = [spec for spec in undone if id_of(spec) not in made]
    for spec in kept:
        needed = made & _named_by(spec)
        if needed:
            gone = now[min(needed)].name
            raise ValueError(f"{spec.name} needs {gone}: take back what happened to it first")
    return [class_to_plain(spec) for spec in kept]


def _named_by(spec: ClassSpec) -> set[Any]:
    """Return the ids of the classes that a class names."""
    return {spec.parent, spec.forwards_to, *spec.split_into}

"""Which stored classes each change of a draft touches: a pure function of two readings."""

from __future__ import annotations

from collections.abc import Sequence

from labels_app.reading import Reading
from labels_app.taxonomy_diff import ClassChange, ClassChangeKind

StoredIds = frozenset[int]


def touched_ids(
    old: Reading, new: Reading, changes: Sequence[ClassChange]
) -> tuple[StoredIds, ...]:
    """Return for each change the stored classes that it is about.

    Of a change that alters how labels read those that read as something else afterwards, each
    stored class under one change only: the class that others are merged into stays what it is.
    Of any other change (a new name, a split) all stored classes that read as its classes.
    """
    moved: list[set[int]] = [set() for _ in changes]
    for stored in new.live_of.keys() & old.live_of.keys():
        if old.live_of[stored] != new.live_of[stored]:
            place = _cause_of(old.live_of[stored], new.live_of[stored], changes)
            if place is not None:
                moved[place].add(stored)
    return tuple(
        frozenset(ids) if change.changes_reading else _sources(change, old)
        for change, ids in zip(changes, moved, strict=True)
    )


def _cause_of(was: int | None, now: int | None, changes: Sequence[ClassChange]) -> int | None:
    """Return the change that leads from one live class, or void, to another one."""
    by_result, by_source = None, None
    for place, change in enumerate(changes):
        if not change.changes_reading:
            continue
        leaves = was in _left_by(change)
        if leaves and now in change.into:
            return place
        # A class that comes back and takes in others at once has its own old labels beside
        # those of the others: they are no source of the merge, and still are brought by it.
        if now in change.into and by_result is None:
            by_result = place
        if leaves and by_source is None:
            by_source = place
    return by_source if by_result is None else by_result


def _left_by(change: ClassChange) -> Sequence[int | None]:
    if change.kind == ClassChangeKind.REVIVED and not change.sources:
        return (None,)
    return change.sources


def _sources(change: ClassChange, old: Reading) -> StoredIds:
    return frozenset(stored for live in change.sources for stored in old.sources_of.get(live, ()))

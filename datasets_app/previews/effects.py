"""What a change of a taxonomy does to what one version holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from datasets_app.models.statistics import VOID_CLASS
from datasets_app.previews.counting import (
    SegmentCounter,
    Totals,
    add_known,
    subtract_known,
)
from datasets_app.previews.sources import StoredIds
from labels_app.classes import ClassSpec, id_of
from labels_app.reading import Reading
from labels_app.taxonomy_diff import ClassChange

ClassTotals = Totals


class ChangeEffect(NamedTuple):
    """What one change does to one version; None where it is not counted yet.

    images : that hold a segment which reads as something else afterwards, visible or not
    segments : such segments, as the version reads now; what is void now: as it will read
    pixels : their visible pixels
    joined : segments that are none of their own afterwards, being joined with others
    crowds : segments that are crowds afterwards and were stuff, or void, before

    Of a change that does not alter how labels read, images, segments and pixels are those of
    its classes. A class that others are merged into is not affected, but joined where it is
    stuff.
    """

    images: int | None
    segments: int | None
    pixels: int
    joined: int | None
    crowds: int | None


class ClassTurn(NamedTuple):
    """A class before and after; None on the side where there is no such live class.

    Class 0 is void. `spec` is the class as it will be, of a retired one as it is now.
    """

    class_id: int
    spec: ClassSpec | None
    before: Totals | None
    after: Totals | None


def measure_change(
    counter: SegmentCounter, change: ClassChange, touched: StoredIds, *, now: Reading, then: Reading
) -> ChangeEffect:
    """Measure one change on a version that reads by `now` and will read by `then`.

    `touched` are the stored classes that the change is about.
    """
    held = touched & now.live_of.keys()
    if not change.changes_reading:
        return ChangeEffect(
            counter.images(held), counter.segments(held, now), counter.pixels(held), 0, 0
        )
    # Where the version reads by an older taxonomy version, some of it may be done already,
    # and some undone.
    moved = {stored for stored in held if now.live_of[stored] != then.live_of[stored]}
    void = {stored for stored in moved if now.live_of[stored] is None}
    return ChangeEffect(
        counter.images(moved),
        add_known(counter.segments(moved - void, now), counter.segments(void, then)),
        counter.pixels(moved),
        _count_joined(counter, moved, now, then),
        _count_crowds(counter, moved, now, then),
    )


def measure_classes(
    counter: SegmentCounter, changes: Sequence[ClassChange], *, now: Reading, then: Reading
) -> list[ClassTurn]:
    """Measure before and after every class that the changes name or that other classes join."""
    turns = []
    for class_id in sorted(set(_named(changes)) | set(_regrouped(now, then))):
        sides = [
            counter.totals(class_id, reading) if _is_live(class_id, reading) else None
            for reading in (now, then)
        ]
        spec = then.classes.get(class_id) or now.classes.get(class_id)
        if any(sides):
            turns.append(ClassTurn(class_id, spec, *sides))
    return turns


def _count_joined(
    counter: SegmentCounter, moved: set[int], now: Reading, then: Reading
) -> int | None:
    joined: int | None = 0
    for live in {then.live_of.get(stored) for stored in moved} - {None}:
        members = [one for one in then.sources_of[live] if now.live_of.get(one) is not None]
        if then.classes[live].kind == "thing":
            # Instances of things stay what they are; what was stuff is one crowd.
            members = [one for one in members if one in then.crowd_ids]
        before, after = counter.segments(members, now), counter.images(members)
        joined = add_known(joined, subtract_known(before, after))
    return joined


def _count_crowds(
    counter: SegmentCounter, moved: set[int], now: Reading, then: Reading
) -> int | None:
    by_live: dict[int | None, set[int]] = defaultdict(set)
    for stored in moved & (then.crowd_ids - now.crowd_ids):
        by_live[then.live_of[stored]].add(stored)
    crowds: int | None = 0
    for members in by_live.values():
        crowds = add_known(crowds, counter.images(members))
    return crowds


def _named(changes: Sequence[ClassChange]) -> Iterator[int]:
    for change in changes:
        yield change.class_id
        yield from change.sources
        yield from (VOID_CLASS if live is None else live for live in change.into)


def _regrouped(now: Reading, then: Reading) -> Iterator[int]:
    """Yield the classes that read of other stored classes afterwards."""
    for live in {*now.sources_of, *then.sources_of}:
        # What the older side never had is in no label of the version.
        known = set(then.sources_of.get(live, ())) & now.live_of.keys()
        if known != set(now.sources_of.get(live, ())):
            yield VOID_CLASS if live is None else live


def _is_live(class_id: int, reading: Reading) -> bool:
    if class_id == VOID_CLASS:
        return True
    spec = reading.classes.get(class_id)
    return spec is not None and not spec.retired and id_of(spec) == class_id

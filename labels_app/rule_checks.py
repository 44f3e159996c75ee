"""Check labels against what a taxonomy asks of them.

Pure, and all of it can be sent to a worker process: a `RuleBook` and a label, or its counts,
give `Findings`. Labels are read by the taxonomy first; a rule is about live classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labels_app.class_spec import ClassSpec, id_of, successor_of
from labels_app.rules import LabelRule, RuleKind, Severity
from panoptic.class_counts import ClassCounts
from panoptic.label import Label, count_classes, measure_label
from panoptic.reading import LabelReading, read_label

if TYPE_CHECKING:
    # It knows the database, which a worker process does not.
    from labels_app.reading import Reading

# So many violations of one label are listed; all are counted.
MOST_LISTED = 1_000


class Violation(NamedTuple):
    """What one label breaks of one rule.

    class_id : the live class; None where the rule is about the whole image
    segment_id : as the taxonomy reads the label; None where it is not about one segment
    attribute : the name of the typed attribute that does not fit, else ""
    value, limit : what was found and what the rule asks for: pixels, a number of segments, or
        the value of the attribute, whose limit is None
    """

    rule: RuleKind
    severity: Severity
    class_id: int | None
    segment_id: int | None
    attribute: str
    value: Any
    limit: int | None
    message: str


@dataclass(frozen=True)
class Findings:
    """The violations of one label: the first of them, and how many there are."""

    violations: tuple[Violation, ...] = ()
    errors: int = 0
    warnings: int = 0

    @property
    def count(self) -> int:
        """All violations."""
        return self.errors + self.warnings

    def __bool__(self) -> bool:
        return bool(self.count)

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            (self.violations + other.violations)[:MOST_LISTED],
            self.errors + other.errors,
            self.warnings + other.warnings,
        )


NONE_FOUND = Findings()


@dataclass(frozen=True, eq=False)
class RuleBook:
    """Rules with all that it takes to check them.

    classes : the live classes by id
    label_reading : how stored class ids read
    stored_stuff : the stored ids of stuff that reads as stuff
    """

    rules: tuple[LabelRule, ...]
    classes: Mapping[int, ClassSpec]
    label_reading: LabelReading
    stored_stuff: frozenset[int]

    @classmethod
    def of(cls, reading: Reading, rules: Iterable[LabelRule]) -> RuleBook:
        """Return the book of rules about the live classes of a reading."""
        return cls(
            tuple(rules),
            {id_of(spec): spec for spec in reading.live_classes},
            reading.label_reading,
            frozenset(
                stored
                for stored, kind in reading.stored_kinds.items()
                if kind == "stuff" and stored in reading.kinds.stuff
            ),
        )

    @property
    def of_images(self) -> tuple[LabelRule, ...]:
        """The rules that every label may break, whatever its classes."""
        return self._of_kind(RuleKind.NO_UNLABELLED_PIXELS)

    @cached_property
    def by_class(self) -> Mapping[RuleKind, Mapping[int, tuple[LabelRule, ...]]]:
        """The rules that segments of a live class can break, by kind and class."""
        return {
            kind: {
                class_id: rules
                for class_id, spec in self.classes.items()
                if (
                    rules := tuple(
                        rule
                        for rule in self._of_kind(kind)
                        if rule.covers(class_id) and _can_break(rule, spec)
                    )
                )
            }
            for kind in RuleKind
            if kind is not RuleKind.NO_UNLABELLED_PIXELS
        }

    @cached_property
    def class_ids(self) -> frozenset[int]:
        """The live classes whose segments can break a rule."""
        return frozenset(class_id for rules in self.by_class.values() for class_id in rules)

    @cached_property
    def largest_area(self) -> Mapping[int, int]:
        """The area that segments of a live class must have, the highest of all rules."""
        return {
            class_id: max(rule.value or 0 for rule in rules)
            for class_id, rules in self.by_class[RuleKind.SMALLEST_AREA].items()
        }

    def _of_kind(self, kind: RuleKind) -> tuple[LabelRule, ...]:
        return tuple(rule for rule in self.rules if rule.kind is kind)


def check_label(book: RuleBook, label: Label) -> Findings:
    """Check a label against every rule."""
    if not book.rules:
        return NONE_FOUND
    read = read_label(label, book.label_reading)
    stored = count_classes(label)
    live = stored if read is label else count_classes(read)
    return check_counts(book, stored, live) + _check_read(book, read)


def check_pixels(book: RuleBook, label: Label) -> Findings:
    """Check a label against the rules that its counts do not tell about."""
    return _check_read(book, read_label(label, book.label_reading))


def check_counts(book: RuleBook, stored: ClassCounts, live: ClassCounts) -> Findings:
    """Check the counts of one label against the rules that they can tell about.

    `stored` counts by stored class, `live` counts the label as the taxonomy reads it.
    """
    return _collect(_of_counts(book, stored, live))


def needs_pixels(book: RuleBook, live: ClassCounts) -> bool:
    """Say whether a label of these counts must be read to know all that it breaks."""
    attributes = book.by_class[RuleKind.ATTRIBUTES_FIT]
    return any(
        class_id in attributes
        # The only segment of its class is at least as large as what is visible of it.
        or (segments > 1 and class_id in book.largest_area)
        or pixels < book.largest_area.get(class_id, 0)
        for class_id, segments, pixels in zip(
            live.class_ids.tolist(), live.segments.tolist(), live.pixels.tolist(), strict=True
        )
    )


class ClosedSegments(NamedTuple):
    """How many segments of a class that takes no new ones a label has more than before."""

    class_id: int
    segments: int


def closed_classes(reading: Reading) -> frozenset[int]:
    """Return the stored ids that new segments may not have: retired and deprecated classes."""
    return frozenset(class_id for class_id, spec in reading.classes.items() if not spec.is_open)


def find_closed(
    before: ClassCounts | None, after: ClassCounts, closed: Collection[int]
) -> list[ClosedSegments]:
    """Return the closed classes of which a label has more segments than the one before it."""
    found = [
        (class_id, segments)
        for class_id, segments in zip(
            after.class_ids.tolist(), after.segments.tolist(), strict=True
        )
        if class_id in closed
    ]
    if not found:
        return []
    had = (
        dict(zip(before.class_ids.tolist(), before.segments.tolist(), strict=True))
        if before
        else {}
    )
    return [
        ClosedSegments(class_id, segments - had.get(class_id, 0))
        for class_id, segments in found
        if segments > had.get(class_id, 0)
    ]


def open_classes_for(class_id: int, classes: Mapping[int, ClassSpec]) -> tuple[ClassSpec, ...]:
    """Return the open classes to use instead of a class: its successor, or its parts.

    Nothing takes the place of a class that was retired to void.
    """
    found: dict[int, ClassSpec] = {}
    waiting, seen = [class_id], set()
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        spec = classes[one]
        if spec.is_open:
            found[one] = spec
        elif spec.retired:
            successor = successor_of(spec)
            waiting += [] if successor is None else [successor]
        else:
            waiting += [part for part in spec.split_into if isinstance(part, int)]
    return tuple(found.values())


def closed_message(class_id: int, classes: Mapping[int, ClassSpec]) -> str:
    """Say why a class takes no new segments, and what to use instead."""
    spec = classes[class_id]
    instead = " or ".join(one.name for one in open_classes_for(class_id, classes))
    what = "retired" if spec.retired else "split" if spec.split_into else "deprecated"
    return f"{spec.name} is {what}" + (
        f": use {instead}" if instead else ", and nothing replaces it"
    )


def _can_break(rule: LabelRule, spec: ClassSpec) -> bool:
    """Say whether a segment of this class can break the rule at all."""
    if rule.kind is RuleKind.MOST_INSTANCES:
        return spec.kind == "thing"
    if rule.kind is RuleKind.STUFF_NOT_CROWD:
        return spec.kind == "stuff"
    if rule.kind is RuleKind.ATTRIBUTES_FIT:
        return bool(spec.attributes)
    return (rule.value or 0) > 1  # a segment has a pixel


def _collect(violations: Iterable[Violation]) -> Findings:
    listed: list[Violation] = []
    errors = warnings = 0
    for violation in violations:
        errors += violation.severity is Severity.ERROR
        warnings += violation.severity is Severity.WARNING
        if len(listed) < MOST_LISTED:
            listed.append(violation)
    return Findings(tuple(listed), errors, warnings) if listed else NONE_FOUND


def _of_counts(book: RuleBook, stored: ClassCounts, live: ClassCounts) -> Iterator[Violation]:
    for rule in book.of_images:
        most = rule.value or 0
        if live.void_pixels > most:
            message = f"{live.void_pixels} pixels are unlabelled, at most {most} may be"
            yield Violation(
                rule.kind, rule.severity, None, None, "", live.void_pixels, most, message
            )
    yield from _too_many(book, live)
    yield from _stuff_crowds(book, stored)


def _too_many(book: RuleBook, live: ClassCounts) -> Iterator[Violation]:
    limits = book.by_class[RuleKind.MOST_INSTANCES]
    if not limits:
        return
    instances = (live.segments - live.crowds).tolist()
    for class_id, count in zip(live.class_ids.tolist(), instances, strict=True):
        for rule in limits.get(class_id, ()):
            if count > (rule.value or 0):
                name = book.classes[class_id].name
                message = f"{name} has {count} instances, at most {rule.value} may be"
                yield Violation(
                    rule.kind, rule.severity, class_id, None, "", count, rule.value, message
                )


def _stuff_crowds(book: RuleBook, stored: ClassCounts) -> Iterator[Violation]:
    """Yield what says that stuff is a crowd; a thing that reads as stuff now says no such thing."""
    limits = book.by_class[RuleKind.STUFF_NOT_CROWD]
    if not limits or not stored.crowds.any():
        return
    live_ids = book.label_reading.class_map.map_classes(stored.class_ids).tolist()
    crowds: dict[int, int] = {}
    for stored_id, class_id, count in zip(
        stored.class_ids.tolist(), live_ids, stored.crowds.tolist(), strict=True
    ):
        if count and stored_id in book.stored_stuff:
            crowds[class_id] = crowds.get(class_id, 0) + count
    for class_id, count in sorted(crowds.items()):
        for rule in limits.get(class_id, ()):
            message = f"{book.classes[class_id].name} is stuff and marked as a crowd"
            yield Violation(rule.kind, rule.severity, class_id, None, "", count, 0, message)


def _check_read(book: RuleBook, read: Label) -> Findings:
    return _collect((*_small_segments(book, read), *_misfits(book, read)))


def _small_segments(book: RuleBook, read: Label) -> Iterator[Violation]:
    limits = book.by_class[RuleKind.SMALLEST_AREA]
    class_ids = read.segments.class_ids
    limited = [one for one in np.unique(class_ids).tolist() if one in limits]
    if not limited:
        return
    areas = measure_label(read).areas
    for class_id in limited:
        of_class = class_ids == class_id
        for rule in limits[class_id]:
            for place in np.flatnonzero(of_class & (areas < (rule.value or 0))).tolist():
                area = int(areas[place])
                name = book.classes[class_id].name
                message = f"{name} has {area} pixels, at least {rule.value} are asked for"
                yield Violation(
                    rule.kind,
                    rule.severity,
                    class_id,
                    int(read.segments.ids[place]),
                    "",
                    area,
                    rule.value,
                    message,
                )


def _misfits(book: RuleBook, read: Label) -> Iterator[Violation]:
    limits = book.by_class[RuleKind.ATTRIBUTES_FIT]
    if not limits:
        return
    segments = read.segments
    for segment_id, class_id in zip(
        segments.ids.tolist(), segments.class_ids.tolist(), strict=True
    ):
        rules = limits.get(class_id)
        if not rules:
            continue
        spec = book.classes[class_id]
        given = segments.attributes.get(segment_id, {})
        for attribute in spec.attributes:
            if attribute.name in given:
                value = given[attribute.name]
                problem = attribute.problem_of(value)
                message = f"{attribute.name} of {spec.name} {problem}"
            else:
                value, problem = None, "is missing" if attribute.required else None
                message = f"{spec.name} needs the attribute {attribute.name}"
            if problem is not None:
                for rule in rules:
                    yield Violation(
                        rule.kind,
                        rule.severity,
                        class_id,
                        segment_id,
                        attribute.name,
                        value,
                        None,
                        message,
                    )

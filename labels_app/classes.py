"""The classes of a taxonomy version as plain values, and how a list of them is settled.

A list of classes is *settled* when every class has its id and colour, parents are class
ids, and every retired class names in one step the live class (or void) it reads as
(RULES 5.1). `settle_classes` makes a settled list from what somebody wrote.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import rfc8785

from labels_app.class_checks import (
    id_problems,
    name_problems,
    own_problems,
    reference_problems,
)
from labels_app.class_json import class_to_plain
from labels_app.class_spec import (
    HIGHEST_CLASS_ID,
    AttributeSpec,
    ClassSpec,
    ExamplePicture,
    id_of,
    parent_of,
    successor_of,
)
from labels_app.errors import InvalidTaxonomy

__all__ = [
    "HIGHEST_CLASS_ID",
    "AttributeSpec",
    "ClassSpec",
    "ExamplePicture",
    "SettledClasses",
    "classes_digest",
    "hex_color",
    "id_of",
    "parent_of",
    "settle_classes",
    "successor_of",
    "tidy_name",
]

_COLORS_TRIED = 32
_ODD = 0x9E3779
# Fields that came after the first taxonomies: at their default they stay out of the digest,
# so that the digests of old versions stay what they were.
_LATER_FIELDS: Mapping[str, Any] = {
    "synonyms": [],
    "attributes": [],
    "guideline": "",
    "examples": [],
    "deprecated": False,
    "split_into": [],
}


class SettledClasses(NamedTuple):
    """A settled list, ordered by class id, and the next id that was never given."""

    classes: tuple[ClassSpec, ...]
    next_class_id: int


def settle_classes(
    classes: Iterable[ClassSpec],
    *,
    previous: Sequence[ClassSpec] = (),
    next_class_id: int = 1,
    reserved: Iterable[int] = (),
) -> SettledClasses:
    """Give ids and colours to new classes, resolve what names another class, check the rules.

    The kind of a class id never changes, since labels were made by it. A class that comes
    with another kind than before gets a new id; the old one is retired and reads as it. Back
    again, it gets its old id back.

    Parameters
    ----------
    classes
        All classes of the new version, the retired ones too.
    previous
        The settled classes of the version before.
    next_class_id
        The lowest id that this taxonomy has never given to a class.
    reserved
        Ids below `next_class_id` that were given to classes of an unpublished draft.

    Raises
    ------
    InvalidTaxonomy
        With every problem that was found, in the order of the classes.
    """
    classes = [_tidied(spec) for spec in classes]
    known = {spec.class_id for spec in previous}
    problems = [problem for spec in classes for problem in own_problems(spec)]
    problems += id_problems(classes, known, known | set(reserved), next_class_id)
    problems += name_problems(classes)
    if problems:
        raise InvalidTaxonomy(problems)
    classes, next_class_id = _with_ids(classes, next_class_id)
    classes, problems = _with_references(classes)
    if problems:
        raise InvalidTaxonomy(problems)
    classes, next_class_id = _with_flips(classes, previous, next_class_id)
    if next_class_id > HIGHEST_CLASS_ID + 1:
        raise InvalidTaxonomy([f"a taxonomy has at most {HIGHEST_CLASS_ID} classes in its life"])
    if problems := reference_problems(classes):
        raise InvalidTaxonomy(problems)
    return SettledClasses(_with_colors(_with_short_forwards(classes)), next_class_id)


def classes_digest(classes: Iterable[ClassSpec], rules: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Return the sha256 over the RFC 8785 form of settled classes and label rules.

    The order of the classes does not matter.
    """
    rows = [
        {
            name: value
            for name, value in class_to_plain(spec).items()
            if name not in _LATER_FIELDS or value != _LATER_FIELDS[name]
        }
        for spec in sorted(classes, key=lambda spec: spec.class_id or 0)
    ]
    content: dict[str, Any] = {"form": 1, "classes": rows}
    if rules:
        content["rules"] = [dict(rule) for rule in rules]
    return hashlib.sha256(rfc8785.dumps(content)).digest()


def tidy_name(name: str) -> str:
    """Return a name as taxonomies keep it: NFC, without spaces around it."""
    return unicodedata.normalize("NFC", name).strip()


def hex_color(rgb: Sequence[int]) -> str:
    """Write three numbers of 0-255 as #rrggbb."""
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"


def _tidied(spec: ClassSpec) -> ClassSpec:
    spec = replace(spec, name=tidy_name(spec.name), synonyms=tuple(map(tidy_name, spec.synonyms)))
    # What nobody can use any more is not deprecated on top of that.
    return replace(spec, deprecated=False, split_into=()) if spec.retired else spec


def _with_ids(classes: Sequence[ClassSpec], next_class_id: int) -> tuple[list[ClassSpec], int]:
    given = [spec.class_id for spec in classes if spec.class_id is not None]
    free = max([next_class_id, *(class_id + 1 for class_id in given)])
    settled = []
    for spec in classes:
        if spec.class_id is None:
            spec, free = replace(spec, class_id=free), free + 1
        settled.append(spec)
    return sorted(settled, key=id_of), free


def _with_references(classes: Sequence[ClassSpec]) -> tuple[list[ClassSpec], list[str]]:
    """Turn names of other classes into class ids; say which name nothing."""
    ids = {id_of(spec) for spec in classes}
    by_name = {spec.name: id_of(spec) for spec in classes if not spec.retired}
    problems: list[str] = []

    def find(spec: ClassSpec, what: str, reference: int | str | None) -> int | None:
        found = by_name.get(tidy_name(reference)) if isinstance(reference, str) else reference
        if reference is not None and found not in ids:
            problems.append(f"{spec.name}: {what} {reference} is no class of this taxonomy")
        return found

    settled = [
        replace(
            spec,
            parent=find(spec, "its parent", spec.parent),
            forwards_to=find(spec, "its successor", spec.forwards_to),
            split_into=tuple(
                found
                for one in spec.split_into
                if (found := find(spec, "its part", one)) is not None
            ),
        )
        for spec in classes
    ]
    return settled, problems


def _with_flips(
    classes: Sequence[ClassSpec], previous: Sequence[ClassSpec], free: int
) -> tuple[list[ClassSpec], int]:
    """Give new ids to classes whose kind is another than before."""
    before = {id_of(spec): spec for spec in previous}
    kept: dict[int, ClassSpec] = {}
    moved: dict[int, int] = {}
    for spec in classes:
        class_id = id_of(spec)
        old = before.get(class_id)
        if old is None or old.kind == spec.kind:
            kept.setdefault(class_id, spec)
        elif spec.retired:
            kept[class_id] = replace(spec, kind=old.kind)
        else:
            twin = _twin_of(old, spec.kind, previous)
            moved[class_id] = free if twin is None else twin
            free += twin is None
            kept[moved[class_id]] = replace(spec, class_id=moved[class_id])
            kept[class_id] = replace(
                old,
                retired=True,
                forwards_to=moved[class_id],
                parent=None,
                deprecated=False,
                split_into=(),
            )
    if not moved:
        return list(classes) if len(kept) == len(classes) else list(kept.values()), free
    flipped = [_led_to(spec, moved) for spec in kept.values()]
    return sorted(flipped, key=id_of), free


def _twin_of(old: ClassSpec, kind: str, previous: Sequence[ClassSpec]) -> int | None:
    """Return the id that a class had before it was flipped to the kind it has now."""
    return next(
        (
            spec.class_id
            for spec in previous
            if spec.retired
            and (spec.forwards_to, spec.kind, spec.name) == (old.class_id, kind, old.name)
        ),
        None,
    )


def _led_to(spec: ClassSpec, moved: Mapping[int, int]) -> ClassSpec:
    """Return a class whose references follow those that moved to another id."""

    def lead(reference: int | str | None) -> int | str | None:
        return moved.get(reference, reference) if isinstance(reference, int) else reference

    is_left = spec.retired and spec.class_id in moved
    return replace(
        spec,
        parent=lead(spec.parent),
        forwards_to=spec.forwards_to if is_left else lead(spec.forwards_to),
        split_into=tuple(moved.get(one, one) for one in spec.split_into if isinstance(one, int)),
    )


def _with_short_forwards(classes: Sequence[ClassSpec]) -> list[ClassSpec]:
    """Make every retired class name its last successor, which is live, or void."""
    by_id = {id_of(spec): spec for spec in classes}

    def last(spec: ClassSpec) -> int | None:
        successor = successor_of(spec)
        while successor is not None and by_id[successor].retired:
            successor = successor_of(by_id[successor])
        return successor

    return [replace(spec, forwards_to=last(spec)) for spec in classes]


def _with_colors(classes: Sequence[ClassSpec]) -> tuple[ClassSpec, ...]:
    """Give each class without a colour one that no other class has."""
    taken = {spec.color.lower() for spec in classes if spec.color}
    settled = []
    for spec in classes:
        color = spec.color.lower() if spec.color else _free_color(id_of(spec), taken)
        taken.add(color)
        settled.append(replace(spec, color=color, external=dict(spec.external)))
    return tuple(settled)


def _free_color(class_id: int, taken: set[str]) -> str:
    from panoptic.colors import distinct_color

    # The sequence starts at the class id, so that a class keeps its colour when others
    # before it have colours of their own.
    for number in range(class_id - 1, class_id - 1 + _COLORS_TRIED):
        if (color := hex_color(distinct_color(number))) not in taken:
            return color
    # Thousands of classes: nobody tells them apart by eye any more, but all colours still
    # differ. An odd factor visits each of the 2^24 colours once.
    for number in range(class_id, class_id + 2**24):
        if (color := f"#{number * _ODD % 2**24:06x}") not in taken:
            return color
    raise AssertionError("there are more colours than classes")
